//! The things of the outside world that everything else takes as arguments.

use fluxora_api::{Clock, Ids};
use jiff::Timestamp;
use uuid::Uuid;

/// The clock of the machine.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// Random identities that grow with time.
pub(crate) struct RandomIds;

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is the source of ids")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A random number, each as likely as any other.
#[expect(clippy::disallowed_methods, reason = "this is the source of chance")]
pub(crate) fn roll() -> u32 {
    // The end of such an identity is random.
    let [.., a, b, c, d] = Uuid::now_v7().into_bytes();
    u32::from_be_bytes([a, b, c, d])
}
