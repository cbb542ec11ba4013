//! Counts the tests of a run from the report nextest leaves.

use std::fmt;

use anyhow::{Context as _, Result};

/// How many tests ran, and how many of them did not pass.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Reads the totals of a `JUnit` report: they stand on its outermost element.
    pub(crate) fn of(report: &str) -> Result<Self> {
        let (_, rest) =
            report.split_once("<testsuites").context("the test report has no suites")?;
        let (totals, _) = rest.split_once('>').context("the test report ends too early")?;
        let count = |name: &str| {
            let (_, rest) = totals.split_once(&format!(" {name}=\""))?;
            rest.split_once('"')?.0.parse::<u64>().ok()
        };
        let tests = count("tests").context("the test report has no number of tests")?;
        let failed = ["failures", "errors"].into_iter().filter_map(count).sum();
        Ok(Self { passed: tests.saturating_sub(failed), failed })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed } = self;
        write!(f, "tests: {passed} passed, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_pass_is_not_counted_as_passed() {
        let report = r#"<?xml version="1.0"?>
            <testsuites name="nextest-run" tests="12" failures="2" errors="1" time="0.1">
            <testsuite name="xtask" tests="5" failures="0"></testsuite></testsuites>"#;

        assert_eq!(Tally::of(report).unwrap(), Tally { passed: 9, failed: 3 });
    }

    #[test]
    fn a_report_without_totals_is_no_report() {
        assert!(Tally::of("<testsuites name=\"x\">").is_err());
        assert!(Tally::of("").is_err());
    }
}
