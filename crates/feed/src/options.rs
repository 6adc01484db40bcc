use std::time::Duration;

use fluxora_supervise::Jitter;

/// Limits and times of a feed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Subscribers of the process, streams and waiting long polls together.
    pub max_subscribers: usize,
    /// The longest silence of a stream.
    pub heartbeat: Duration,
    /// How long a stream lasts, within 10 %: the end of many streams is spread.
    pub lifetime: Duration,
    /// How long the reader waits for a wake-up before it looks at the log.
    pub poll_interval: Duration,
    /// A source of random numbers.
    pub jitter: Jitter,
}

impl Options {
    /// 10,000 subscribers, a heartbeat every 15 seconds, a lifetime of 30 minutes, a look at the log every 500 ms.
    pub const fn new(jitter: Jitter) -> Self {
        Self {
            max_subscribers: 10_000,
            heartbeat: Duration::from_secs(15),
            lifetime: Duration::from_secs(1_800),
            poll_interval: Duration::from_millis(500),
            jitter,
        }
    }

    /// The lifetime of one stream: 90 % to 110 % of the configured one.
    pub(crate) fn drawn_lifetime(&self) -> Duration {
        let span = self.lifetime.checked_div(5).unwrap_or_default();
        self.lifetime.saturating_sub(span.checked_div(2).unwrap_or_default()).saturating_add(self.share(span))
    }

    /// When the client of an ended stream should connect again: 1 to 6 seconds, so that not all come at once.
    pub(crate) fn drawn_retry(&self) -> Duration {
        Duration::from_secs(1).saturating_add(self.share(Duration::from_secs(5)))
    }

    /// A random part of a duration, in milliseconds.
    fn share(&self, of: Duration) -> Duration {
        let part = of.as_millis().saturating_mul(u128::from((self.jitter)())) >> u32::BITS;
        Duration::from_millis(u64::try_from(part).unwrap_or(u64::MAX))
    }
}

/// How a subscriber takes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For as long as the lifetime of streams, with heartbeats.
    Stream,
    /// Once: the first events that match, up to `limit`, or none after `wait`.
    Poll {
        /// How long it waits.
        wait: Duration,
        /// How many events it takes at most.
        limit: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_drawn_within_ten_percent_and_a_retry_within_six_seconds() {
        let draws: [(Jitter, u64, u64); 3] =
            [(|| 0, 1_620_000, 1_000), (|| u32::MAX / 2, 1_799_999, 3_499), (|| u32::MAX, 1_979_999, 5_999)];
        for (jitter, lifetime, retry) in draws {
            let options = Options::new(jitter);
            assert_eq!(options.drawn_lifetime(), Duration::from_millis(lifetime));
            assert_eq!(options.drawn_retry(), Duration::from_millis(retry));
        }
    }
}
