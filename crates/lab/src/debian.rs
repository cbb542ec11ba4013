//! The Debian that features are tried in, made of Debian's own packages.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::LabError;
use crate::place::tools;
use crate::process::{ask, how_ended, last_lines, wait_for};

/// The release.
pub const RELEASE: &str = "bookworm";
/// What the archives of Proxmox have and a minimal Debian has not.
const PACKAGES: &str = "systemd-sysv,dbus,ifupdown,isc-dhcp-client,iproute2,procps,ca-certificates";
/// What makes it.
const TOOLS: [(&str, &str); 2] =
    [("/usr/sbin/debootstrap", "debootstrap"), ("/usr/bin/zstd", "zstd")];

/// Makes an archive of it. It is there whole or not at all; `room` is where it is put together. Who
/// gives up waiting has to clear that.
pub async fn make_archive(archive: &Path, room: &Path) -> Result<(), LabError> {
    if !rustix::process::geteuid().is_root() {
        return Err(LabError::NotRoot);
    }
    tools(&TOOLS)?;
    let made = assemble(archive, &own(room)).await;
    clear_room(room);
    made
}

/// Takes away what an archive was being made of.
pub fn clear_room(room: &Path) {
    let room = own(room);
    for inside in ["system/proc", "system/sys"] {
        // Mounted only where somebody was interrupted.
        drop(ask(&["umount", "--quiet", &room.join(inside).display().to_string()]));
    }
    drop(ask(&["rm", "-rf", "--one-file-system", &room.display().to_string()]));
}

async fn assemble(archive: &Path, room: &Path) -> Result<(), LabError> {
    let wrap = |path: &Path| {
        let path = path.to_owned();
        move |err| LabError::File { path, err }
    };
    let folder = archive.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder).map_err(wrap(folder))?;
    fs::create_dir(room).map_err(wrap(room))?;
    let system = room.join("system");
    let include = format!("--include={PACKAGES}");
    let path = system.display().to_string();
    done(&["debootstrap", "--variant=minbase", &include, RELEASE, &path]).await?;
    // It is refused to an unprivileged container, and a system that is degraded from the start
    // tells nothing.
    let mask = system.join("etc/systemd/system/sys-kernel-debug.mount");
    std::os::unix::fs::symlink("/dev/null", &mask).map_err(wrap(&mask))?;
    let half = archive.with_extension("half");
    let half_path = half.display().to_string();
    done(&["tar", "--zstd", "-cpf", &half_path, "-C", &path, "."]).await?;
    fs::rename(&half, archive).map_err(wrap(archive))
}

fn own(room: &Path) -> PathBuf {
    room.join(format!("phoenix-debian-{}", std::process::id()))
}

async fn done(words: &[&str]) -> Result<(), LabError> {
    // In the folder of whoever asks: the archive's path may be a relative one.
    let ended = wait_for(words, Path::new("."), &[]).await?;
    if ended.code == Some(0) {
        return Ok(());
    }
    // debootstrap says on stdout what went wrong, and tar before its last line.
    let said = last_lines(&format!("{}{}", ended.out, ended.err), 3);
    Err(LabError::Failed { line: words.join(" "), how: how_ended(ended.code), said })
}
