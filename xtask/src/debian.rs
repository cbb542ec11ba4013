//! The Debian that features are tested in: made of Debian's own packages, once a machine.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::process::Program;
use crate::tools;
use crate::workspace::{Profile, Workspace};

/// The release that is tested in.
const RELEASE: &str = "bookworm";

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
    Program::new(workspace.phoenix(Profile::Dev)?)
        .args(["feature", "archive"])
        .arg(&archive)
        .run()?;
    Ok(archive)
}

/// What a host has that is set up, so that its own programs judge what is written for them.
const OF_A_HOST: [&str; 6] =
    ["samba", "nfs-kernel-server", "sudo", "apparmor", "tzdata", "iputils-ping"];

/// What judges packages as Debian's own are judged.
const OF_A_JUDGE: [&str; 1] = ["lintian"];

/// Returns a folder with the root of a host, making it when there is none.
pub(crate) fn host(workspace: &Workspace) -> Result<PathBuf> {
    root(workspace, "host", &OF_A_HOST)
}

/// Returns a folder with the root of a Debian that judges packages, making it when there is none.
pub(crate) fn judge(workspace: &Workspace) -> Result<PathBuf> {
    root(workspace, "judge", &OF_A_JUDGE)
}

/// Returns a folder with the root of a Debian that has these packages. It is there whole or not at all, and
/// nobody writes into it.
fn root(workspace: &Workspace, name: &str, packages: &[&str]) -> Result<PathBuf> {
    let root = workspace.target.join(format!("tools/{name}-{RELEASE}"));
    if root.is_dir() {
        return Ok(root);
    }
    let archive = archive(workspace)?;
    let half = root.with_extension("half");
    let unmade = || format!("cannot make {}", half.display());
    if half.exists() {
        fs::remove_dir_all(&half).with_context(unmade)?;
    }
    fs::create_dir_all(&half).with_context(unmade)?;
    Program::new("tar").arg("-xpf").arg(&archive).arg("-C").arg(&half).run()?;
    // Nothing is started in it.
    fs::write(half.join("usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n").with_context(unmade)?;
    Program::new("chmod").arg("755").arg(half.join("usr/sbin/policy-rc.d")).run()?;
    fs::copy("/etc/resolv.conf", half.join("etc/resolv.conf")).with_context(unmade)?;
    // Nothing half written is ever used, so nothing waits for the disk.
    let quick = ["apt-get", "-q", "-y", "-o", "DPkg::Options::=--force-unsafe-io"];
    let apt = |words: &[&str]| {
        let program = Program::new("chroot").arg(&half).args(quick).args(words);
        program.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8").run()
    };
    apt(&["update"])?;
    apt(&[["install", "--no-install-recommends"].as_slice(), packages].concat())?;
    apt(&["clean"])?;
    fs::rename(&half, &root).with_context(unmade)?;
    Ok(root)
}
