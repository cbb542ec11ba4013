//! The Debian that features are tested in: made of Debian's own packages, once a machine.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::process::Program;
use crate::say::say;
use crate::tools;
use crate::workspace::Workspace;

/// The release that is tested in.
const RELEASE: &str = "bookworm";
/// What the archives of Proxmox have and a minimal Debian has not.
const PACKAGES: &str = "systemd-sysv,dbus,ifupdown,isc-dhcp-client,iproute2,procps,ca-certificates";
/// Where it is put together: in memory, where many small files cost nothing.
const ROOM: &str = "/dev/shm";

/// Says whether this program may do what real containers take.
pub(crate) fn is_root() -> bool {
    let said = Program::new("id").arg("-u").ask();
    said.is_some_and(|id| id.trim() == "0")
}

/// Returns an archive of it, making it when there is none.
pub(crate) fn archive(workspace: &Workspace) -> Result<PathBuf> {
    let archive = workspace.target.join(format!("tools/debian-{RELEASE}.tar.zst"));
    if archive.is_file() {
        return Ok(archive);
    }
    for tool in &tools::CONTAINERS {
        tool.ensure(workspace)?;
    }
    tools::ZSTD.ensure(workspace)?;
    say(format_args!("making an archive of Debian {RELEASE}; this takes a minute, once"));
    let room = tempfile::Builder::new().prefix("phoenix-debian-").tempdir_in(ROOM)?;
    let system = room.path().join("system");
    Program::new("debootstrap")
        .args(["--variant=minbase", &format!("--include={PACKAGES}"), RELEASE])
        .arg(&system)
        .run()?;
    // It is refused to an unprivileged container, and a system that is degraded from the start
    // tells nothing.
    let mask = system.join("etc/systemd/system/sys-kernel-debug.mount");
    std::os::unix::fs::symlink("/dev/null", &mask)
        .with_context(|| format!("cannot write {}", mask.display()))?;
    let half = archive.with_extension("half");
    Program::new("tar")
        .args(["--zstd", "-cpf"])
        .arg(&half)
        .arg("-C")
        .arg(&system)
        .arg(".")
        .run()?;
    fs::rename(&half, &archive)?;
    Ok(archive)
}
