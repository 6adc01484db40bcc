//! Names that are no setting but were probably meant as one.

use super::environment::Source;

/// The prefixes of our settings. A variable with one of them is ours or a mistake.
const PREFIXES: [&str; 4] = [GENERAL_PREFIX, "INDEXER_", "DB_", "WEBHOOK_"];
const GENERAL_PREFIX: &str = "FLUXORA_";
/// A variable that differs from a setting by so many characters was meant as it, if the setting has a name of at least
/// [`SHORTEST_NAME`] characters and of several words.
const MOST_TYPOS: usize = 2;
const SHORTEST_NAME: usize = 8;

/// A name that no setting has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownName<'a> {
    pub(crate) name: &'a str,
    pub(crate) source: Source,
    /// The known name with the smallest edit distance, among those of the same section if its prefix is given.
    pub(crate) nearest: &'a str,
}

/// Finds the names that have one of our prefixes or resemble a known name.
pub(super) fn find<'a>(
    given: impl IntoIterator<Item = (&'a str, Source)>,
    known: &[&'a str],
) -> Vec<UnknownName<'a>> {
    let unknown = |(name, source): (&'a str, Source)| {
        if known.contains(&name) {
            return None;
        }
        let distance = |known: &&str| distance(plain(name), plain(known));
        let prefix = PREFIXES.iter().find(|prefix| name.starts_with(**prefix));
        let other_section = |known: &str| {
            prefix.is_some_and(|prefix| *prefix != GENERAL_PREFIX && !known.starts_with(prefix))
        };
        let nearest = known.iter().copied().min_by_key(|known| (other_section(known), distance(known)))?;
        let differs = distance(&nearest);
        let resembles = match source {
            // Every name in the file is meant for this server: a third of it may differ.
            Source::File => differs.saturating_mul(3) <= plain(nearest).len(),
            // The environment has variables of other programs.
            Source::Variable => {
                differs <= MOST_TYPOS && nearest.len() >= SHORTEST_NAME && nearest.contains('_')
            }
        };
        let suspicious = prefix.is_some() || resembles;
        suspicious.then_some(UnknownName { name, source, nearest })
    };
    given.into_iter().filter_map(unknown).collect()
}

/// The name without our general prefix: FLUXORA_PORT is meant as PORT.
fn plain(name: &str) -> &str {
    name.strip_prefix(GENERAL_PREFIX).unwrap_or(name)
}

/// Levenshtein's edit distance in bytes, ignoring case.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, a) in left.bytes().enumerate() {
        let mut diagonal = index;
        let mut before = index.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, b) in row.iter_mut().skip(1).zip(right.bytes()) {
            let replaced = diagonal.saturating_add(usize::from(!a.eq_ignore_ascii_case(&b)));
            diagonal = *cell;
            before = replaced.min(before.saturating_add(1)).min(diagonal.saturating_add(1));
            *cell = before;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KNOWN: [&str; 6] =
        ["PORT", "DATABASE_URL", "DATABASE_URL_FILE", "DB_POOL_SIZE", "INDEXER_ENABLED", "OPEN_WRITES"];

    #[track_caller]
    fn check(name: &str, source: Source, nearest: Option<&str>) {
        let found = find([(name, source)], &KNOWN);
        let expect = nearest.map(|nearest| UnknownName { name, source, nearest });
        assert_eq!(found, Vec::from_iter(expect), "{name}");
    }

    #[test]
    fn a_variable_with_our_prefix_or_almost_the_name_of_a_setting_is_unknown() {
        for (name, nearest) in [
            ("DB_POOLSIZE", Some("DB_POOL_SIZE")),
            ("INDEXER_ENABLE", Some("INDEXER_ENABLED")),
            ("FLUXORA_PORT", Some("PORT")),
            ("FLUXORA_DATABASE_URL", Some("DATABASE_URL")),
            ("DB_PASSWORD", Some("DB_POOL_SIZE")),
            ("PORT", None),
            ("PORTS", None),
            ("DATABASE_URI", Some("DATABASE_URL")),
            ("DATABSE_URL", Some("DATABASE_URL")),
            ("OPEN_WRITE", Some("OPEN_WRITES")),
            ("OPEN_FILES", None),
            ("DATABASE_PORT", None),
            ("PATH", None),
        ] {
            check(name, Source::Variable, nearest);
        }
    }

    #[test]
    fn a_name_in_the_file_is_unknown_if_it_resembles_ours() {
        for (name, nearest) in [
            ("DATABASE_URI", Some("DATABASE_URL")),
            ("DATABASEURL", Some("DATABASE_URL")),
            ("database_url", Some("DATABASE_URL")),
            ("OPEN_WRITE", Some("OPEN_WRITES")),
            ("PORTS", Some("PORT")),
            ("DB_TIMEOUT", Some("DB_POOL_SIZE")),
            ("HORIZON_URL", None),
            ("STELLAR_RPC_URL", None),
            ("HOME", None),
        ] {
            check(name, Source::File, nearest);
        }
    }

    proptest! {
        #[test]
        fn a_distance_is_a_metric(a in "[A-C_]{0,6}", b in "[A-C_]{0,6}", c in "[A-C_]{0,6}") {
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert!(distance(&a, &c) <= distance(&a, &b) + distance(&b, &c));
            prop_assert!(distance(&a, &b) <= a.len().max(b.len()));
        }
    }
}
