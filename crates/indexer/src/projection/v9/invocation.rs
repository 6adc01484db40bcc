//! What the invocation of an event says about the values that the event leaves open.
//!
//! The arguments are read by the function's name, each at its place, with the number and the types that the function has. A
//! function that is not listed here decides nothing. An invocation whose arguments are not those of the event contradicts it,
//! and decides nothing either.

use fluxora_stream::{Address, Kind, UnixTime, V9Stream};
use serde::Deserialize;
use serde_json::Value;

use super::decode::{ContractAction, Decoded};
use super::payload::{Hex, Number, Party, Second, Stroops};
use super::values::{Created, RateUpdated, Withdrew};
use crate::projection::leaves_open;
use crate::{ContractEvent, Invocation, InvocationSource};

/// What an invocation says about one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled<T> {
    /// Nothing: there is no invocation, or its function does not decide the value.
    Open,
    /// The value.
    As(T),
    /// It is not the call that emitted the event.
    Contradicted,
}

/// An invocation with its arguments read.
#[derive(Debug)]
struct Call<'a> {
    invocation: &'a Invocation,
    arguments: Vec<Value>,
}

/// The terms of one stream in the arguments of a function that creates streams.
struct Terms {
    recipient: Address,
    deposit: i128,
    rate: i128,
    start: UnixTime,
    cliff: UnixTime,
    end: UnixTime,
    dust: i128,
    kind: Kind,
}

/// `CreateStreamParams`.
#[derive(Deserialize)]
struct Absolute {
    recipient: Party,
    deposit_amount: Stroops,
    rate_per_second: Stroops,
    start_time: Second,
    cliff_time: Second,
    end_time: Second,
    #[serde(default)]
    withdraw_dust_threshold: Option<Stroops>,
    kind: u32,
}

/// `CreateStreamRelativeParams`.
#[derive(Deserialize)]
struct Relative {
    recipient: Party,
    deposit_amount: Stroops,
    rate_per_second: Stroops,
    start_delay: Number,
    cliff_delay: Number,
    duration: Number,
    #[serde(default)]
    withdraw_dust_threshold: Option<Stroops>,
    kind: u32,
}

/// The kind of a stream that is created at `now`.
pub(super) fn kind(invocation: Option<&Invocation>, value: &Created, now: UnixTime) -> Settled<Kind> {
    let Some(call) = Call::read(invocation) else { return Settled::Open };
    let Some(created) = call.creations(now) else { return Settled::Open };
    if !call.may_be_by(|by| by == value.sender.0) {
        return Settled::Open;
    }
    let is_sender = call.party(0) == Some(value.sender.0);
    let mut kinds = created.iter().filter(|terms| is_sender && terms.fit(value)).map(|terms| terms.kind);
    match kinds.next() {
        None => Settled::Contradicted,
        // Streams of one call can have the same terms but for the kind.
        Some(kind) if kinds.all(|other| other == kind) => Settled::As(kind),
        Some(_) => Settled::Open,
    }
}

/// Whether a change of the rate kept what had accrued. Without the stream before it, only the arguments are compared.
pub(super) fn kept(
    invocation: Option<&Invocation>,
    stream: Option<&V9Stream>,
    value: &RateUpdated,
) -> Settled<bool> {
    let Some(call) = Call::read(invocation) else { return Settled::Open };
    let (number, rate) = (value.stream_id.0.to_string(), value.new_rate_per_second.0.to_string());
    let is_meant = |stream: &Value, new: &Value| is_text(stream, &number) && is_text(new, &rate);
    match (call.invocation.function(), call.arguments.as_slice()) {
        ("update_rate_per_second", arguments) => {
            if !call.may_be_by(|by| stream.is_none_or(|stream| by == stream.sender)) {
                return Settled::Open;
            }
            let raises = stream.is_none_or(|stream| {
                let schedule = &stream.body.state.flow.schedule;
                let rate = value.new_rate_per_second.amount();
                rate > schedule.rate && super::inference::covers(schedule, rate)
            });
            let [id, new] = arguments else { return Settled::Contradicted };
            settled(is_meant(id, new) && raises, true)
        }
        ("update_rate", [one, two, three]) => {
            // The one address among the three is the caller. The stream comes before the rate.
            let placed = [(one, [two, three]), (two, [one, three]), (three, [one, two])];
            let mut callers =
                placed.into_iter().filter_map(|(caller, rest)| Some((read::<Party>(caller)?.0, rest)));
            let Some((caller, [id, new])) = callers.next() else { return Settled::Contradicted };
            if call.may_be_by(|by| by == caller) { settled(is_meant(id, new), false) } else { Settled::Open }
        }
        ("update_rate", _) => Settled::Contradicted,
        _ => Settled::Open,
    }
}

