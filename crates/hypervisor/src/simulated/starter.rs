//! Who started this process, and how a test has it killed at an exact point of a change.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, getppid, pidfd_open, pidfd_send_signal};

/// How long the death of a process is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Kills the process that started this one, and returns when it is dead.
///
/// Whoever lost its starter has another parent, which is not to be killed: a starter runs the same
/// program as what it starts.
pub(super) fn kill() {
    let Some(starter) = getppid() else { return };
    let Ok(held) = pidfd_open(starter, PidfdFlags::empty()) else { return };
    // What is held is our parent still, so its number was not given to somebody else meanwhile.
    if getppid() != Some(starter) || !runs_our_program(starter) {
        return;
    }
    if pidfd_send_signal(&held, Signal::KILL).is_err() {
        return;
    }
    let begun = Instant::now();
    while getppid() == Some(starter) && begun.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(1));
    }
}

fn runs_our_program(starter: Pid) -> bool {
    let program = |of: &str| {
        let file = fs::metadata(Path::new("/proc").join(of).join("exe")).ok()?;
        Some((file.dev(), file.ino()))
    };
    let theirs = program(&starter.as_raw_nonzero().to_string());
    theirs.is_some() && theirs == program("self")
}
