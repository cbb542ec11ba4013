//! Writes what `pct` cannot: the config file itself, under Proxmox's own lock.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, Instant};

use phoenix_domain::GuestKey;
use tokio::time::sleep;

use super::acts::Edit;
use super::conf::{Conf, with_main};
use super::layout::Layout;
use super::mark::Whose;
use crate::{HostError, Lock, LockError};

/// How long Proxmox itself waits for its lock.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the lock is tried.
const POLL: Duration = Duration::from_millis(20);

/// Edits the main section of a config. What others have written since it was looked at stays, as
/// nobody writes between reading and writing.
pub(super) async fn edit(
    layout: &Layout,
    guest: GuestKey,
    whose: Whose<'_>,
    edit: &Edit,
) -> Result<(), HostError> {
    let what = || Layout::conf_name(guest);
    let lock = take(layout, guest).await?;
    let path = layout.conf(guest);
    let text = fs::read_to_string(&path).map_err(|err| gone(err, guest))?;
    let conf = Conf::read(&text);
    if let Some(by) = conf.lock() {
        return Err(HostError::Locked { what: what(), by: by.to_owned() });
    }
    let main = edit.made(&conf.main, whose);
    let written = with_main(&text, &main);
    // A value with a line break in it would be two lines, and the second whatever it says.
    if Conf::read(&written) != (Conf { main, ..conf }) {
        let why =
            "a value would be read otherwise than it is meant; see that none has a line break";
        return Err(HostError::Impossible {
            what: format!("editing {}", what()),
            why: why.to_owned(),
        });
    }
    if written != text {
        replace(&path, &written).map_err(|err| HostError::Failed {
            what: format!("writing {}", what()),
            why: err.to_string(),
            output: String::new(),
        })?;
    }
    drop(lock);
    Ok(())
}

/// Takes the lock that every command of Proxmox takes which changes this guest.
pub(super) async fn take(layout: &Layout, guest: GuestKey) -> Result<Lock, HostError> {
    let begun = Instant::now();
    let path = layout.lock(guest);
    loop {
        match Lock::try_take(&path) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Held { .. }) if begun.elapsed() < PATIENCE => sleep(POLL).await,
            Err(LockError::Held { .. }) => {
                let by = "another command of Proxmox".to_owned();
                return Err(HostError::Locked { what: called(guest), by });
            }
            // The folder is made with the first container that is changed since the boot.
            Err(LockError::Unusable { err, .. }) if err.kind() == ErrorKind::NotFound => {
                let folder = path.parent().unwrap_or(&path);
                fs::create_dir_all(folder).map_err(|err| HostError::Unreachable { err })?;
            }
            Err(LockError::Unusable { err, .. }) => return Err(HostError::Unreachable { err }),
        }
    }
}

/// Returns what people call a guest.
pub(super) fn called(GuestKey { kind, vmid }: GuestKey) -> String {
    format!("{kind} {vmid}")
}

/// Says whether no command of Proxmox is at this guest.
pub(super) fn is_free(layout: &Layout, guest: GuestKey) -> bool {
    match Lock::try_take(&layout.lock(guest)) {
        Ok(_) => true,
        Err(LockError::Held { .. }) => false,
        Err(LockError::Unusable { err, .. }) => err.kind() == ErrorKind::NotFound,
    }
}

/// Replaces a file: who reads it sees the old one or the new one. It keeps to what the file system
/// of a cluster can do: there are no owners and no modes to be set.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension(format!("conf.tmp.{}", std::process::id()));
    let put = || {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&beside)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_data()?;
        fs::rename(&beside, path)
    };
    put().inspect_err(|_| drop(fs::remove_file(&beside)))
}

fn gone(err: io::Error, guest: GuestKey) -> HostError {
    if err.kind() == ErrorKind::NotFound {
        let (what, why) =
            (format!("editing {}", Layout::conf_name(guest)), "it is gone".to_owned());
        HostError::Failed { what, why, output: String::new() }
    } else {
        HostError::Unreachable { err }
    }
}
