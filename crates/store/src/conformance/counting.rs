//! What a bounded count of streams says, over plain collections.

use fluxora_stream::{Stream, UnixTime};

use super::model::streams::matches;
use crate::{StreamCount, StreamFilter, StreamList};

/// Checks a count of a filter that looked at `entries` of one list, or at `rows` of several, at most. `all` are the streams, the
/// newest first.
///
/// # Panics
/// The count is not what both backends have to answer.
pub fn check_count(
    all: &[Stream],
    (filter, at): (&StreamFilter, UnixTime),
    (entries, rows): (usize, usize),
    found: StreamCount,
) {
    let matching = all.iter().filter(|stream| matches(filter, stream, at)).count();
    let count = usize::try_from(found.count).unwrap();
    assert!(count <= matching, "{filter:?}: {found:?}, {matching} match");
    assert!(!found.is_complete || count == matching, "{filter:?}: {found:?}, {matching} match");
    let lists = filter.lists();
    if lists.contains(&StreamList::Status) {
        // The recorded status and what has fallen due decide how long the list is: at least as long as what matches.
        let is_short = lists.iter().any(|list| size(all, filter, at, *list) <= rows / 2);
        assert!(found.is_complete || lists.len() == 1 || !is_short, "{filter:?}: {found:?}");
        return;
    }
    let sizes: Vec<_> = lists.iter().map(|list| size(all, filter, at, *list)).collect();
    let expect = match sizes[..] {
        [] => (all.len().min(entries), all.len() <= entries),
        [size] => (size.min(entries), size <= entries),
        _ if sizes.iter().any(|size| *size <= rows) => (matching, true),
        _ => {
            let mut first: Vec<_> =
                all.iter().filter(|stream| matches(&only(filter, lists[0]), stream, at)).collect();
            if lists[0] == StreamList::Updated {
                first.sort_by_key(|stream| std::cmp::Reverse(stream.updated_at));
            }
            let newest = first.into_iter().take(rows);
            (newest.filter(|stream| matches(filter, stream, at)).count(), false)
        }
    };
    assert_eq!((count, found.is_complete), expect, "{filter:?}");
}

fn size(all: &[Stream], filter: &StreamFilter, at: UnixTime, list: StreamList) -> usize {
    let filter = only(filter, list);
    all.iter().filter(|stream| matches(&filter, stream, at)).count()
}

/// The filter with this condition alone.
fn only(filter: &StreamFilter, list: StreamList) -> StreamFilter {
    let all = StreamFilter::default();
    let filter = filter.clone();
    match list {
        StreamList::Recipient => StreamFilter { recipient: filter.recipient, ..all },
        StreamList::Sender => StreamFilter { sender: filter.sender, ..all },
        StreamList::Contract => StreamFilter { contract: filter.contract, ..all },
        StreamList::Updated => StreamFilter { updated_since: filter.updated_since, ..all },
        StreamList::Status => StreamFilter { status: filter.status, ..all },
        StreamList::Origin => StreamFilter { origin: filter.origin, ..all },
        StreamList::All => all,
    }
}
