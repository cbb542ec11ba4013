//! The first step: what can be seen of a feature without running it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::error::{Flaw, Stop};
use super::subject::Folder;
use crate::error::LabError;
use crate::process::{last_line, wait_for};

/// What every feature has.
const FILES: [&str; 5] = ["feature.json", "install.sh", "check.sh", "README.md", "test/break.sh"];
/// How long what is written for people may be.
const LINES: usize = 40;
/// What a script says that reads the shell files of all features.
const SHARED: &str = "PHOENIX_LIB";
/// How a script begins that shellcheck understands.
const SHELL: &str = "#!/bin/sh";

/// Sees whether all is there, and what shellcheck says of it.
pub(super) async fn check(feature: &Folder) -> Result<(), Stop> {
    let missing: Vec<_> = FILES.iter().filter(|path| !feature.path.join(path).is_file()).collect();
    if !missing.is_empty() {
        let mut flaw = Flaw::new(format!("{} has not all it should have", feature.path.display()));
        flaw.more = missing.iter().map(|path| format!("there is no {path}")).collect();
        return Err(flaw.into());
    }
    let readme = feature.path.join("README.md");
    let lines = read(&readme)?.lines().count();
    if lines > LINES {
        let why = format!("README.md has {lines} lines, and may have {LINES}");
        return Err(Flaw::new(why).into());
    }
    let scripts = scripts(&feature.path, Path::new(""))?;
    if feature.lib.is_none() && read(&feature.path.join("install.sh"))?.contains(SHARED) {
        let mut flaw = Flaw::new("there is no folder lib beside it, nor in any folder of features");
        flaw.more.push(
            "name the one that came with Phoenix, too: `--features /usr/share/phoenix/features`, or \
             `features` of the repository"
                .to_owned(),
        );
        return Err(flaw.into());
    }
    let mut words = vec!["shellcheck".to_owned(), "-x".to_owned()];
    words.extend(scripts.iter().map(|path| path.display().to_string()));
    let said = wait_for(&words, &feature.path, &[]).await?;
    if said.code != Some(0) {
        let line = last_line(&said.err);
        let why =
            if line.is_empty() { "shellcheck -x has something to say".to_owned() } else { line };
        return Err(Flaw::with(why, &said.out).into());
    }
    Ok(())
}

/// Returns the shell scripts of a folder, as seen from it.
fn scripts(folder: &Path, below: &Path) -> Result<Vec<PathBuf>, LabError> {
    let here = folder.join(below);
    let wrap = |err| LabError::File { path: here.clone(), err };
    let mut scripts = Vec::new();
    for entry in fs::read_dir(&here).map_err(wrap)? {
        let path = below.join(entry.map_err(wrap)?.file_name());
        let full = folder.join(&path);
        if full.is_dir() {
            scripts.extend(self::scripts(folder, &path)?);
        } else if path.extension().is_some_and(|ending| ending == "sh") || is_script(&full)? {
            scripts.push(path);
        }
    }
    scripts.sort();
    Ok(scripts)
}

fn is_script(path: &Path) -> Result<bool, LabError> {
    let wrap = |err| LabError::File { path: path.to_owned(), err };
    let is_program = fs::metadata(path).map_err(wrap)?.permissions().mode() & 0o111 != 0;
    // What is no text is no script.
    Ok(is_program && fs::read(path).map_err(wrap)?.starts_with(SHELL.as_bytes()))
}

fn read(path: &Path) -> Result<String, LabError> {
    fs::read_to_string(path).map_err(|err| LabError::File { path: path.to_owned(), err })
}
