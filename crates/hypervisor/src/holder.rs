//! Who is at work under a lock, and until when.
//!
//! A command outlives the worker that began it and goes on holding its locks. The time it was given must not be
//! forgotten with that worker: it stands in the lock, and whoever waits for the lock sees to it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tracing::{debug, warn};

/// How much longer others wait than the worker that began it: where that lives, it ends it itself, and nobody tells a
/// tool to end that is cleaning up already.
const MERCY: Duration = Duration::from_secs(1);

/// What is at work under a lock. The process leads a group of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    pid: i32,
    /// When it was started, as the kernel counts: no other process has this number and this time.
    started: u64,
    limit_ms: u64,
    grace_ms: u64,
    what: String,
}

/// Writes into locks what is at work under them now.
pub(crate) fn note(
    locks: &[Arc<File>],
    pid: u32,
    limit: Duration,
    grace: Duration,
    what: &impl ToString,
) -> io::Result<()> {
    let Some((pid, started)) = i32::try_from(pid).ok().and_then(|pid| Some((pid, started(pid)?)))
    else {
        // It has ended already.
        return Ok(());
    };
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let holder = Holder {
        pid,
        started,
        limit_ms: millis(limit),
        grace_ms: millis(grace),
        what: what.to_string(),
    };
    let text = serde_json::to_vec(&holder)?;
    for lock in locks {
        lock.write_all_at(&text, 0)?;
        lock.set_len(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
    }
    Ok(())
}

/// Somebody who waits for a lock, and ends what holds it once the time of that is over.
#[derive(Debug, Default)]
pub struct Warden {
    asked: Option<Holder>,
}

impl Warden {
    /// Looks at a lock that is held. What is over its time is asked to end, and killed with all it has started
    /// where it does not listen.
    pub fn look(&mut self, lock: &Path) {
        let Some(holder) = Holder::of(lock) else { return };
        let Some(over) = holder.over_for() else { return };
        let pid = Pid::from_raw(holder.pid);
        let Some(pid) = pid.filter(|_| holder.is_there()) else { return };
        if self.asked.as_ref() != Some(&holder) {
            warn!(pid = holder.pid, what = %holder.what, "it outlived its worker and its time, and is told to end");
            let told = kill_process(pid, Signal::TERM);
            debug!(?told, "told");
            self.asked = Some(holder);
        } else if over > Duration::from_millis(holder.grace_ms) + MERCY {
            let killed = kill_process_group(pid, Signal::KILL);
            warn!(pid = holder.pid, what = %holder.what, ?killed, "it did not end, and is killed");
        }
    }
}

impl Holder {
    /// Reads who was at work under a lock last; nothing where that cannot be told.
    fn of(lock: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(lock).ok()?).ok()
    }

    /// Returns for how long it should have been gone.
    fn over_for(&self) -> Option<Duration> {
        let ticks = rustix::param::clock_ticks_per_second();
        let started = Duration::from_millis(self.started.saturating_mul(1000) / ticks);
        let end =
            started + Duration::from_millis(self.limit_ms.saturating_add(self.grace_ms)) + MERCY;
        let now = clock_gettime(ClockId::Boottime);
        let now = Duration::new(u64::try_from(now.tv_sec).ok()?, u32::try_from(now.tv_nsec).ok()?);
        now.checked_sub(end)
    }

    /// Says whether it is there still, or what it has started is.
    fn is_there(&self) -> bool {
        match started(self.pid) {
            Some(started) => started == self.started,
            // Nobody else is given its number for as long as its group has a member.
            None => Pid::from_raw(self.pid).is_some_and(|pid| test_kill_process_group(pid).is_ok()),
        }
    }
}

/// Returns when a process was started, in ticks of the kernel since the machine was.
fn started(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `4711 (any (name)) S 1 …`: the third field follows the last parenthesis, and the 22nd is wanted.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}
