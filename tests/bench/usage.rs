//! What processes have used, as the kernel counts it.

use std::fs;

/// CPU seconds of a process, its own and the kernel's for it.
pub(crate) fn cpu(pid: u32) -> f64 {
    let [user, system, _, _] = times(pid);
    user + system
}

/// The same with the children it has waited for.
pub(crate) fn cpu_with_children(pid: u32) -> f64 {
    times(pid).iter().sum()
}

/// CPU seconds of all that we have started and waited for.
pub(crate) fn cpu_of_children() -> f64 {
    let [_, _, user, system] = times(std::process::id());
    user + system
}

/// Seconds of a process: its own and the kernel's, and both of the children it has waited for.
fn times(pid: u32) -> [f64; 4] {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks =
        |nth: usize| fields.get(nth).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    [11, 12, 13, 14].map(|nth| ticks(nth) / 100.0)
}

/// Returns a process and all below it, as far as they run.
pub(crate) fn tree(pid: u32) -> Vec<u32> {
    let children = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(children).unwrap_or_default();
    let below = children.split_whitespace().filter_map(|child| child.parse().ok());
    std::iter::once(pid).chain(below.flat_map(tree)).collect()
}

/// Resident memory of a process, in MiB.
pub(crate) fn memory(pid: u32) -> f64 {
    of_status(pid, "VmRSS")
}

/// The most that it ever had.
pub(crate) fn peak(pid: u32) -> f64 {
    of_status(pid, "VmHWM")
}

fn of_status(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    let kib = line.split_whitespace().nth(1).and_then(|text| text.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
