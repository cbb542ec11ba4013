//! Which containers run: LXC's own answer depends on the network namespace it is asked from, the
//! kernel's does not.

use std::fs;
use std::path::Path;

use phoenix_domain::Vmid;

use crate::kernel::{self, Init};

/// Returns the init of a container, if it runs.
pub(super) fn init(guests: &Path, pid_file: &Path, vmid: Vmid) -> Option<Init> {
    let proc = Path::new("/proc");
    let title = format!("[lxc monitor] {} {vmid}", guests.display());
    let is_its = |pid: &u32| {
        let line = fs::read(proc.join(format!("{pid}/cmdline"))).unwrap_or_default();
        String::from_utf8_lossy(&line).trim_end_matches(['\0', ' ']) == title
    };
    let noted = fs::read_to_string(pid_file).ok().and_then(|text| text.trim().parse().ok());
    // The note goes when somebody clears the folder of such notes; the monitor stays.
    let monitor = noted.filter(is_its).or_else(|| {
        let processes = fs::read_dir(proc).ok()?.filter_map(Result::ok);
        let pids = processes.filter_map(|one| one.file_name().to_str()?.parse::<u32>().ok());
        pids.into_iter().find(is_its)
    })?;
    kernel::child_init(proc, monitor)
}
