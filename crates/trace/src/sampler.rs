use crate::context::TraceContext;
use crate::id::TraceId;

/// Which traces are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampler {
    /// Traces whose lower half, shifted right by one, is below this are recorded.
    threshold: u64,
    /// Whether a request that carries a context is sampled as its sender decided.
    by_parent: bool,
}

/// One more than the largest value that is compared.
const ALL: u64 = 1 << 63;
/// The unit of ratios.
const BILLION: u32 = 1_000_000_000;

impl Sampler {
    /// As the sender decided; every trace that begins here.
    pub const PARENT_BASED_ALWAYS_ON: Self = Self { threshold: ALL, by_parent: true };
    /// As the sender decided; no trace that begins here.
    pub const PARENT_BASED_ALWAYS_OFF: Self = Self { threshold: 0, by_parent: true };

    /// The sampler of this name in `OTEL_TRACES_SAMPLER`, with its argument; `None` if there is none.
    pub fn named(name: &str, argument: Option<&str>) -> Option<Self> {
        let (name, by_parent) = match name.strip_prefix("parentbased_") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let threshold = match name {
            "always_on" => ALL,
            "always_off" => 0,
            "traceidratio" => threshold(argument.unwrap_or("1"))?,
            _ => return None,
        };
        Some(Self { threshold, by_parent })
    }

    pub(crate) fn samples(self, trace: TraceId, parent: Option<&TraceContext>) -> bool {
        match parent {
            Some(parent) if self.by_parent => parent.sampled,
            _ => trace.low_half() >> 1 < self.threshold,
        }
    }
}

/// The threshold of a ratio from 0 to 1, a decimal number.
fn threshold(ratio: &str) -> Option<u64> {
    let (whole, fraction) = ratio.split_once('.').unwrap_or((ratio, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let billionths: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let billionths =
        whole.parse::<u32>().ok()?.checked_mul(BILLION)?.checked_add(billionths.parse().ok()?)?;
    if billionths > BILLION {
        return None;
    }
    let share = u128::from(ALL).checked_mul(billionths.into())?.checked_div(BILLION.into())?;
    u64::try_from(share).ok()
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;
    use crate::id::Ids;

    /// How many of ten thousand traces are recorded that begin here.
    fn sampled(sampler: Sampler) -> usize {
        let ids = Ids::new(RandomState::new());
        (0..10_000).filter(|_| sampler.samples(ids.trace(), None)).count()
    }

    #[test]
    fn the_names_of_the_standard_are_known_and_no_other() {
        for name in ["always_on", "always_off", "traceidratio"] {
            assert!(Sampler::named(name, None).is_some(), "{name}");
            assert!(Sampler::named(&format!("parentbased_{name}"), None).is_some(), "{name}");
        }
        for name in ["", "on", "parentbased_", "jaeger_remote", "xray", "ALWAYS_ON"] {
            assert_eq!(Sampler::named(name, None), None, "{name}");
        }
    }

    #[test]
    fn a_ratio_is_a_number_from_0_to_1() {
        for (ratio, expect) in
            [("0", 0..=0), ("0.0", 0..=0), ("1", 10_000..=10_000), ("1.0", 10_000..=10_000)]
        {
            let sampler = Sampler::named("traceidratio", Some(ratio)).unwrap();
            assert!(expect.contains(&sampled(sampler)), "{ratio}");
        }
        let half = Sampler::named("traceidratio", Some("0.5")).unwrap();
        assert!((4_700..=5_300).contains(&sampled(half)));
        let few = Sampler::named("traceidratio", Some("0.01")).unwrap();
        assert!((50..=150).contains(&sampled(few)));
        for wrong in ["", "-0.5", "1.1", "2", "x", "1e-3", ".5", "NaN", "5000000000"] {
            assert_eq!(Sampler::named("traceidratio", Some(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_sampler_by_parent_decides_as_the_parent_and_another_does_not() {
        let parent = |flag| TraceContext::parse(&format!("00-{:032x}-{:016x}-0{flag}", 1, 1), "").unwrap();
        for (sampled, flag) in [(true, 1), (false, 0)] {
            let parent = parent(flag);
            for by_parent in [Sampler::PARENT_BASED_ALWAYS_ON, Sampler::PARENT_BASED_ALWAYS_OFF] {
                assert_eq!(by_parent.samples(parent.trace, Some(&parent)), sampled);
            }
            let always = Sampler::named("always_on", None).unwrap();
            assert!(always.samples(parent.trace, Some(&parent)));
        }
    }
}
