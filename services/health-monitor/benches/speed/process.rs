//! What a process has used.

use std::fs;

/// Returns the seconds all threads of a process have used of the processors so far, to a hundredth.
pub(crate) fn cpu(id: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    // Its name may have spaces, and is in brackets.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = |at: usize| fields.split_whitespace().nth(at).unwrap().parse::<u32>().unwrap();
    f64::from(ticks(11) + ticks(12)) / 100.0
}

/// Returns the most memory a process has had, in MiB.
pub(crate) fn peak(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// Begins to measure the most memory anew.
pub(crate) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").ok();
}
