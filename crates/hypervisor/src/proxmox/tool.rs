//! Proxmox's own commands, and what their answers mean.
//!
//! Their exit codes say little: errors leave with any number, and some failures with none. So the
//! text is read, and whatever it says, the guest is looked at again afterwards.

use std::time::Duration;

use phoenix_domain::{Kind, Vmid};

use super::layout::Layout;
use crate::command::{Command, Ended};
use crate::{Hand, HostError};

/// How long a command may take that only writes a config.
const SHORT: Duration = Duration::from_mins(2);
/// How long a command may take that moves data.
const LONG: Duration = Duration::from_hours(2);

/// How long an answer may be that is a list.
const ANSWER: u64 = 4 << 20;

/// Runs Proxmox's tool for guests of a kind with these arguments.
pub(super) async fn of(
    kind: Kind,
    layout: &Layout,
    arguments: &[String],
    hand: &Hand,
) -> Result<(), HostError> {
    let program = name(kind);
    let verb = arguments.first().map(String::as_str).unwrap_or_default();
    let limit = match verb {
        "create" | "clone" | "snapshot" | "delsnapshot" | "template" | "destroy" | "resize" => LONG,
        _ => SHORT,
    };
    let command = Command::new(&layout.program(program), limit).called(program);
    let command = arguments.iter().fold(command, Command::plain);
    // A machine is a child of the command that starts it; a container is one of systemd's.
    let leaves_one_behind = kind == Kind::Machine && verb == "start";
    let ended = command.run(&if leaves_one_behind { hand.empty() } else { hand.clone() }).await?;
    judge(verb, &command.to_string(), &ended)
}

/// Returns the name of Proxmox's tool for guests of a kind.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Container => "pct",
        Kind::Machine => "qm",
    }
}

/// Runs another of Proxmox's programs and returns what it printed.
pub(super) async fn ask(
    layout: &Layout,
    program: &str,
    arguments: &[&str],
    limit: Duration,
    hand: &Hand,
) -> Result<String, HostError> {
    let command = Command::new(&layout.program(program), limit).called(program).kept(ANSWER);
    let command = arguments.iter().fold(command, |command, word| command.plain(*word));
    let ended = command.run(hand).await?;
    judge("", &command.to_string(), &ended).map(|()| ended.stdout)
}

/// Runs another program and lets what it says be heard, as it takes its time.
pub(super) async fn tell(
    layout: &Layout,
    program: &str,
    arguments: &[&str],
    limit: Duration,
    hand: &Hand,
) -> Result<(), HostError> {
    let command = Command::new(&layout.program(program), limit).called(program).heard();
    let command = arguments.iter().fold(command, |command, word| command.plain(*word));
    let ended = command.run(hand).await?;
    judge("", &command.to_string(), &ended)
}

/// Says what an answer means.
pub(super) fn judge(verb: &str, what: &str, ended: &Ended) -> Result<(), HostError> {
    let text = format!("{}\n{}", ended.stdout, ended.stderr);
    let failed = |why: &str| HostError::Failed {
        what: what.to_owned(),
        why: why.to_owned(),
        output: text.trim().to_owned(),
    };
    if ended.status.success() {
        // The size was taken down although the file system is as small as before.
        if verb == "resize" && text.contains("Failed to update the container's filesystem") {
            return Err(HostError::Impossible {
                what: what.to_owned(),
                why: "the volume was grown and its file system was not; stop the guest, then run \
                      `pct fsck` and grow the file system by hand"
                    .to_owned(),
            });
        }
        // Of these two an error of the worker is not passed on by the exit code.
        let is_silent = matches!(verb, "resize" | "template");
        let complaint = ended.stderr.lines().find(|line| is_complaint(line));
        return match complaint {
            Some(complaint) if is_silent && is_for_ever(&text) => {
                Err(HostError::Impossible { what: what.to_owned(), why: complaint.to_owned() })
            }
            Some(complaint) if is_silent => Err(failed(complaint)),
            Some(_) | None => Ok(()),
        };
    }
    let is_as_wanted = match verb {
        "start" => text.contains("already running"),
        "shutdown" | "stop" => text.contains("not running"),
        "resize" => text.contains("already at specified size"),
        "unlock" => text.contains("no lock found"),
        _ => false,
    };
    if is_as_wanted {
        return Ok(());
    }
    if let Some(by) = between(&text, "is locked (", ")") {
        return Err(HostError::Locked { what: what.to_owned(), by: by.to_owned() });
    }
    if text.contains("can't lock file") || text.contains("can't acquire lock") {
        let by = "another command of Proxmox".to_owned();
        return Err(HostError::Locked { what: what.to_owned(), by });
    }
    if text.contains("no quorum") {
        let by = "the cluster has no quorum".to_owned();
        return Err(HostError::Locked { what: what.to_owned(), by });
    }
    let is_full = ["No space left", "not enough space", "out of space", "insufficient free space"];
    if is_full.iter().any(|word| text.contains(word)) {
        return Err(HostError::Full { storage: storage_in(what) });
    }
    let last = ended.stderr.lines().rev().find(|line| is_complaint(line));
    let why = last.map_or_else(|| format!("it ended with {}", ended.status), str::to_owned);
    if is_for_ever(&text) {
        return Err(HostError::Impossible { what: what.to_owned(), why: reason(&text, &why) });
    }
    Err(failed(&why))
}