/// The amount that a withdrawal takes out of its stream: that of the event, and the fee of a relayer.
pub(super) fn gross(
    invocation: Option<&Invocation>,
    stream: Option<&V9Stream>,
    value: &Withdrew<'_>,
) -> Settled<i128> {
    let Some(call) = Call::read(invocation) else { return Settled::Open };
    let number = value.stream_id.0.to_string();
    let (net, recipient) = (value.amount.0, &value.recipient.0);
    let of_sender = |by| stream.is_none_or(|stream| by == stream.sender);
    let is_stream = |id: &Value| is_text(id, &number);
    // The fee, where the arguments are those of the event.
    let (is_authorized, fee) = match (call.invocation.function(), call.arguments.as_slice()) {
        ("withdraw", arguments) => {
            let is_meant = match arguments {
                [id] => is_stream(id),
                [id, least] => is_stream(id) && pays_at_least(least, net),
                _ => false,
            };
            (call.may_be_by(|by| by.to_string() == *recipient), is_meant.then_some(0))
        }
        ("withdraw_from_pool", arguments) => {
            let is_meant = matches!(arguments, [id, member] if is_stream(id) && is_text(member, recipient));
            (call.may_be_by(|by| call.party(1) == Some(by)), is_meant.then_some(0))
        }
        ("bulk_cancel_streams", arguments) => {
            let is_meant = match arguments {
                [sender, Value::Array(ids)] => {
                    let is_number = |id| read::<Number>(id).is_some();
                    read::<Party>(sender).is_some_and(|Party(sender)| of_sender(sender))
                        && ids.iter().all(is_number)
                        && ids.iter().any(is_stream)
                }
                _ => false,
            };
            (call.may_be_by(of_sender), is_meant.then_some(0))
        }
        ("delegated_withdraw", arguments) => {
            let fee = match arguments {
                // Before the fee was added, the signature came in its place.
                [signed @ .., signature] if signed.len() == 6 => {
                    call.signed(&number, net, signature).then_some(0)
                }
                [.., fee, signature] if arguments.len() == 8 => {
                    let fee = read(fee).map(|Stroops(fee)| fee);
                    fee.filter(|_| call.signed(&number, net, signature))
                }
                _ => None,
            };
            (call.may_be_by(|by| call.party(1) == Some(by)), fee)
        }
        _ => return Settled::Open,
    };
    if !is_authorized {
        return Settled::Open;
    }
    match fee.and_then(|fee| net.checked_add(fee)) {
        Some(gross) => Settled::As(gross),
        None => Settled::Contradicted,
    }
}

fn settled<T>(is_meant: bool, value: T) -> Settled<T> {
    if is_meant { Settled::As(value) } else { Settled::Contradicted }
}

