//! What benches found, with the machine it was found on and how busy that was.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::process::Program;
use crate::say::say;
use crate::workspace::Workspace;

use super::rows::Rows;
use super::{Measures, table};

/// What one bench found, or all of them.
#[derive(Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) name: String,
    pub(super) made: Made,
    #[serde(flatten)]
    pub(super) rows: Rows,
}

/// When and where it was found.
#[derive(Serialize, Deserialize)]
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
        let before = load()?;
        let rows = bench.measure(workspace)?;
        let made = Made {
            day: said("date", &["--utc", "+%Y-%m-%d"])?,
            commit: said("git", &["rev-parse", "--short", "HEAD"])?,
            is_changed: !said("git", &["status", "--porcelain"])?.is_empty(),
            machine: machine()?,
            load: [before, load()?],
        };
        Ok(Self { name: bench.name().to_owned(), made, rows })
    }

    /// Reads what a bench has found the last time that it ran.
    pub(super) fn last(workspace: &Workspace, bench: &dyn Measures) -> Result<Self> {
        let path = workspace.target.join("bench").join(format!("{}.json", bench.name()));
        if !path.exists() {
            bail!("it was left out");
        }
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Prints the table, and puts the same as JSON below the target folder.
    pub(super) fn show(&self, workspace: &Workspace) -> Result<()> {
        let path = write(workspace, &self.name, self)?;
        say(format_args!(
            "\n{}\n{}\nalso in {}",
            table::aligned(&self.rows),
            self.made,
            path.display()
        ));
        Ok(())
    }
}

/// Puts something as JSON below the target folder, and returns where.
pub(super) fn write(workspace: &Workspace, name: &str, what: &impl Serialize) -> Result<PathBuf> {
    let folder = workspace.target.join("bench");
    let path = folder.join(format!("{name}.json"));
    let json = serde_json::to_vec_pretty(what).context("cannot write the report as JSON")?;
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&path, json))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
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
