use std::fmt::{self, Display, Write};

use crate::Reading;

/// The description of a metric: what all its series share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The name, with the unit and, for a counter, `_total` at its end.
    pub name: &'static str,
    /// What the values are.
    pub kind: Kind,
    /// The unit of the values that are given to [`Samples`].
    pub unit: Unit,
    /// The names of the labels.
    pub labels: &'static [&'static str],
    /// One sentence without line breaks and backslashes.
    pub help: &'static str,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, and starts at 0 with the process or with the database.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by size.
    Histogram,
}

/// The unit of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Written as it is.
    One,
    /// Given in nanoseconds, written in seconds.
    Nanoseconds,
}

/// A page in the Prometheus text format, version 0.0.4.
#[derive(Debug, Default)]
pub struct Page(String);

/// Writes the samples of one metric.
pub struct Samples<'p> {
    page: &'p mut String,
    family: &'static Family,
}

impl Kind {
    /// The word in the text format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Page {
    /// Begins a metric.
    pub fn family(&mut self, family: &'static Family) -> Samples<'_> {
        let Family { name, kind, help, .. } = family;
        append(&mut self.0, format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.as_str()));
        Samples { page: &mut self.0, family }
    }

    /// The finished page.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl Samples<'_> {
    /// Writes one sample. The values of the labels are in the order of their names.
    pub fn value(&mut self, labels: &[&str], value: u64) {
        self.line("", labels, None, self.scaled(value));
    }

    /// Writes the samples of one histogram.
    pub fn histogram(&mut self, labels: &[&str], reading: &Reading) {
        for (bound, count) in &reading.buckets {
            let bound = self.scaled(*bound).to_string();
            self.line("_bucket", labels, Some(&bound), count);
        }
        self.line("_bucket", labels, Some("+Inf"), reading.count);
        self.line("_sum", labels, None, self.scaled(reading.sum));
        self.line("_count", labels, None, reading.count);
    }

    fn line(&mut self, suffix: &str, values: &[&str], bound: Option<&str>, value: impl Display) {
        let labels = self.family.labels.iter().copied().zip(values.iter().copied());
        append(self.page, format_args!("{}{suffix}", self.family.name));
        let mut separator = '{';
        for (name, value) in labels.chain(bound.map(|bound| ("le", bound))) {
            append(self.page, format_args!("{separator}{name}=\"{}\"", Escaped(value)));
            separator = ',';
        }
        let end = if separator == ',' { "}" } else { "" };
        append(self.page, format_args!("{end} {value}\n"));
    }

    const fn scaled(&self, value: u64) -> Scaled {
        Scaled { value, unit: self.family.unit }
    }
}

/// Writing to a string cannot fail.
fn append(page: &mut String, text: fmt::Arguments<'_>) {
    page.write_fmt(text).ok();
}

struct Scaled {
    value: u64,
    unit: Unit,
}

impl Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u64 = 1_000_000_000;
        match self.unit {
            Unit::One => self.value.fmt(f),
            Unit::Nanoseconds => {
                let (whole, rest) = (self.value / SECOND, self.value % SECOND);
                let decimals = format!("{rest:09}");
                match decimals.trim_end_matches('0') {
                    "" => whole.fmt(f),
                    decimals => write!(f, "{whole}.{decimals}"),
                }
            }
        }
    }
}

/// The value of a label between its quotes.
struct Escaped<'v>(&'v str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histogram;

    const fn family(kind: Kind, unit: Unit, labels: &'static [&'static str]) -> Family {
        Family { name: "m", kind, unit, labels, help: "Help." }
    }

    #[track_caller]
    fn check(family: &'static Family, write: impl FnOnce(&mut Samples<'_>), expect: &str) {
        let mut page = Page::default();
        write(&mut page.family(family));
        let kind = family.kind.as_str();
        assert_eq!(page.into_text(), format!("# HELP m Help.\n# TYPE m {kind}\n{expect}"));
    }

    #[test]
    fn a_duration_is_written_in_seconds_without_trailing_zeros() {
        static SECONDS: Family = family(Kind::Gauge, Unit::Nanoseconds, &[]);
        for (nanoseconds, expect) in [
            (0, "m 0\n"),
            (1, "m 0.000000001\n"),
            (1_500_000_000, "m 1.5\n"),
            (20_000_000_000, "m 20\n"),
            (u64::MAX, "m 18446744073.709551615\n"),
        ] {
            check(&SECONDS, |samples| samples.value(&[], nanoseconds), expect);
        }
    }

    #[test]
    fn the_value_of_a_label_is_escaped() {
        static LABELLED: Family = family(Kind::Counter, Unit::One, &["a", "b"]);
        let expect = "m{a=\"x\",b=\"1 \\\"2\\\" \\\\ \\n\"} 7\n";
        check(&LABELLED, |samples| samples.value(&["x", "1 \"2\" \\ \n"], 7), expect);
    }

    #[test]
    fn a_histogram_has_cumulative_buckets_a_sum_and_a_count() {
        static TIMES: Family = family(Kind::Histogram, Unit::Nanoseconds, &["route"]);
        let histogram = Histogram::new(&[1_000_000, 2_500_000_000]);
        [1, 2_000_000, 3_000_000_000].into_iter().for_each(|value| histogram.observe(value));
        let expect = "m_bucket{route=\"/\",le=\"0.001\"} 1\n\
             m_bucket{route=\"/\",le=\"2.5\"} 2\n\
             m_bucket{route=\"/\",le=\"+Inf\"} 3\n\
             m_sum{route=\"/\"} 3.002000001\n\
             m_count{route=\"/\"} 3\n";
        check(&TIMES, |samples| samples.histogram(&["/"], &histogram.read()), expect);
    }
}
