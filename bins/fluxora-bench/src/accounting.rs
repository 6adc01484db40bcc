//! Processor time and memory of processes and threads, as Linux reports them in `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use rustix::param::clock_ticks_per_second;

/// User and system time of a process so far, all its threads together.
pub(crate) fn cpu(process: u32) -> anyhow::Result<Duration> {
    cpu_in(&format!("/proc/{process}/stat"), 11..13)
}

/// User and system time of a thread of this process so far.
pub(crate) fn cpu_of_thread(thread: i32) -> anyhow::Result<Duration> {
    cpu_in(&format!("/proc/self/task/{thread}/stat"), 11..13)
}

/// User and system time of a process, its children, and those of them that have ended.
pub(crate) fn cpu_with_children(process: u32) -> anyhow::Result<Duration> {
    let mut sum = cpu_in(&format!("/proc/{process}/stat"), 11..15)?;
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    for child in children.split_whitespace() {
        // It may end meanwhile: then it counts among those that have ended.
        if let Ok(more) = cpu_in(&format!("/proc/{child}/stat"), 11..13) {
            sum = sum.saturating_add(more);
        }
    }
    Ok(sum)
}

/// Sums fields of a `stat` file, in clock ticks, counted from the one after the name.
fn cpu_in(file: &str, fields: std::ops::Range<usize>) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
    let (_, rest) = stat.rsplit_once(')').context("the name of the program ends with a parenthesis")?;
    let ticks = rest.split_whitespace().skip(fields.start).take(fields.len());
    let ticks = ticks.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks.saturating_mul(1_000) / clock_ticks_per_second().max(1)))
}

/// Resident memory of a process, in bytes: now and at its largest.
pub(crate) fn resident(process: u32) -> anyhow::Result<[u64; 2]> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kibibytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kibibytes.unwrap_or_default().saturating_mul(1_024)
    };
    Ok([field("VmRSS:"), field("VmHWM:")])
}
