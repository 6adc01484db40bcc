use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// The id of a trace. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// The id of a span. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

impl TraceId {
    /// The id that 32 hexadecimal digits in lower case write; `None` for any other text and for 0.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = lower_hex(text, 32)?;
        u128::from_str_radix(digits, 16).ok().filter(|id| *id != 0).map(Self)
    }

    /// The lower half, by which samplers decide.
    pub(crate) const fn low_half(self) -> u64 {
        let [.., a, b, c, d, e, f, g, h] = self.0.to_be_bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl SpanId {
    /// The id that 16 hexadecimal digits in lower case write; `None` for any other text and for 0.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = lower_hex(text, 16)?;
        u64::from_str_radix(digits, 16).ok().filter(|id| *id != 0).map(Self)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The text, if it is so many hexadecimal digits in lower case.
pub(crate) fn lower_hex(text: &str, length: usize) -> Option<&str> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == length && text.bytes().all(is_digit)).then_some(text)
}

/// A source of ids: SipHash of a counter under random keys, so that ids of processes differ and none can be foreseen.
pub(crate) struct Ids {
    keys: RandomState,
    next: AtomicU64,
}

impl Ids {
    pub(crate) const fn new(keys: RandomState) -> Self {
        Self { keys, next: AtomicU64::new(0) }
    }

    pub(crate) fn trace(&self) -> TraceId {
        let halves = u128::from(self.random()) << 64 | u128::from(self.random());
        TraceId(halves.max(1))
    }

    pub(crate) fn span(&self) -> SpanId {
        SpanId(self.random().max(1))
    }

    fn random(&self) -> u64 {
        self.keys.hash_one(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// The ids of something that every process names alike: the trace, and the span at its root.
pub(crate) fn of_name(name: &str) -> (TraceId, SpanId) {
    let [high, low, root] = [1, 2, 3].map(|seed| mix(fnv(seed, name.as_bytes())));
    (TraceId((u128::from(high) << 64 | u128::from(low)).max(1)), SpanId(root.max(1)))
}

/// FNV-1a with a seed in front of the text.
fn fnv(seed: u8, text: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    std::iter::once(&seed).chain(text).fold(0xcbf2_9ce4_8422_2325, step)
}

/// The finalizer of SplitMix64: every bit depends on every bit, as samplers by ratio need.
const fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_different_and_written_with_all_digits() {
        let ids = Ids::new(RandomState::new());
        let traces: HashSet<_> = (0..1_000).map(|_| ids.trace().to_string()).collect();
        assert!(traces.len() == 1_000 && traces.iter().all(|id| TraceId::parse(id).is_some()));
        let span = ids.span();
        assert_eq!(SpanId::parse(&span.to_string()), Some(span));
        assert_eq!(SpanId(7).to_string(), "0000000000000007");
    }

    #[test]
    fn the_ids_of_a_name_are_the_same_in_every_process_and_spread_evenly() {
        assert_eq!(of_name("event 7"), of_name("event 7"));
        assert_ne!(of_name("event 7"), of_name("event 8"));
        let upper_half = |n: u32| of_name(&format!("event {n}")).0.low_half() >= 1 << 63;
        let in_upper_half = (0..10_000).filter(|n| upper_half(*n)).count();
        assert!((4_700..=5_300).contains(&in_upper_half), "{in_upper_half}");
    }
}
