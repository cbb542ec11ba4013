//! A way back from a change that may cut the way out.
//!
//! Before the file is written, systemd is told to put the old one back after a while; afterwards the
//! gateway has to answer, and only then is systemd told to forget it. Whoever is cut off, or killed,
//! in between gets the old network back.

use std::thread::sleep;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::apply::{ApplyError, run};
use crate::change::{FileChange, Guard, Run};
use crate::host::Host;
use crate::item::Refusal;
use crate::state::{FOLDER, State};
use crate::write;

/// What systemd calls it.
const UNIT: &str = "phoenix-setup-revert";
/// How often the gateway is asked.
const ASK: Duration = Duration::from_millis(200);

/// The way out was lost.
#[derive(Debug, Error)]
#[error("the gateway {gateway} did not answer within {} s: {path} was put back", patience.as_secs())]
pub struct Lost {
    gateway: String,
    path: String,
    patience: Duration,
}

/// A way back that is open.
pub(crate) struct Armed<'a> {
    file: &'a FileChange,
    guard: &'a Guard,
}

/// Has systemd put the old file back after a while.
pub(crate) fn arm<'a>(
    host: &Host,
    state: &State,
    file: &'a FileChange,
    guard: &'a Guard,
) -> Result<Armed<'a>, ApplyError> {
    let kept = state.folder().join("revert.old");
    let old = file.was.as_deref().unwrap_or_default();
    write::whole(&kept, old, None)
        .map_err(|err| ApplyError::Unwritten { path: kept.display().to_string(), err })?;
    // The gateway is asked for half of the time: then it is put back here, and systemd is for those
    // who were killed.
    let after = format!("--on-active={}", (guard.patience * 2).as_secs().max(1));
    let script = "cp -- \"$1\" \"$2\" && shift 2 && exec \"$@\"";
    let kept = format!("{FOLDER}/revert.old");
    let words = [
        "systemd-run",
        &after,
        "--unit",
        UNIT,
        "--collect",
        "--",
        "sh",
        "-c",
        script,
        "revert",
        &kept,
        &file.path,
    ];
    let words = words.into_iter().map(str::to_owned).chain(guard.apply.iter().cloned());
    run(host, state, &Run::of(words))?;
    Ok(Armed { file, guard })
}

impl Armed<'_> {
    /// Has the new file count, and takes it back where the gateway is lost.
    pub(crate) fn go(self, host: &Host, state: &State) -> Result<(), ApplyError> {
        let Guard { apply, gateway, patience } = self.guard;
        let counts = run(host, state, &Run::of(apply.iter().cloned()));
        let answers = match &counts {
            Ok(()) => answers(host, gateway, *patience)?,
            Err(_) => false,
        };
        if answers {
            return disarm(host, state);
        }
        let rights = host.ids(&crate::change::Owner::root())?.map(|ids| (0o644, ids));
        let old = self.file.was.as_deref().unwrap_or_default();
        let path = self.file.path.clone();
        write::whole(&host.at(&path), old, rights)
            .map_err(|err| ApplyError::Unwritten { path: path.clone(), err })?;
        run(host, state, &Run::of(apply.iter().cloned()))?;
        disarm(host, state)?;
        counts?;
        Err(Lost { gateway: gateway.clone(), path, patience: *patience }.into())
    }
}

/// Says whether a way back is open still, of somebody who was killed.
pub(crate) fn is_armed(host: &Host) -> Result<bool, Refusal> {
    if !host.exists(&format!("{FOLDER}/revert.old")) {
        return Ok(false);
    }
    let answer = host.ask(&["systemctl", "is-active", "--quiet", &format!("{UNIT}.timer")])?;
    Ok(answer.is_good())
}

fn disarm(host: &Host, state: &State) -> Result<(), ApplyError> {
    run(host, state, &Run::of(["systemctl", "stop", &format!("{UNIT}.timer")]))?;
    let kept = state.folder().join("revert.old");
    match std::fs::remove_file(&kept) {
        Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
            Err(ApplyError::Unwritten { path: kept.display().to_string(), err })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn answers(host: &Host, gateway: &str, patience: Duration) -> Result<bool, Refusal> {
    let begun = Instant::now();
    loop {
        if host.ask(&["ping", "-c", "1", "-W", "1", gateway])?.is_good() {
            return Ok(true);
        }
        if begun.elapsed() >= patience {
            return Ok(false);
        }
        sleep(ASK);
    }
}
