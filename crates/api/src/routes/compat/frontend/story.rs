//! What a row says in words.

use fluxora_stream::{Body, ContractState, Status, StatusName, Stream, StreamId, UnixTime};
use serde::Serialize;

use super::dates::{Dates, date};
use super::money::Money;

/// An entry of the timeline.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "FrontendTimelineEntry"))]
pub(super) struct Entry {
    date: String,
    title: &'static str,
    detail: String,
}

/// The state of a stream in the words of the front end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) status: &'static str,
    pub(super) health: &'static str,
    pub(super) note: &'static str,
}

impl State {
    pub(super) fn of(stream: &Stream, money: &Money, dates: Dates, at: UnixTime) -> Self {
        let (status, health, note) = match stream.status_at(at) {
            StatusName::Completed => ("Completed", "Settled", "The stream has reached its end."),
            StatusName::Cancelled => ("Completed", "Settled", "The stream was cancelled."),
            StatusName::Depleted => ("Completed", "Settled", "Everything was withdrawn."),
            StatusName::Paused => ("Paused", "Attention", "The stream is paused."),
            StatusName::Scheduled => ("Active", "Healthy", "The stream has not started."),
            StatusName::Active if at < dates.start => ("Active", "Healthy", "The stream has not started."),
            StatusName::Active if at >= dates.end || money.streamed >= money.deposit => {
                ("Active", "Settled", "Everything has streamed. The recipient can withdraw it.")
            }
            StatusName::Active => ("Active", "Healthy", "The stream runs as agreed."),
        };
        if is_uncertain(stream) {
            let note = "An event of the contract could not be read or contradicts its rules: check the stream on chain.";
            return Self { status, health: "Attention", note };
        }
        Self { status, health, note }
    }
}

/// Whether the stream may differ from the contract's.
pub(super) fn is_uncertain(stream: &Stream) -> bool {
    let Body::Chain(chain) = &stream.body else { return false };
    match &chain.state {
        ContractState::V9(state) => state.on_chain.unprojected_events > 0 || state.on_chain.anomalies > 0,
        ContractState::Vesting(state) => state.unprojected_events > 0 || state.anomalies > 0,
    }
}

pub(super) fn name(id: StreamId) -> String {
    match id {
        StreamId::Chain { number, .. } => format!("Stream #{number}"),
        StreamId::Api(id) => {
            let text = id.simple().to_string();
            format!("Stream {}", text.get(24..).unwrap_or(&text))
        }
    }
}

pub(super) fn summary(stream: &Stream, money: &Money, dates: Dates) -> String {
    let Money { asset, deposit, .. } = money;
    let text =
        format!("{} {} from {} to {}.", asset.show(*deposit), asset.code, date(dates.start), date(dates.end));
    let reference = stream.details().vesting().and_then(|state| state.reference.as_deref());
    match reference.map(str::trim).filter(|reference| !reference.is_empty()) {
        Some(reference) => format!("{text} Reference: {reference}"),
        None => text,
    }
}

pub(super) fn tags(stream: &Stream, dates: Dates) -> Vec<&'static str> {
    let origin = match stream.body {
        Body::Api { .. } => "api",
        Body::Chain(_) => "onchain",
    };
    let cliff = dates.cliff.map(|_| "cliff");
    let uncertain = is_uncertain(stream).then_some("uncertain");
    [Some(origin), cliff, uncertain].into_iter().flatten().collect()
}

/// What happened and what is to come, in order of time.
pub(super) fn timeline(stream: &Stream, dates: Dates, at: UnixTime) -> Vec<Entry> {
    let mut entries = vec![(UnixTime::of(stream.created_at), "Created", "The deposit was locked.")];
    let tense = |when: UnixTime, past, future| if when <= at { past } else { future };
    let (start, end) = (dates.start, dates.end);
    entries.push((
        start,
        tense(start, "Started", "Starts"),
        "Start of the flow from the treasury to the recipient.",
    ));
    if let Some(cliff) = dates.cliff {
        entries.push((
            cliff,
            tense(cliff, "Cliff reached", "Cliff"),
            "Nothing can be withdrawn before this date.",
        ));
    }
    match stream.status {
        Status::Cancelled { at } => entries.push((
            UnixTime::of(at),
            "Cancelled",
            "The streamed amount stays with the recipient. The rest went back to the treasury.",
        )),
        Status::Paused { at } => {
            entries.push((UnixTime::of(at), "Paused", "The treasury paused the stream."));
            entries.push((end, "Ends", "End of the schedule if the stream is not resumed later."));
        }
        _ => entries.push((end, tense(end, "Ended", "Ends"), "End of the schedule.")),
    }
    entries.sort_by_key(|(when, ..)| *when);
    let entry = |(when, title, detail): (UnixTime, _, &str)| Entry {
        date: date(when),
        title,
        detail: detail.to_owned(),
    };
    entries.into_iter().map(entry).collect()
}
