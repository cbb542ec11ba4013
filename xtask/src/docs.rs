//! `cargo xtask docs`: the page of events, and the man pages and shell completions a package ships.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::events;
use crate::process::Program;
use crate::say::say;
use crate::workspace::{Profile, Workspace};

/// Each shell, and the name under which it looks for the completions of `phoenix`.
const SHELLS: [(&str, &str); 4] = [
    ("bash", "phoenix"),
    ("zsh", "_phoenix"),
    ("fish", "phoenix.fish"),
    ("powershell", "phoenix.ps1"),
];

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    events::write()?;
    let phoenix = workspace.phoenix(Profile::Dev)?;
    let docs = workspace.target.join("docs");
    for (shell, name) in SHELLS {
        let folder = docs.join("completions").join(shell);
        let script = Program::new(&phoenix).args(["completion", shell]).read()?;
        create(&folder)?;
        let path = folder.join(name);
        fs::write(&path, script).with_context(|| format!("cannot write {}", path.display()))?;
        say(format_args!("written: {}", path.display()));
    }
    let pages = docs.join("man");
    create(&pages)?;
    Program::new(&phoenix).arg("man").arg(&pages).run()
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}
