//! The clock, the source of ids and the source of random numbers of the process.

use fluxora_api::Ids;
use fluxora_store::Clock;
use jiff::Timestamp;
use uuid::Uuid;

/// The system clock, in whole milliseconds.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// Random ids that grow with time.
pub(crate) struct RandomIds;

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is the source of ids")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn secret(&self) -> Option<[u8; 32]> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).ok().map(|()| bytes)
    }
}

/// A random secret: 64 hex digits.
pub(crate) fn secret() -> String {
    let [first, second] = [RandomIds.next(), RandomIds.next()];
    format!("{}{}", first.simple(), second.simple())
}

/// Names this process among those that share a database: 16 hex digits.
pub(crate) fn worker_name() -> String {
    let [.., a, b, c, d, e, f, g, h] = RandomIds.next().into_bytes();
    format!("{:016x}", u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// A random number, each as likely as any other.
#[expect(clippy::disallowed_methods, reason = "this is the source of random numbers")]
pub(crate) fn jitter() -> u32 {
    // The last bytes of a version 7 UUID are random.
    let [.., a, b, c, d] = Uuid::now_v7().into_bytes();
    u32::from_be_bytes([a, b, c, d])
}