/// Says whether no attempt will ever go better.
fn is_for_ever(text: &str) -> bool {
    [
        "400 Parameter verification failed",
        "400 unable to parse",
        "400 not enough arguments",
        "Unknown option:",
        "snapshot feature is not available",
        "Linked clone feature for",
        "unable to clone mountpoint",
        "does not support container directories",
        "unable to modify read-only option",
        "unable to shrink disk size",
        "protection mode enabled",
        "because CT contains snapshots",
        "because VM contains snapshots",
        "does not support vm images",
        "does not support content-type",
    ]
    .iter()
    .any(|word| text.contains(word))
        || between(text, "storage '", "' does not exist").is_some()
        || between(text, "volume '", "' does not exist").is_some()
}

/// Returns what a refusal of arguments is about: not its first line, which is always the same.
fn reason(text: &str, last: &str) -> String {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("400 "));
    let first = lines.next();
    let about: Vec<_> = lines.take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    match (first, about.as_slice()) {
        (Some(_), [_, ..]) => about.join("; "),
        (Some(_), []) | (None, _) => last.to_owned(),
    }
}

/// Says whether a line is an error: warnings and usage are not.
fn is_complaint(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty()
        && !line.starts_with("WARN")
        && !line.contains("warning(s)!")
        && !line.starts_with("pct ")
        && !line.starts_with("qm ")
        && !line.starts_with("trying to acquire lock")
        && !line.contains("overrides the following settings")
        && !line.contains("unable to parse value of")
        && !line.contains("unable to parse config:")
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    let (found, _) = rest.split_once(after)?;
    (!found.contains('\n')).then_some(found)
}

/// Returns the storage a command was about.
fn storage_in(what: &str) -> String {
    let words: Vec<_> = what.split_whitespace().collect();
    let after = |option: &str| {
        let at = words.iter().position(|word| *word == option)?;
        words.get(at + 1).copied()
    };
    let storage = after("--storage").or_else(|| after("--rootfs")).unwrap_or("of the guest");
    storage.split(':').next().unwrap_or(storage).to_owned()
}

/// Says whether a task of Proxmox about this guest is at work: its worker names itself.
pub(super) fn is_at_work(layout: &Layout, vmid: Vmid) -> bool {
    let Ok(processes) = std::fs::read_dir(layout.proc()) else { return false };
    let about = format!(":{vmid}:");
    processes.filter_map(Result::ok).any(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        line.starts_with(b"task UPID:") && String::from_utf8_lossy(&line).contains(&about)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use phoenix_domain::Verdict;

    use super::*;

    fn told(verb: &str, code: i32, stdout: &str, stderr: &str) -> Result<(), HostError> {
        let what = format!("pct {verb} 950 --rootfs tank:8");
        let (stdout, stderr) = (stdout.to_owned(), stderr.to_owned());
        judge(verb, &what, &Ended { status: ExitStatus::from_raw(code << 8), stdout, stderr })
    }

    #[test]
    fn what_is_as_wanted_already_is_no_error() {
        told("start", 255, "", "CT 950 already running\n").unwrap();
        told("shutdown", 255, "", "CT 950 not running\n").unwrap();
        told("resize", 255, "", "disk is already at specified size\n").unwrap();
        told("create", 0, "WARN: Systemd 252 detected.\n", "Task finished with 1 warning(s)!\n")
            .unwrap();
    }

    #[test]
    fn locks_are_told_with_who_holds_them() {
        let err = told("set", 255, "", "CT is locked (backup)\n").unwrap_err();
        assert_eq!(err.to_string(), "pct set 950 --rootfs tank:8 is locked (backup)");
        let busy = "trying to acquire lock...\ncan't lock file '/run/lock/lxc/pve-config-950.lock' - got timeout\n";
        assert!(matches!(told("set", 4, "", busy), Err(HostError::Locked { .. })));
    }

    #[test]
    fn what_will_never_work_is_told_by_its_reason() {
        let bad = "400 Parameter verification failed.\nhostname: invalid format - value does not look \
            like a valid DNS name\n\npct set <vmid> [OPTIONS]\n";
        let err = told("set", 255, "", bad).unwrap_err();
        assert_eq!(err.verdict(), Verdict::GiveUp);
        assert!(err.to_string().contains("hostname: invalid format"), "{err}");
        for text in ["snapshot feature is not available\n", "storage 'nostore' does not exist\n"] {
            assert_eq!(told("create", 255, "", text).unwrap_err().verdict(), Verdict::GiveUp);
        }
    }

    #[test]
    fn failures_without_an_exit_code_are_found() {
        let half = "Failed to update the container's filesystem: command failed\n";
        assert!(told("resize", 0, half, "").is_err());
        let snapshots = "unable to create template, because CT contains snapshots\n";
        assert_eq!(told("template", 0, "", snapshots).unwrap_err().verdict(), Verdict::GiveUp);
        let err = told(
            "start",
            255,
            "run_buffer: 322 Script exited\n",
            "startup for container '950' failed\n",
        );
        let err = err.unwrap_err();
        assert_eq!(err.verdict(), Verdict::Retry);
        assert!(err.output().unwrap().contains("run_buffer"));
        assert!(
            matches!(told("create", 255, "", "No space left on device\n"), Err(HostError::Full { storage }) if storage == "tank")
        );
    }
}
