//! The ratios that are kept beside the page of figures, and what became worse since.
//!
//! Times are of a machine and of a moment. A ratio of two that ran beside each other is of the programs.

use std::fs;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::say::say;

use super::rows::Rows;

/// Where they are kept.
const KEPT: &str = "docs/performance.json";
/// By how much a ratio may be worse than the one that is kept.
const TOLERATED: f64 = 1.3;

/// A ratio that is kept.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    bench: String,
    what: String,
    contender: String,
    ratio: f64,
}

/// Keeps the ratios of these rows, and no others.
pub(super) fn write(rows: &Rows) -> Result<()> {
    let mut text = serde_json::to_string_pretty(&kept(rows)).context("cannot write JSON")?;
    text.push('\n');
    crate::page::write(KEPT, &text)
}

/// Names each ratio that is worse than the one that is kept, and fails when there is one.
pub(super) fn compare(rows: &Rows) -> Result<()> {
    let text = fs::read_to_string(KEPT).with_context(|| format!("cannot read {KEPT}"))?;
    let before: Vec<Kept> =
        serde_json::from_str(&text).with_context(|| format!("cannot read {KEPT}"))?;
    let worse = worse(&before, &kept(rows));
    for one in &worse {
        say(format_args!("worse than {KEPT} has it: {one}"));
    }
    match worse.len() {
        0 => Ok(()),
        count => bail!("{count} of the ratios in {KEPT} are more than {TOLERATED} times better"),
    }
}

fn kept(rows: &Rows) -> Vec<Kept> {
    let keep = |row: &super::rows::Row| {
        let ratio = (row.ratio? * 1000.0).round() / 1000.0;
        let (bench, what) = (row.bench.clone(), row.what.clone());
        Some(Kept { bench, what, contender: row.contender.clone(), ratio })
    };
    rows.rows.iter().filter_map(keep).collect()
}

/// What was not measured this time is not compared.
fn worse(before: &[Kept], now: &[Kept]) -> Vec<String> {
    let is_of = |one: &Kept, other: &Kept| {
        (&one.bench, &one.what, &one.contender) == (&other.bench, &other.what, &other.contender)
    };
    before
        .iter()
        .filter_map(|before| {
            let now = now.iter().find(|now| is_of(before, now))?;
            let Kept { bench, what, contender, ratio } = before;
            (ratio / now.ratio > TOLERATED).then(|| {
                format!("{bench}: {what}, beside {contender}: {:.2}, was {ratio:.2}", now.ratio)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(ratio: f64) -> Vec<Kept> {
        let (bench, what, contender) = ("engine".into(), "16 at once".into(), "bare".into());
        vec![Kept { bench, what, contender, ratio }]
    }

    #[test]
    fn a_ratio_that_became_much_worse_is_named() {
        let named = worse(&ratio(2.0), &ratio(1.5));

        assert_eq!(named, ["engine: 16 at once, beside bare: 1.50, was 2.00"]);
    }

    #[test]
    fn a_ratio_that_is_a_little_worse_or_better_is_not() {
        assert!(worse(&ratio(2.0), &ratio(1.6)).is_empty());
        assert!(worse(&ratio(2.0), &ratio(9.0)).is_empty());
    }

    #[test]
    fn what_was_not_measured_is_not_compared() {
        assert!(worse(&ratio(2.0), &[]).is_empty());
    }
}
