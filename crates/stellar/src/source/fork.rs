//! Whether a stored ledger is to be replaced: a trial with witnesses, without clock and network.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::Hash;

/// How long after its first testimony a source must repeat it.
const REPEAT_AFTER: Duration = Duration::from_secs(10);

/// The trial of one stored ledger whose hash a source contradicts.
///
/// Only a verified ledger of the same sequence with another hash is evidence. The absence of a ledger, a lower tip and an error are
/// none. The stored ledger is replaced when the accuser repeats its testimony after ten seconds and, where there are other
/// sources, one of them gives the same hash and none another. A source that is silent is asked again.
#[derive(Clone, Debug)]
pub struct ForkTrial {
    sequence: u32,
    stored: Hash,
    accuser: usize,
    claimed: Hash,
    first: Timestamp,
    /// When the accuser repeated its testimony.
    repeated: bool,
    others: BTreeMap<usize, Witness>,
}

#[derive(Clone, Copy, Debug)]
struct Witness {
    said: Option<Hash>,
    ask_from: Timestamp,
}

/// What a source says about the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Testimony {
    /// It gave a verified ledger with this hash.
    Hash(Hash),
    /// It has no such ledger, or did not answer.
    Silent,
}

/// Where the trial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This source must be asked for the ledger, not before this instant.
    Ask {
        /// The source.
        source: usize,
        /// The earliest instant.
        from: Timestamp,
    },
    /// The stored ledger is replaced.
    Replace,
    /// The stored ledger stays: the accuser took its testimony back.
    Keep,
    /// The sources contradict each other. The stored ledger stays, nothing is followed, and an operator decides.
    Conflict,
}

impl ForkTrial {
    /// Opens the trial: at `now`, source `accuser` gave a verified ledger `sequence` with the hash `claimed` instead of `stored`.
    /// `others` are the sources that can be asked as well.
    pub fn new(
        sequence: u32,
        stored: Hash,
        accuser: usize,
        claimed: Hash,
        now: Timestamp,
        others: impl IntoIterator<Item = usize>,
    ) -> Self {
        let witness = Witness { said: None, ask_from: now };
        let others =
            others.into_iter().filter(|other| *other != accuser).map(|other| (other, witness)).collect();
        Self { sequence, stored, accuser, claimed, first: now, repeated: false, others }
    }

    /// The ledger that is tried.
    pub const fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Takes a testimony. One that comes before its time says nothing.
    pub fn hear(&mut self, source: usize, testimony: Testimony, now: Timestamp) {
        if source != self.accuser {
            let Some(witness) = self.others.get_mut(&source) else { return };
            match testimony {
                Testimony::Hash(hash) => witness.said = Some(hash),
                Testimony::Silent => witness.ask_from = later(now),
            }
        } else if let Testimony::Hash(hash) = testimony {
            if hash != self.claimed {
                self.claimed = hash;
                self.first = now;
                self.repeated = false;
            } else if now >= later(self.first) {
                self.repeated = true;
            }
        }
    }

    /// Where the trial stands.
    pub fn verdict(&self) -> Verdict {
        if self.claimed == self.stored {
            return Verdict::Keep;
        }
        let mut said = self.others.values().filter_map(|witness| witness.said);
        let confirmed = self.others.is_empty() || said.clone().next().is_some();
        if said.any(|hash| hash != self.claimed) {
            return Verdict::Conflict;
        }
        if !self.repeated {
            return Verdict::Ask { source: self.accuser, from: later(self.first) };
        }
        let next = self.others.iter().min_by_key(|(_, witness)| witness.ask_from);
        match next {
            Some((source, witness)) if !confirmed => Verdict::Ask { source: *source, from: witness.ask_from },
            _ => Verdict::Replace,
        }
    }
}

