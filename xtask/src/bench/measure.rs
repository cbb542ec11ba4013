//! What one run of a program costs.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::process::Program;

/// One run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cost {
    pub(super) wall_seconds: f64,
    /// User and system time; the kernel's clock gives hundredths.
    pub(super) cpu_seconds: f64,
    pub(super) peak_mib: f64,
}

/// Runs a command line once; anything but success is an error.
pub(super) fn cost(command: &[OsString], scratch: &Path) -> Result<Cost> {
    let used = scratch.join("used");
    let timed =
        Program::new("/usr/bin/time").args(["-f", "%U %S %M", "-o"]).arg(&used).args(command);
    let begun = Instant::now();
    let code = timed.code()?;
    let wall_seconds = begun.elapsed().as_secs_f64();
    if code != Some(0) {
        let code = code.map_or_else(|| "a signal".into(), |code| format!("exit code {code}"));
        let line: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
        bail!("`{}` ended with {code}", line.join(" "));
    }
    let used =
        fs::read_to_string(&used).with_context(|| format!("cannot read {}", used.display()))?;
    let (cpu_seconds, peak_mib) =
        parsed(&used).with_context(|| format!("cannot read `{}`", used.trim()))?;
    Ok(Cost { wall_seconds, cpu_seconds, peak_mib })
}

/// Reads user seconds, system seconds and KiB into CPU seconds and MiB.
fn parsed(line: &str) -> Option<(f64, f64)> {
    let mut numbers = line.split_whitespace().map(|number| number.parse::<f64>().ok());
    let (user, system, kib) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some((user + system, kib / 1024.0))
}

/// The value in the middle; of an even number the upper one, so that nothing looks better than it was.
pub(super) fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_one_bad_run() {
        assert_eq!(middle([1.0, 99.0, 2.0].into_iter()), Some(2.0));
    }

    #[test]
    fn no_run_has_no_median() {
        assert_eq!(middle(std::iter::empty()), None);
    }

    #[test]
    fn what_time_prints_is_understood() {
        assert_eq!(parsed("1.25 0.25 2048\n"), Some((1.5, 2.0)));
        assert_eq!(parsed("Command exited with non-zero status 1\n0 0 1"), None);
    }
}
