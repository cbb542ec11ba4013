//! Locks that somebody holds although nobody works on their guest. A lock belongs to an open file, and a command
//! that outlived its worker goes on holding it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use phoenix_domain::{GuestKey, Standing};
use phoenix_setup::Host;
use rustix::fs::{major, minor};

use super::nats::said;
use super::report::Report;
use super::site::Site;
use crate::words;

const CHECK: &str = "locks";
/// How much of a command line is shown.
const SHOWN: usize = 120;

pub(super) fn look(run_dir: &Path, site: Option<&Site>, host: &Host, report: &mut Report) {
    let folder = host.at(&run_dir.to_string_lossy());
    if !folder.is_dir() {
        let why = format!(
            "{} is not there: where a worker of this machine has another, name it: --run-dir DIR",
            run_dir.display()
        );
        return report.not_looked_at(CHECK, why);
    }
    let names = match host.names(&run_dir.to_string_lossy()) {
        Ok(names) => names,
        Err(err) => return report.not_looked_at(CHECK, format!("{}: {}", err.what, err.why)),
    };
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let mut held = Vec::new();
    for guest in
        names.iter().filter_map(|name| name.strip_suffix(".lock")?.parse::<GuestKey>().ok())
    {
        let path = folder.join(format!("{guest}.lock"));
        if fs::metadata(&path).is_ok_and(|file| is_held(&locks, file.dev(), file.ino())) {
            held.push((guest, path));
        }
    }
    if held.is_empty() {
        return report.ok(CHECK, format!("nobody holds a guest in {}", run_dir.display()));
    }
    let states = match site.map(|site| &site.states) {
        Some(Ok(states)) => states,
        Some(Err(err)) => return report.not_looked_at(CHECK, said(err)),
        None => {
            return report.not_looked_at(
                CHECK,
                "some are held, and the log that says who works cannot be read",
            );
        }
    };
    let all = held.len();
    let is_worked_on = |guest: GuestKey, path: &Path| {
        let record = states.record(guest);
        record.is_some_and(|record| record.work.standing == Standing::Working) && !is_left(path)
    };
    held.retain(|(guest, path)| !is_worked_on(*guest, path));
    report.ok(
        CHECK,
        format!(
            "{} held by who works on them",
            words::count(all - held.len(), "guest is", "guests are")
        ),
    );
    for (guest, path) in held {
        orphan(guest, &path, report);
    }
}

/// Names who holds a guest that nobody works on. A worker that does is looking at it.
fn orphan(guest: GuestKey, path: &Path, report: &mut Report) {
    let holders = holders(path);
    if holders.iter().any(|(_, line)| is_worker(line)) {
        return report.ok(CHECK, format!("{guest} is looked at by its worker"));
    }
    let Some((pid, _)) = holders.first() else {
        let found = format!("{guest} is held, and nobody works on it; by whom is for root to see");
        return report.warning(CHECK, found, "sudo phoenix doctor");
    };
    let named: Vec<_> = holders.iter().map(|(pid, line)| format!("{pid} ({line})")).collect();
    let found = format!(
        "{guest} is held by process {}, whose worker is gone: it waits until that ends, or a worker ends it \
         when its time is over",
        named.join(", ")
    );
    report.warning(CHECK, found, format!("ps -f {pid}"));
}

/// Says whether all that hold a file have outlived their worker, as far as one is told of them.
fn is_left(path: &Path) -> bool {
    let holders = holders(path);
    !holders.is_empty() && !holders.iter().any(|(_, line)| is_worker(line))
}

/// Says whether the kernel lists a lock on a file.
fn is_held(locks: &str, dev: u64, ino: u64) -> bool {
    let wanted = format!("{:02x}:{:02x}:{ino}", major(dev), minor(dev));
    // `1: FLOCK  ADVISORY  WRITE 4711 fe:01:123456 0 EOF`; who waits for one has `->` in front.
    locks.lines().any(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        words.get(1) == Some(&"FLOCK") && words.contains(&&*wanted)
    })
}

/// Says whether a command line is that of a worker.
fn is_worker(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let program = words.next().and_then(|program| program.rsplit('/').next());
    match program {
        Some("phoenix-worker") => true,
        Some("phoenix") => words.next() == Some("worker"),
        Some(_) | None => false,
    }
}

/// Returns the processes that have a file open, with their command lines.
fn holders(path: &Path) -> Vec<(u32, String)> {
    let Ok(wanted) = fs::metadata(path) else { return Vec::new() };
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut holders: Vec<_> = processes
        .flatten()
        .filter_map(|process| {
            let pid: u32 = process.file_name().to_str()?.parse().ok()?;
            // Of the processes of others only root is told.
            let mut files = fs::read_dir(process.path().join("fd")).ok()?.flatten();
            let is_it =
                |file: &fs::Metadata| (file.dev(), file.ino()) == (wanted.dev(), wanted.ino());
            let has_it = files.any(|file| fs::metadata(file.path()).is_ok_and(|file| is_it(&file)));
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            has_it.then(|| (pid, words::shortened(&words::line(&line), SHOWN)))
        })
        .collect();
    holders.sort_unstable();
    holders
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_worker_is_told_from_what_it_has_begun() {
        assert!(is_worker("/usr/bin/phoenix-worker --durability always"));
        assert!(is_worker("target/debug/phoenix worker --host simulated"));
        for line in ["/usr/sbin/pct clone 900 950", "phoenix sim-change phoenix-worker", ""] {
            assert!(!is_worker(line), "{line}");
        }
    }

    #[test]
    fn a_file_that_is_locked_is_held_by_who_has_it_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lxc-950.lock");
        let file = File::create(&path).unwrap();
        let seen = file.metadata().unwrap();
        let is_held =
            || is_held(&fs::read_to_string("/proc/locks").unwrap(), seen.dev(), seen.ino());

        assert!(!is_held());
        file.lock().unwrap();

        assert!(is_held());
        assert_eq!(
            holders(&path).iter().map(|(pid, _)| *pid).collect::<Vec<_>>(),
            [std::process::id()]
        );
    }
}
