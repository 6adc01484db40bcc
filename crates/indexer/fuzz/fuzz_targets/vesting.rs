//! Events of any shape, one in each line: nothing panics, and amounts stay within their bounds after any events.
#![no_main]

use fluxora_indexer::ChainPosition;
use fluxora_indexer::vesting::{
    ContractAction, ContractHalt, Decoded, EventContext, apply, create, decode, liabilities,
};
use fluxora_stream::vesting::VestingStream;
use fluxora_stream::{ContractId, UnixTime};
use libfuzzer_sys::fuzz_target;

/// The first topics, by the first byte of a line.
const TOPICS: [&str; 13] = [
    "stream_created",
    "withdrawn",
    "cancelled",
    "paused",
    "resumed",
    "topped_up",
    "recipient_transferred",
    "ttl_extended",
    "delegate_granted",
    "delegate_revoked",
    "halt_operator_set",
    "contract_halted",
    "contract_resumed",
];

/// A line: a byte for the first topic, eight bytes of close time, the payload.
fn read(line: &[u8]) -> Option<(&'static str, UnixTime, &str)> {
    let (&topic, rest) = line.split_first()?;
    let (time, payload) = rest.split_at_checked(8)?;
    let close_time = UnixTime::from_seconds(u64::from_le_bytes(time.try_into().ok()?));
    Some((TOPICS[usize::from(topic) % TOPICS.len()], close_time, std::str::from_utf8(payload).ok()?))
}

fuzz_target!(|data: &[u8]| {
    let position = ChainPosition { ledger: 1, transaction: 1, operation: 0, event: 0 };
    let (mut stream, mut halt) = (None::<VestingStream>, ContractHalt::default());
    for (topic, close_time, payload) in data.split(|byte| *byte == b'\n').filter_map(read) {
        let context = EventContext { position, close_time };
        match decode(topic, payload) {
            Ok(Decoded::Contract(action)) => drop(halt.apply(&action, context)),
            Ok(Decoded::Stream(event)) => match (&mut stream, &event.action) {
                (Some(stream), _) => drop(apply(stream, &event, context)),
                (None, ContractAction::Created(created)) => {
                    let key = (ContractId::from_hash([1; 32]), event.stream);
                    stream = Some(create(key, created, event.abi, "hash", context));
                }
                (None, _) => {}
            },
            Err(fault) => assert!(!fault.to_string().is_empty()),
        }
        let Some(stream) = &stream else { continue };
        let state = &stream.body.state;
        let vested = state.vested(close_time);
        assert!((0..=state.schedule.deposited).contains(&vested));
        assert_eq!(vested + state.refundable(close_time), state.schedule.deposited);
        assert!(state.withdrawable(close_time) >= 0);
        assert!(state.schedule.linear_until(close_time).is_none_or(|until| until > close_time));
        assert_eq!(liabilities([stream])[&state.token], state.liability());
    }
});
