//! `cargo xtask docs`: the pages of events, of the configuration and of the features, and the man pages and shell completions a package ships.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::process::Program;
use crate::say::say;
use crate::workspace::{Profile, Workspace};
use crate::{configuration, events, manifests};

/// Each shell, and the names under which it looks for the completions of a program: what stands before and
/// behind the program's.
const SHELLS: [(&str, &str, &str); 4] =
    [("bash", "", ""), ("zsh", "_", ""), ("fish", "", ".fish"), ("powershell", "", ".ps1")];
/// Each program that has completions, and how they are asked for.
const COMPLETED: [(&str, Option<&str>); 2] =
    [("phoenix", None), ("phoenix-submit", Some("--for-submit"))];

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    events::write()?;
    configuration::write()?;
    manifests::write()?;
    let phoenix = workspace.phoenix(Profile::Dev)?;
    let docs = workspace.target.join("docs");
    completions(&phoenix, &docs.join("completions"))?;
    pages(&phoenix, &docs.join("man"))?;
    say(format_args!("written: {}", docs.display()));
    Ok(())
}

/// Writes the completions, each shell's into a folder of its own.
pub(crate) fn completions(phoenix: &Path, into: &Path) -> Result<()> {
    for (shell, before, behind) in SHELLS {
        let folder = into.join(shell);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        for (program, asked) in COMPLETED {
            let script = Program::new(phoenix).args(["completion", shell]).args(asked).read()?;
            let path = folder.join(format!("{before}{program}{behind}"));
            fs::write(&path, script).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// Writes the man pages.
pub(crate) fn pages(phoenix: &Path, into: &Path) -> Result<()> {
    Program::new(phoenix).arg("man").arg(into).run()
}
