//! Laws of the chain: the walk finds every row that was changed, removed, inserted or moved.

use jiff::Timestamp;
use proptest::prelude::*;

use crate::{Action, Actor, ActorKind, Entry, Fault, Hash, Head, Outcome, Row, Verifier};

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9:,-]{0,8}", "\\PC{0,12}"]
}

prop_compose! {
    fn entry()(
        at in 0_i64..4_000_000_000_000,
        kind in prop::sample::select(ActorKind::ALL.to_vec()),
        action in prop::sample::select(Action::ALL.to_vec()),
        (id, target, request_id) in (prop::option::of(text()), prop::option::of(text()), prop::option::of(text())),
        client_address in prop::option::of(text()),
        outcome in prop_oneof![
            Just(Outcome::Done),
            text().prop_map(Outcome::Refused),
            text().prop_map(Outcome::Failed),
        ],
        count in 1_u64..1_000,
    ) -> Entry {
        let at = Timestamp::from_millisecond(at).unwrap();
        let actor = Actor { kind, id, role: "partner" };
        Entry { at, actor, action, target, outcome, request_id, client_address, count }
    }
}

fn chain() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(entry(), 2..12).prop_map(|entries| {
        let mut head = Head::EMPTY;
        let seal = |entry: &Entry| {
            let row = Row::seal(head, entry);
            head = row.head();
            row
        };
        entries.iter().map(seal).collect()
    })
}

/// Walks all rows to an expected head, as `audit verify --expect-head` does.
fn walk(rows: &[Row], expected: Head) -> Result<(), Fault> {
    let mut verifier = Verifier::default();
    rows.iter().try_for_each(|row| verifier.check(row))?;
    verifier.finish()?;
    let found = verifier.head();
    if found == expected { Ok(()) } else { Err(Fault::Beginning { seq: found.seq }) }
}

/// A row with one bit of one field flipped.
fn flip(row: &mut Row, field: usize, position: usize, bit: u32) {
    let flip_text = |text: &mut String| {
        let mut characters: Vec<char> = text.chars().collect();
        if characters.is_empty() {
            return text.push('0');
        }
        let at = position % characters.len();
        let flipped = char::from_u32(u32::from(characters[at]) ^ (1 << (bit % 4)));
        characters[at] = flipped.unwrap_or('\u{fffd}');
        *text = characters.into_iter().collect();
    };
    let flip_option = |text: &mut Option<String>| match text {
        Some(text) => flip_text(text),
        None => *text = Some(String::new()),
    };
    let flip_hash = |hash: &mut Hash| {
        let mut bytes = *hash.as_bytes();
        bytes[position % 32] ^= 1 << (bit % 8);
        *hash = Hash::from_slice(&bytes).unwrap();
    };
    match field {
        0 => row.seq ^= 1 << (bit % 8),
        1 => {
            row.at = Timestamp::from_millisecond(row.at.as_millisecond() ^ (1 << (bit % 20))).unwrap();
        }
        2 => flip_text(&mut row.actor_kind),
        3 => flip_option(&mut row.actor_id),
        4 => flip_text(&mut row.actor_role),
        5 => flip_text(&mut row.action),
        6 => flip_option(&mut row.target),
        7 => flip_text(&mut row.outcome),
        8 => flip_option(&mut row.code),
        9 => flip_option(&mut row.request_id),
        10 => flip_option(&mut row.client_address),
        11 => row.count ^= 1 << (bit % 8),
        12 => flip_hash(&mut row.previous_hash),
        _ => flip_hash(&mut row.hash),
    }
}

proptest! {
    #[test]
    fn a_chain_verifies(rows in chain()) {
        prop_assert_eq!(walk(&rows, rows.last().unwrap().head()), Ok(()));
    }

    #[test]
    fn a_flipped_bit_is_found(
        rows in chain(), at in any::<prop::sample::Index>(), field in 0_usize..14, position in 0_usize..64, bit in 0_u32..32,
    ) {
        let expected = rows.last().unwrap().head();
        let mut changed = rows.clone();
        let at = at.index(rows.len());
        flip(&mut changed[at], field, position, bit);
        prop_assume!(changed != rows);
        prop_assert!(walk(&changed, expected).is_err(), "field {} of row {}", field, at + 1);
    }

    #[test]
    fn a_removed_row_is_found(rows in chain(), at in any::<prop::sample::Index>()) {
        let expected = rows.last().unwrap().head();
        let mut changed = rows;
        changed.remove(at.index(changed.len()));
        prop_assert!(walk(&changed, expected).is_err());
    }

    #[test]
    fn an_inserted_row_is_found(
        rows in chain(), entry in entry(), at in any::<prop::sample::Index>(), renumbered in any::<bool>(),
    ) {
        let expected = rows.last().unwrap().head();
        let mut changed = rows;
        let at = at.index(changed.len());
        let before = at.checked_sub(1).map_or(Head::EMPTY, |before| changed[before].head());
        changed.insert(at, Row::seal(before, &entry));
        if renumbered {
            for row in &mut changed[at + 1..] {
                row.seq += 1;
            }
        }
        prop_assert!(walk(&changed, expected).is_err());
    }

    #[test]
    fn swapped_rows_are_found(
        rows in chain(), one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), renumbered in any::<bool>(),
    ) {
        let expected = rows.last().unwrap().head();
        let (one, other) = (one.index(rows.len()), other.index(rows.len()));
        prop_assume!(one != other);
        let mut changed = rows;
        changed.swap(one, other);
        if renumbered {
            (1..).zip(&mut changed).for_each(|(seq, row)| row.seq = seq);
        }
        prop_assert!(walk(&changed, expected).is_err());
    }

    #[test]
    fn a_deleted_beginning_verifies_with_the_row_that_records_it_and_not_without(
        rows in chain(), kept in any::<prop::sample::Index>(),
    ) {
        let deleted = kept.index(rows.len() - 1);
        let (last_deleted, newest) = (rows[deleted].head(), rows.last().unwrap().head());
        let record = Entry::new(Timestamp::UNIX_EPOCH, Actor::server(), Action::AuditExpire, Outcome::Done);
        let record = Row::seal(newest, &record.with_target(&last_deleted.deletion_target()));
        let mut left = rows[deleted + 1..].to_vec();
        prop_assert_eq!(walk(&left, newest), Err(Fault::Beginning { seq: last_deleted.seq + 1 }));
        left.push(record.clone());
        prop_assert_eq!(walk(&left, record.head()), Ok(()));
        prop_assert!(walk(&left[1..], record.head()).is_err());
    }
}
