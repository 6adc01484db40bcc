//! The limit of open files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are left for the database, the log and probes.
const LEFT: u64 = 192;

/// Raises the soft limit of open files to the hard one, and returns how many of the wanted connections fit under it.
pub(crate) fn connections(wanted: usize) -> usize {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    if before.current != before.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let connections = fitting(wanted, getrlimit(Resource::Nofile).current);
    if connections < wanted {
        tracing::warn!(
            wanted,
            connections,
            "fewer connections than MAX_CONNECTIONS fit under the limit of open files"
        );
    }
    connections
}

fn fitting(wanted: usize, limit: Option<u64>) -> usize {
    let most = limit.map_or(u64::MAX, |limit| limit.saturating_sub(LEFT).max(16));
    usize::try_from(most).map_or(wanted, |most| wanted.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_database_and_probes() {
        for (wanted, limit, expect) in [
            (1_024, Some(20_000), 1_024),
            (1_024, None, 1_024),
            (1_024, Some(1_024), 832),
            (1_024, Some(100), 16),
        ] {
            assert_eq!(fitting(wanted, limit), expect, "{limit:?}");
        }
    }
}
