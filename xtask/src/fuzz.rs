//! `cargo xtask fuzz`: made-up input for whatever reads files of other people.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::process::Program;
use crate::say::say;
use crate::tools;
use crate::workspace::Workspace;

/// Seconds of fuzzing unless told otherwise: enough for a mistake that is easy to reach.
pub(crate) const SECONDS: u64 = 60;

const FOLDER: &str = "fuzz";

#[derive(Args)]
pub(crate) struct Fuzz {
    /// Seconds in all, shared by the targets
    #[arg(long, value_name = "N", default_value_t = SECONDS)]
    pub(crate) seconds: u64,
    /// Only this target
    pub(crate) target: Option<String>,
}

impl Fuzz {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let targets = match &self.target {
            Some(target) => vec![target.clone()],
            None => targets()?,
        };
        tools::FUZZ.ensure(workspace)?;
        tools::CXX.ensure(workspace)?;
        // What is fuzzed is what ships: the same versions, so one lock file for both workspaces.
        fs::copy("Cargo.lock", Path::new(FOLDER).join("Cargo.lock"))
            .context("cannot copy Cargo.lock to the fuzz workspace")?;
        let share = share(self.seconds, targets.len())?;
        for target in &targets {
            fuzz(target, share)?;
            say(format_args!("fuzz {target}: {share} s, nothing found"));
        }
        Ok(())
    }
}

fn fuzz(target: &str, seconds: u64) -> Result<()> {
    let corpus = Path::new(FOLDER).join("corpus").join(target);
    fs::create_dir_all(&corpus).with_context(|| format!("cannot create {}", corpus.display()))?;
    cargo_fuzz("run")
        .arg(target)
        // libFuzzer writes what it learns to the first folder and only reads the others.
        .arg(corpus)
        .arg(Path::new(FOLDER).join("seeds").join(target))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-dict={FOLDER}/json.dict"))
        .args(["-max_len=16384", "-timeout=10", "-rss_limit_mb=2048"])
        .args(["-verbosity=0", "-print_funcs=0", "-print_final_stats=1"])
        .run()
}

/// The sanitizer needs unstable flags; the bootstrap switch makes the stable compiler take them.
fn cargo_fuzz(verb: &str) -> Program {
    Program::new("cargo").args(["fuzz", verb]).env("RUSTC_BOOTSTRAP", "1")
}

/// One target a file of `fuzz/targets/`.
fn targets() -> Result<Vec<String>> {
    let folder = Path::new(FOLDER).join("targets");
    let listed =
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in listed {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Each target's part of the time, a whole second at least: libFuzzer takes 0 as "for ever".
fn share(seconds: u64, targets: usize) -> Result<u64> {
    let Some(share) = seconds.checked_div(u64::try_from(targets)?) else {
        bail!("{FOLDER}/targets/ holds no target");
    };
    Ok(share.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_target_fuzzes_for_ever() {
        assert_eq!(share(60, 2).unwrap(), 30);
        assert_eq!(share(1, 2).unwrap(), 1);
        assert_eq!(share(0, 1).unwrap(), 1);
        assert!(share(60, 0).is_err());
    }
}
