//! What one run of a program costs.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::process::Program;

/// One run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    wall: f64,
    cpu: f64,
    rss: f64,
}

/// The middle of several runs, each measure by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Median {
    pub(super) wall_seconds: f64,
    /// User and system time; the kernel's clock gives hundredths.
    pub(super) cpu_seconds: f64,
    pub(super) peak_rss_mib: f64,
    pub(super) runs: usize,
}

/// Runs a command line once; anything but success is an error.
pub(super) fn sample(command: &[OsString], scratch: &Path) -> Result<Sample> {
    let used = scratch.join("used");
    let timed =
        Program::new("/usr/bin/time").args(["-f", "%U %S %M", "-o"]).arg(&used).args(command);
    let begun = Instant::now();
    let code = timed.code()?;
    let wall = begun.elapsed().as_secs_f64();
    if code != Some(0) {
        let code = code.map_or_else(|| "a signal".into(), |code| format!("exit code {code}"));
        let line: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
        bail!("`{}` ended with {code}", line.join(" "));
    }
    let used =
        fs::read_to_string(&used).with_context(|| format!("cannot read {}", used.display()))?;
    let (cpu, rss) = parsed(&used).with_context(|| format!("cannot read `{}`", used.trim()))?;
    Ok(Sample { wall, cpu, rss })
}

/// Reads user seconds, system seconds and KiB into CPU seconds and MiB.
fn parsed(line: &str) -> Option<(f64, f64)> {
    let mut numbers = line.split_whitespace().map(|number| number.parse::<f64>().ok());
    let (user, system, kib) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some((user + system, kib / 1024.0))
}

impl Median {
    pub(super) fn of(samples: &[Sample]) -> Option<Self> {
        Some(Self {
            wall_seconds: middle(samples.iter().map(|sample| sample.wall))?,
            cpu_seconds: middle(samples.iter().map(|sample| sample.cpu))?,
            peak_rss_mib: middle(samples.iter().map(|sample| sample.rss))?,
            runs: samples.len(),
        })
    }
}

/// The value in the middle; of an even number the upper one, so that nothing looks better than it was.
fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_one_bad_run() {
        let samples = [1.0, 99.0, 2.0].map(|wall| Sample { wall, cpu: wall, rss: 5.0 });

        let median = Median::of(&samples).unwrap();

        assert_eq!((median.wall_seconds, median.peak_rss_mib, median.runs), (2.0, 5.0, 3));
    }

    #[test]
    fn no_run_has_no_median() {
        assert_eq!(Median::of(&[]), None);
    }

    #[test]
    fn what_time_prints_is_understood() {
        assert_eq!(parsed("1.25 0.25 2048\n"), Some((1.5, 2.0)));
        assert_eq!(parsed("Command exited with non-zero status 1\n0 0 1"), None);
    }
}
