//! What came of all runs: a table for people, and JSON for everybody else.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::play::Played;
use crate::rows::{Row, What};

/// The runs of every row.
#[derive(Default)]
pub(crate) struct Report(BTreeMap<u16, Vec<Played>>);

impl Report {
    /// Adds a run.
    pub(crate) fn add(&mut self, row: &Row, played: Played) {
        self.0.entry(row.number).or_default().push(played);
    }

    /// Returns in how many runs something was broken.
    pub(crate) fn failed(&self) -> usize {
        self.0.values().flatten().filter(|played| !played.breaches.is_empty()).count()
    }

    /// Returns the table, as Markdown.
    pub(crate) fn table(&self, rows: &[Row]) -> String {
        let mut text = String::from(
            "| row | fault | runs | faults | broken | seconds a run |\n|--:|---|--:|--:|--:|--:|\n",
        );
        for row in rows {
            let (number, fault) = (row.number, row.fault);
            let line = match (&row.what, self.0.get(&number)) {
                (What::NotRun(why), _) => {
                    format!("| {number} | {fault} | 0 | | | not run: {why} |")
                }
                (What::Runs { .. }, None) => {
                    format!("| {number} | {fault} | 0 | | | not run this time |")
                }
                (What::Runs { .. }, Some(played)) => {
                    let faults: u64 = played.iter().map(|one| one.faults).sum();
                    let broken = played.iter().filter(|one| !one.breaches.is_empty()).count();
                    let took: Duration = played.iter().map(|one| one.took).sum();
                    let mean = took.as_secs_f64() / f64::from(u32::try_from(played.len()).unwrap());
                    format!(
                        "| {number} | {fault} | {} | {faults} | {broken} | {mean:.1} |",
                        played.len()
                    )
                }
            };
            writeln!(text, "{line}").unwrap();
        }
        text
    }

    /// Returns the same for programs.
    pub(crate) fn json(&self, rows: &[Row], seed: u64) -> Value {
        let rows: Vec<_> = rows.iter().map(|row| self.row(row)).collect();
        json!({ "seed": seed, "failed": self.failed(), "rows": rows })
    }

    fn row(&self, row: &Row) -> Value {
        let why = if let What::NotRun(why) = row.what { Some(why) } else { None };
        let run = |played: &Played| {
            let broken: Vec<_> = played.breaches.iter().map(ToString::to_string).collect();
            json!({
                "seed": played.seed,
                "faults": played.faults,
                "took_ms": u64::try_from(played.took.as_millis()).unwrap_or(u64::MAX),
                "broken": broken,
            })
        };
        let runs: Vec<_> = self.0.get(&row.number).into_iter().flatten().map(run).collect();
        json!({ "row": row.number, "fault": row.fault, "not_run": why, "runs": runs })
    }
}