fn later(instant: Timestamp) -> Timestamp {
    instant.checked_add(REPEAT_AFTER).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn hash(name: u8) -> Testimony {
        Testimony::Hash(of(name))
    }

    fn of(name: u8) -> Hash {
        Hash::of(&[name])
    }

    const STORED: u8 = 0;
    const OTHER: u8 = 1;

    /// Source 0 accuses at second 0.
    fn trial(others: &[usize]) -> ForkTrial {
        ForkTrial::new(7, of(STORED), 0, of(OTHER), at(0), others.iter().copied())
    }

    #[test]
    fn one_source_alone_is_believed_when_it_repeats_itself_after_ten_seconds() {
        let mut trial = trial(&[]);
        assert_eq!(trial.verdict(), Verdict::Ask { source: 0, from: at(10) });
        trial.hear(0, hash(OTHER), at(9));
        assert_eq!(trial.verdict(), Verdict::Ask { source: 0, from: at(10) });
        trial.hear(0, hash(OTHER), at(10));
        assert_eq!(trial.verdict(), Verdict::Replace);
    }

    #[test]
    fn with_other_sources_one_of_them_must_say_the_same() {
        let mut trial = trial(&[1, 2]);
        trial.hear(0, hash(OTHER), at(10));
        assert_eq!(trial.verdict(), Verdict::Ask { source: 1, from: at(0) });
        trial.hear(1, Testimony::Silent, at(10));
        assert_eq!(trial.verdict(), Verdict::Ask { source: 2, from: at(0) });
        trial.hear(2, Testimony::Silent, at(11));
        assert_eq!(trial.verdict(), Verdict::Ask { source: 1, from: at(20) }, "silence confirms nothing");
        trial.hear(2, hash(OTHER), at(21));
        assert_eq!(trial.verdict(), Verdict::Replace);
    }

    #[test]
    fn a_source_that_gives_the_stored_ledger_makes_a_conflict_and_replaces_nothing() {
        let mut trial = trial(&[1]);
        trial.hear(0, hash(OTHER), at(10));
        trial.hear(1, hash(STORED), at(10));
        assert_eq!(trial.verdict(), Verdict::Conflict);
    }

    #[test]
    fn an_accuser_that_takes_its_word_back_ends_the_trial_and_one_that_changes_it_starts_again() {
        let mut back = trial(&[1]);
        back.hear(0, hash(STORED), at(10));
        assert_eq!(back.verdict(), Verdict::Keep);
        let mut changed = trial(&[]);
        changed.hear(0, hash(2), at(10));
        assert_eq!(changed.verdict(), Verdict::Ask { source: 0, from: at(20) });
    }

    #[test]
    fn silence_of_the_accuser_proves_nothing() {
        let mut trial = trial(&[]);
        trial.hear(0, Testimony::Silent, at(1000));
        assert_eq!(trial.verdict(), Verdict::Ask { source: 0, from: at(10) });
    }

    proptest! {
        #[test]
        fn a_ledger_is_replaced_only_if_the_accuser_said_so_twice_and_nobody_said_otherwise(
            others in prop::collection::btree_set(1_usize..4, 0..3),
            heard in prop::collection::vec((0_usize..4, prop::option::of(0_u8..3), 0_i64..40), 0..12),
        ) {
            let mut trial = ForkTrial::new(7, of(STORED), 0, of(OTHER), at(0), others.iter().copied());
            let mut now = 0;
            let mut said = vec![(0, Some(OTHER), 0)];
            for (source, what, passed) in heard {
                now += passed;
                trial.hear(source, what.map_or(Testimony::Silent, hash), at(now));
                said.push((source, what, now));
            }
            if trial.verdict() == Verdict::Replace {
                let accused: Vec<_> = said
                    .iter()
                    .filter(|(source, what, _)| *source == 0 && what.map(of) == Some(trial.claimed))
                    .map(|(_, _, at)| *at)
                    .collect();
                prop_assert_ne!(trial.claimed, of(STORED));
                prop_assert!(accused.last().unwrap() - accused[0] >= 10);
                let last_word = |other: &usize| said.iter().rfind(|(source, what, _)| source == other && what.is_some());
                let words: Vec<_> = others.iter().filter_map(last_word).map(|(_, what, _)| what.map(of)).collect();
                prop_assert!(others.is_empty() || !words.is_empty());
                prop_assert!(words.iter().all(|word| *word == Some(trial.claimed)));
            }
        }
    }
}