/// The call in which an event of this family was emitted, among the calls that its transaction makes or authorizes. `None`
/// where the event leaves nothing open, or where more than one call, or none, can be meant.
pub(in crate::projection) fn of_event<'c>(
    event: &ContractEvent,
    calls: &'c [Invocation],
) -> Option<&'c Invocation> {
    let Ok(Decoded::Stream(_, action)) = Decoded::read(event.topic.as_str(), &event.payload) else {
        return None;
    };
    if !leaves_open(event) {
        return None;
    }
    let decides = |call: &Invocation| match &action {
        ContractAction::Created(value) => {
            matches!(kind(Some(call), value, UnixTime::of(event.happened_at)), Settled::As(_))
        }
        ContractAction::RateUpdated(value) => matches!(kept(Some(call), None, value), Settled::As(_)),
        ContractAction::Withdrew(value) => matches!(gross(Some(call), None, value), Settled::As(_)),
        _ => false,
    };
    let of_contract = || calls.iter().filter(|call| *call.contract() == event.contract);
    // A transaction is one call, and a contract cannot be called again from within it.
    if let Some(root) = of_contract().find(|call| *call.source() == InvocationSource::Proven) {
        return Some(root);
    }
    let mut meant = of_contract().filter(|call| decides(call));
    let first = meant.next()?;
    meant.all(|other| other.is_same_call(first)).then_some(first)
}

impl<'a> Call<'a> {
    /// `None` without an invocation, and for arguments that are nested too deep.
    fn read(invocation: Option<&'a Invocation>) -> Option<Self> {
        let invocation = invocation?;
        Some(Self { invocation, arguments: serde_json::from_str(invocation.arguments()).ok()? })
    }

    fn read_at<T: for<'de> Deserialize<'de>>(&self, index: usize) -> Option<T> {
        self.arguments.get(index).and_then(read)
    }

    fn party(&self, index: usize) -> Option<Address> {
        self.read_at::<Party>(index).map(|Party(address)| address)
    }

    /// Whether what the recipient signs for a relayer is of this stream and allows this amount.
    fn signed(&self, number: &str, net: i128, signature: &Value) -> bool {
        let numbers = [3, 4].into_iter().all(|index| self.read_at::<Number>(index).is_some());
        let bytes = self.read_at::<Hex>(2).is_some() && read::<Hex>(signature).is_some();
        self.arguments.first().is_some_and(|id| is_text(id, number))
            && self.party(1).is_some()
            && numbers
            && bytes
            && self.arguments.get(5).is_some_and(|least| !least.is_null() && pays_at_least(least, net))
    }

    /// Whether the account that authorized the call is the one that has to. An unused authorization by another account says
    /// nothing.
    fn may_be_by(&self, has_to: impl Fn(Address) -> bool) -> bool {
        match self.invocation.source() {
            InvocationSource::Authorized { by } => Address::parse(by.as_str()).is_ok_and(has_to),
            InvocationSource::Pushed | InvocationSource::Proven => true,
        }
    }

    /// The streams that the call asks to create; `None` for another function. Terms that cannot be read are left out.
    fn creations(&self, now: UnixTime) -> Option<Vec<Terms>> {
        let one = |terms: Option<Terms>| terms.into_iter().collect();
        let flat = [2, 3, 4, 5, 6, 7, 9];
        Some(match (self.invocation.function(), self.arguments.as_slice()) {
            ("create_stream", [_, terms]) => one(Terms::absolute(terms)),
            // Before the parameters were gathered in a map: metadata, irrevocability and witness were added at the end.
            ("create_stream", arguments) if (10..=13).contains(&arguments.len()) => {
                one(self.terms_at(self.party(1), flat))
            }
            ("create_stream_with_lookback", [_, terms, ledgers]) if ledgers.is_null() || ledgers.is_u64() => {
                one(Terms::absolute(terms))
            }
            ("create_stream_relative", [_, terms]) => one(Terms::relative(terms, now)),
            ("create_streams" | "create_streams_partial", [_, Value::Array(all)]) => {
                all.iter().filter_map(Terms::absolute).collect()
            }
            ("create_streams_relative", [_, Value::Array(all)]) => {
                all.iter().filter_map(|terms| Terms::relative(terms, now)).collect()
            }
            // A pool is a stream from the sender to the sender.
            ("create_pooled_stream", [_, Value::Array(_), ..]) if self.arguments.len() == 10 => {
                one(self.terms_at(self.party(0), flat))
            }
            (
                "create_stream"
                | "create_stream_with_lookback"
                | "create_stream_relative"
                | "create_streams"
                | "create_streams_partial"
                | "create_streams_relative"
                | "create_pooled_stream",
                _,
            ) => Vec::new(),
            _ => return None,
        })
    }

