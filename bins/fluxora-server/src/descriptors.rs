//! The limit of open files.

use fluxora_api::Options;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for the files of the database, the log and the listener.
const OTHER: usize = 128;
/// Connections that are kept however low the limit is.
const FEWEST: usize = 16;

/// Raises the soft limit of open files to the hard one, and returns the options with as many connections as fit under it
/// beside the connections to the database.
pub(crate) fn fit(options: Options, database: usize) -> Options {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    if before.current != before.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let limit = getrlimit(Resource::Nofile).current;
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let fitting = fitting(options, limit.saturating_sub(OTHER).saturating_sub(database));
    let Options { max_connections, max_followers, .. } = fitting;
    if max_connections < options.max_connections || max_followers < options.max_followers {
        tracing::warn!(
            limit,
            connections = max_connections,
            feed_clients = max_followers,
            "fewer clients than MAX_CONNECTIONS and FEED_MAX_CLIENTS fit under the limit of open files"
        );
    }
    fitting
}

/// At least half of the room is for connections that do not follow the feed.
fn fitting(options: Options, room: usize) -> Options {
    let none = Options { max_connections: 0, max_followers: 0, ..options };
    let room = room.saturating_sub(none.most_connections());
    let followers = options.max_followers.min(room.saturating_sub(options.max_connections).max(room / 2));
    let max_connections = options.max_connections.min(room.saturating_sub(followers)).max(FEWEST);
    let max_followers = followers.min(room.saturating_sub(max_connections));
    Options { max_connections, max_followers, ..options }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_clients_of_the_feed_fit_under_the_limit_with_those_for_probes() {
        for workers in [1, 2, 3, 8, 64] {
            for (max_connections, max_followers) in [(1_024, 10_000), (16, 0), (100_000, 100_000)] {
                let wanted = Options { workers, max_connections, max_followers, ..Options::default() };
                for room in [300, 896, 1_024, 4_096, 20_000, 1_000_000] {
                    let fitting = fitting(wanted, room);
                    assert!(fitting.most_connections() <= room, "{room}: {fitting:?}");
                    assert!(
                        fitting.max_connections <= max_connections && fitting.max_followers <= max_followers
                    );
                }
                let all = fitting(wanted, usize::MAX);
                assert_eq!((all.max_connections, all.max_followers), (max_connections, max_followers));
            }
        }
    }

    #[test]
    fn a_low_limit_leaves_room_for_both_kinds_of_clients() {
        let wanted =
            Options { workers: 2, max_connections: 1_024, max_followers: 10_000, ..Options::default() };
        let fitting = fitting(wanted, 1_066);
        assert_eq!((fitting.max_connections, fitting.max_followers), (500, 500));
        assert_eq!(super::fitting(wanted, 0).max_connections, FEWEST);
    }
}
