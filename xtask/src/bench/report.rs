//! What benches found, with the machine it was found on and how busy that was.

use std::fs;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::process::Program;
use crate::say::say;
use crate::workspace::Workspace;

use super::rows::Rows;
use super::{Measures, table};

/// What one bench found, or all of them.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) name: &'static str,
    pub(super) made: Made,
    #[serde(flatten)]
    pub(super) rows: Rows,
}

/// When and where it was found.
#[derive(Serialize)]
pub(super) struct Made {
    day: String,
    commit: String,
    /// Whether files were otherwise than in that commit.
    is_changed: bool,
    machine: String,
    /// How many wanted to run, on an average of a minute: before, and after.
    load: [String; 2],
}

impl Report {
    /// Measures, and says what was found.
    pub(super) fn of(workspace: &Workspace, bench: &dyn Measures) -> Result<Self> {
        let begun = Begun::now()?;
        let rows = bench.measure(workspace)?;
        Self::made(bench.name(), begun, rows)
    }

    pub(super) fn made(name: &'static str, begun: Begun, rows: Rows) -> Result<Self> {
        let made = Made {
            day: said("date", &["--utc", "+%Y-%m-%d"])?,
            commit: said("git", &["rev-parse", "--short", "HEAD"])?,
            is_changed: !said("git", &["status", "--porcelain"])?.is_empty(),
            machine: machine()?,
            load: [begun.load, load()?],
        };
        Ok(Self { name, made, rows })
    }

    /// Prints the table, and puts the same as JSON below the target folder.
    pub(super) fn show(&self, workspace: &Workspace) -> Result<()> {
        let folder = workspace.target.join("bench");
        let path = folder.join(format!("{}.json", self.name));
        let json = serde_json::to_vec_pretty(self).context("cannot write the report as JSON")?;
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&path, json))
            .with_context(|| format!("cannot write {}", path.display()))?;
        say(format_args!(
            "\n{}\n{}\nalso in {}",
            table::aligned(&self.rows),
            self.made,
            path.display()
        ));
        Ok(())
    }
}

/// How busy the machine was before.
pub(super) struct Begun {
    load: String,
}

impl Begun {
    pub(super) fn now() -> Result<Self> {
        Ok(Self { load: load()? })
    }
}

impl std::fmt::Display for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let changed = if self.is_changed { ", with changes" } else { "" };
        let [before, after] = &self.load;
        let Self { day, commit, machine, .. } = self;
        write!(
            f,
            "{day}, commit {commit}{changed}, on {machine}; load {before} before, {after} after"
        )
    }
}

fn load() -> Result<String> {
    let text =
        fs::read_to_string("/proc/loadavg").context("cannot read how busy the machine is")?;
    Ok(text.split_whitespace().next().unwrap_or_default().to_owned())
}

fn machine() -> Result<String> {
    let cpus =
        fs::read_to_string("/proc/cpuinfo").context("cannot read what processors there are")?;
    let models = cpus.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let models: Vec<_> = models.map(|(_, model)| model.trim()).collect();
    let model = models.first().copied().unwrap_or("unknown processors");
    Ok(format!("{} x {model}, {}", models.len(), said("uname", &["-srm"])?))
}

fn said(program: &str, words: &[&str]) -> Result<String> {
    let said = Program::new(program).args(words).read()?;
    Ok(String::from_utf8_lossy(&said).trim().to_owned())
}
