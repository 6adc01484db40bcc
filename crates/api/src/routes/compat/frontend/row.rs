use fluxora_stream::{Address, Stream, UnixTime};
use serde::Serialize;

use super::dates::{Dates, date};
use super::money::{Money, short};
use super::story::{self, Entry, State};
use crate::{Frontend, Tokens};

/// A stream as the official front end reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "FrontendStream"))]
pub(crate) struct Row {
    id: String,
    name: String,
    recipient_name: String,
    recipient_address: String,
    treasury_name: String,
    treasury_address: String,
    asset: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::FrontendStatus"))]
    status: &'static str,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::PlainAmount"))]
    monthly_rate: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::PlainAmount"))]
    deposit_amount: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::PlainAmount"))]
    streamed_amount: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::PlainAmount"))]
    withdrawable_amount: String,
    /// What the contract still holds for the stream.
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::PlainAmount"))]
    remaining_amount: String,
    /// The streamed share in percent, with one decimal.
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Percent"))]
    progress: f64,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Date"))]
    start_date: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Date"))]
    end_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Date>"))]
    cliff_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Date>"))]
    next_unlock_date: Option<String>,
    summary: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::FrontendHealth"))]
    health: &'static str,
    health_note: &'static str,
    audit_note: &'static str,
    tags: Vec<&'static str>,
    timeline: Vec<Entry>,
}

impl Row {
    /// The row of a stream as it stands: at `now`, or at its last event where the clock is behind that. `None` if the front
    /// end would refuse it, and with it the whole list.
    pub(super) fn current(
        stream: &Stream,
        now: UnixTime,
        tokens: &Tokens,
        frontend: &Frontend,
    ) -> Option<(Self, Money)> {
        let at = now.max(UnixTime::of(stream.updated_at));
        let (sender, recipient) = (stream.sender, stream.recipient);
        let are_accounts = [sender, recipient].iter().all(|party| matches!(party, Address::Account(_)));
        let money = Money::of(stream, at, tokens, frontend);
        if !are_accounts || !money.is_sound() {
            return None;
        }
        let dates = Dates::of(stream, at);
        let State { status, health, note } = State::of(stream, &money, dates, at);
        let show = |amount| money.asset.show(amount);
        let row = Self {
            id: frontend.id(stream.id()),
            name: story::name(stream.id()),
            recipient_name: short(recipient),
            recipient_address: recipient.to_string(),
            treasury_name: short(sender),
            treasury_address: sender.to_string(),
            asset: money.asset.code.clone(),
            status,
            monthly_rate: show(money.monthly),
            deposit_amount: show(money.deposit),
            streamed_amount: show(money.streamed),
            withdrawable_amount: show(money.withdrawable),
            remaining_amount: show(money.remaining),
            progress: money.progress(),
            start_date: date(dates.start),
            end_date: date(dates.end),
            cliff_date: dates.cliff.map(date),
            next_unlock_date: dates.next_unlock.map(date),
            summary: story::summary(stream, &money, dates),
            health,
            health_note: note,
            audit_note: "",
            tags: story::tags(stream, dates),
            timeline: story::timeline(stream, dates, at),
        };
        Some((row, money))
    }

    /// Whether the row counts as active in the words of the front end.
    pub(super) fn is_active(&self) -> bool {
        self.status == "Active"
    }
}
