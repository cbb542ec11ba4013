//! A process that was started, and those that it starts.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// A process in a group of its own, which ends with all its children when nobody waits for it any more.
#[derive(Debug)]
pub struct Started {
    /// The process.
    pub child: Child,
    group: Option<Pid>,
}

impl Started {
    /// Takes a process that was started in a group of its own.
    pub fn of(child: Child) -> Self {
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Self { child, group }
    }

    /// Lets its children go on: it has ended by itself, and what it has left at work is meant to.
    pub fn let_go(&mut self) {
        self.group = None;
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // One that has ended has no group any more.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}
