//! Whether there is room where things are kept.

use std::path::{Path, PathBuf};

use phoenix_bus::Store;
use phoenix_setup::Host;
use rustix::fs::statvfs;

use super::report::Report;
use crate::cli::DoctorArgs;

const CHECK: &str = "disk";
/// Where more than this is taken, in hundredths, somebody should look.
const FILLING: u64 = 85;
/// Where more than this is taken, it is about to be full.
const FULL: u64 = 95;

pub(super) fn look(args: &DoctorArgs, store: Option<&Store>, host: &Host, report: &mut Report) {
    let mut folders = vec![args.state_dir.clone(), PathBuf::from("/var/lib/phoenix")];
    if let Some(store) = store {
        let bytes = store.fill;
        room(
            "store of NATS",
            &format!("what it may take in {}", store.folder.display()),
            bytes.there,
            bytes.most.unwrap_or(u64::MAX),
            "nats stream report",
            report,
        );
        // A server on another machine has its folder there.
        if host.at(&store.folder.to_string_lossy()).is_dir() {
            folders.push(store.folder.clone());
        }
    }
    folders.sort();
    folders.dedup();
    for folder in folders {
        let at = host.at(&folder.to_string_lossy());
        // One that is not there yet will be where the nearest is that is.
        let Some(there) = at.ancestors().find(|path| path.is_dir()) else { continue };
        of_folder(&folder, there, report);
    }
}

fn of_folder(folder: &Path, there: &Path, report: &mut Report) {
    let seen = match statvfs(there) {
        Ok(seen) => seen,
        Err(err) => return report.not_looked_at(CHECK, format!("{}: {err}", folder.display())),
    };
    // What only root may take is none of what everybody else has.
    let most = seen.f_blocks.saturating_sub(seen.f_bfree) + seen.f_bavail;
    let taken = most.saturating_sub(seen.f_bavail);
    let found = format!("the one of {}", folder.display());
    let remedy = format!("du -xh --max-depth=1 {}", there.display());
    room(
        CHECK,
        &found,
        taken.saturating_mul(seen.f_frsize),
        most.saturating_mul(seen.f_frsize),
        &remedy,
        report,
    );
}

/// Says how much of something is taken, and whether that is too much.
fn room(check: &'static str, what: &str, taken: u64, most: u64, remedy: &str, report: &mut Report) {
    let share = u128::from(taken) * 100 / u128::from(most.max(1));
    let found = format!("{what}: {share} % is taken, {} of {}", size(taken), size(most));
    match u64::try_from(share).unwrap_or(u64::MAX) {
        0..FILLING => report.ok(check, found),
        FILLING..FULL => report.warning(check, found, remedy),
        FULL.. => report.wrong(check, found, remedy),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Sign;
    use super::*;

    #[test]
    fn a_disk_is_warned_of_before_it_is_full() {
        for (taken, sign) in [(0, Sign::Ok), (84, Sign::Ok), (85, Sign::Warning), (95, Sign::Wrong)]
        {
            let mut report = Report::default();
            room(CHECK, "/var", taken << 30, 100 << 30, "du", &mut report);
            assert_eq!(report.count(sign), 1, "{taken}: {report:?}");
        }
    }
}
