//! What this process uses, as Linux reports it in `/proc`. 0 elsewhere.

use std::fs;

use fluxora_api::ProcessUsage;
use rustix::param::clock_ticks_per_second;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

const SECOND_NS: u64 = 1_000_000_000;

/// Reads it.
pub(crate) fn read() -> ProcessUsage {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes = |name| field(&status, name).saturating_mul(1_024);
    ProcessUsage {
        cpu_ns: cpu_ns(),
        resident_bytes: kibibytes("VmRSS:"),
        virtual_bytes: kibibytes("VmSize:"),
        threads: field(&status, "Threads:"),
        // Without the descriptor that reads the folder.
        open_fds: fs::read_dir("/proc/self/fd").map_or(0, |entries| count(entries.count().saturating_sub(1))),
        max_fds: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        started_at_ns: started_at_ns().unwrap_or_default(),
    }
}

fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let part = |part: i64| u64::try_from(part).unwrap_or_default();
    part(time.tv_sec).saturating_mul(SECOND_NS).saturating_add(part(time.tv_nsec))
}

/// The number after a name at the beginning of a line; 0 without one.
fn field(text: &str, name: &str) -> u64 {
    let values = text.lines().find_map(|line| line.strip_prefix(name));
    values.and_then(|values| values.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// The start of the machine, and that of the process in clock ticks after it.
fn started_at_ns() -> Option<u64> {
    let booted = field(&fs::read_to_string("/proc/stat").ok()?, "btime ");
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let ticks = start_in_ticks(&stat)?.checked_mul(SECOND_NS)?.checked_div(clock_ticks_per_second())?;
    booted.checked_mul(SECOND_NS)?.checked_add(ticks)
}

/// Field 22 of `/proc/self/stat`. Field 2 is the name of the program in parentheses and may hold spaces.
fn start_in_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_proc_are_read() {
        let status = "Name:\tx\nVmSize:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t7\n";
        assert_eq!((field(status, "VmRSS:"), field(status, "Threads:"), field(status, "No:")), (1_024, 7, 0));
        let stat = "7 (a )b) S 1 7 7 0 -1 4194560 10 0 0 0 1 2 0 0 20 0 1 0 4242 1 2 3";
        assert_eq!(start_in_ticks(stat), Some(4_242));
        assert_eq!(start_in_ticks("7 (a) S"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_memory_threads_and_files() {
        let ProcessUsage { cpu_ns, resident_bytes, virtual_bytes, threads, open_fds, max_fds, started_at_ns } =
            read();
        assert!(cpu_ns > 0 && resident_bytes > 1 << 20 && virtual_bytes > resident_bytes && threads > 0);
        assert!((3..=max_fds).contains(&open_fds), "{open_fds} of {max_fds}");
        let year = 365 * 86_400 * SECOND_NS;
        assert!(started_at_ns > 50 * year, "{started_at_ns}");
    }
}
