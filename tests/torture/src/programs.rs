//! The programs that are tortured: where they lie, and how one that ends by itself is run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the programs lie.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) folder: PathBuf,
    /// The worker, where it is another one than that of the folder.
    pub(crate) worker: Option<PathBuf>,
    /// The bug that workers have on purpose.
    pub(crate) planted: Option<&'static str>,
    /// How many operations a run makes that makes any.
    pub(crate) operations: u64,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Nothing where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

impl Programs {
    /// Returns the path of the worker.
    pub(crate) fn worker(&self) -> PathBuf {
        self.worker.clone().unwrap_or_else(|| self.folder.join("phoenix-worker"))
    }

    /// Returns the path of `phoenix`.
    pub(crate) fn phoenix(&self) -> PathBuf {
        self.folder.join("phoenix")
    }

    /// Runs `phoenix` to its end in a folder, with these in its environment and nothing else.
    pub(crate) fn run(&self, folder: &Path, args: &[&str], told: &[(&str, &str)]) -> Ended {
        #[expect(clippy::disallowed_methods, reason = "the programs under torture are processes")]
        let output = Command::new(self.phoenix())
            .args(args)
            .current_dir(folder)
            .env_clear()
            .envs(told.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        Ended { code: output.status.code(), said: String::from_utf8_lossy(&said).into_owned() }
    }
}

/// Runs a tool of the machine, and returns what it printed; nothing where it cannot.
pub(crate) fn tool(program: &str, args: &[&str]) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a disk is made by programs")]
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
