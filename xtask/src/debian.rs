//! The Debian that features are tested in: made of Debian's own packages, once a machine.

use std::path::PathBuf;

use anyhow::Result;

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