    /// Terms that are arguments each: deposit, rate, start, cliff, end, least withdrawal and kind.
    fn terms_at(&self, recipient: Option<Address>, at: [usize; 7]) -> Option<Terms> {
        let [deposit, rate, start, cliff, end, dust, kind] = at;
        Some(Terms {
            recipient: recipient?,
            deposit: self.read_at::<Stroops>(deposit)?.0,
            rate: self.read_at::<Stroops>(rate)?.0,
            start: self.read_at::<Second>(start)?.0,
            cliff: self.read_at::<Second>(cliff)?.0,
            end: self.read_at::<Second>(end)?.0,
            dust: self.read_at::<Stroops>(dust)?.0,
            kind: kind_of(self.read_at(kind)?)?,
        })
    }
}

impl Terms {
    fn absolute(value: &Value) -> Option<Self> {
        let terms: Absolute = read(value)?;
        Some(Self {
            recipient: terms.recipient.0,
            deposit: terms.deposit_amount.0,
            rate: terms.rate_per_second.0,
            start: terms.start_time.0,
            cliff: terms.cliff_time.0,
            end: terms.end_time.0,
            dust: terms.withdraw_dust_threshold.map_or(0, |Stroops(dust)| dust),
            kind: kind_of(terms.kind)?,
        })
    }

    fn relative(value: &Value, now: UnixTime) -> Option<Self> {
        let terms: Relative = read(value)?;
        let start = now.checked_add(terms.start_delay.0)?;
        Some(Self {
            recipient: terms.recipient.0,
            deposit: terms.deposit_amount.0,
            rate: terms.rate_per_second.0,
            start,
            cliff: now.checked_add(terms.cliff_delay.0)?,
            end: start.checked_add(terms.duration.0)?,
            dust: terms.withdraw_dust_threshold.map_or(0, |Stroops(dust)| dust),
            kind: kind_of(terms.kind)?,
        })
    }

    /// Whether the contract makes the stream of the event from these terms.
    fn fit(&self, value: &Created) -> bool {
        // The contract sets the rate of a stream that is due at its cliff to 0.
        let rate = if self.kind == Kind::CliffOnly { 0 } else { self.rate };
        let seconds = i128::from(self.end.seconds_since(self.start));
        let covered = rate.checked_mul(seconds).is_some_and(|total| total <= self.deposit);
        self.recipient == value.recipient.0
            && self.deposit == value.deposit_amount.0
            && rate == value.rate_per_second.0
            && (self.start, self.cliff) == (value.start_time.0, value.cliff_time.0)
            && self.end == value.end_time.0
            && self.dust == value.withdraw_dust_threshold.0
            && match self.kind {
                Kind::Linear => rate > 0 && covered,
                Kind::CliffSlope => rate > 0,
                Kind::CliffOnly => true,
            }
    }
}

fn read<T: for<'de> Deserialize<'de>>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

fn is_text(argument: &Value, text: &str) -> bool {
    argument.as_str() == Some(text)
}

/// Whether an amount is not below the least that the caller accepts; null accepts any.
fn pays_at_least(least: &Value, amount: i128) -> bool {
    least.is_null()
        || least.as_str().and_then(|text| text.parse::<i128>().ok()).is_some_and(|least| least <= amount)
}

/// `StreamKind`.
const fn kind_of(number: u32) -> Option<Kind> {
    match number {
        0 => Some(Kind::Linear),
        1 => Some(Kind::CliffOnly),
        2 => Some(Kind::CliffSlope),
        _ => None,
    }
}
