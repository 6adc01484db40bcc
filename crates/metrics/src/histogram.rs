use std::time::Duration;

use crate::Counter;

/// How many values fell below each of `N` bounds, and their sum.
#[derive(Debug)]
pub struct Histogram<const N: usize> {
    bounds: &'static [u64; N],
    buckets: [Counter; N],
    over: Counter,
    sum: Counter,
}

/// The state of a histogram. Values recorded during the reading may be missing from a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Each bound, with the number of values up to and with it.
    pub buckets: Vec<(u64, u64)>,
    /// The number of all values.
    pub count: u64,
    /// The sum of all values.
    pub sum: u64,
}

impl<const N: usize> Histogram<N> {
    /// An empty histogram. The bounds ascend; a value equal to a bound falls below it.
    pub const fn new(bounds: &'static [u64; N]) -> Self {
        Self { bounds, buckets: [const { Counter::new() }; N], over: Counter::new(), sum: Counter::new() }
    }

    /// Records a value.
    pub fn observe(&self, value: u64) {
        let mut buckets = self.bounds.iter().zip(&self.buckets);
        let bucket = buckets.find(|(bound, _)| value <= **bound).map_or(&self.over, |(_, bucket)| bucket);
        bucket.increment();
        self.sum.add(value);
    }

    /// Records a duration in nanoseconds.
    pub fn observe_duration(&self, duration: Duration) {
        self.observe(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What has been recorded.
    pub fn read(&self) -> Reading {
        let mut count = 0_u64;
        let buckets = self.bounds.iter().zip(&self.buckets).map(|(bound, bucket)| {
            count = count.wrapping_add(bucket.value());
            (*bound, count)
        });
        let buckets: Vec<_> = buckets.collect();
        Reading { buckets, count: count.wrapping_add(self.over.value()), sum: self.sum.value() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[u64], buckets: [u64; 3], count: u64, sum: u64) {
        let histogram = Histogram::new(&[1, 10, 100]);
        values.iter().for_each(|value| histogram.observe(*value));
        let expect = [1, 10, 100].into_iter().zip(buckets).collect();
        assert_eq!(histogram.read(), Reading { buckets: expect, count, sum }, "{values:?}");
    }

    #[test]
    fn a_value_counts_below_every_bound_that_it_does_not_exceed() {
        check(&[], [0, 0, 0], 0, 0);
        check(&[0, 1], [2, 2, 2], 2, 1);
        check(&[1, 2, 10, 11, 100, 101], [1, 3, 5], 6, 225);
        check(&[1_000], [0, 0, 0], 1, 1_000);
    }

    #[test]
    fn a_duration_counts_in_nanoseconds() {
        let histogram = Histogram::new(&[1_000]);
        histogram.observe_duration(Duration::from_micros(1));
        histogram.observe_duration(Duration::from_nanos(1_001));
        assert_eq!(histogram.read(), Reading { buckets: vec![(1_000, 1)], count: 2, sum: 2_001 });
    }
}
