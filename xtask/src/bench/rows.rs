//! What a bench found, in the one shape that all of them are told in.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::measure;

/// What was measured of one contender.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) bench: String,
    pub(super) what: String,
    pub(super) contender: String,
    pub(super) unit: String,
    /// The median of all runs.
    pub(super) value: f64,
    /// How many times as good as this one the first contender is: the median of the ratios of each round. The
    /// first one has none.
    pub(super) ratio: Option<f64>,
    pub(super) runs: usize,
}

/// All rows of a bench, and what was not measured.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    pub(super) not_run: Vec<String>,
}

/// A line that a bench has noted.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Sample(Sample),
    NotRun { not_run: String },
}

/// What was measured once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) round: usize,
    pub(super) what: String,
    pub(super) contender: String,
    pub(super) value: f64,
    pub(super) unit: String,
}

impl Rows {
    /// Returns the same under another name.
    pub(super) fn of_bench(mut self, name: &str) -> Self {
        for row in &mut self.rows {
            name.clone_into(&mut row.bench);
        }
        self
    }

    /// Reads what a bench has noted.
    pub(super) fn read(bench: &str, text: &str) -> Result<Self> {
        let lines = text.lines().map(|line| {
            serde_json::from_str(line).with_context(|| format!("`{line}` is no sample"))
        });
        Ok(Self::of(bench, lines.collect::<Result<Vec<Line>>>()?))
    }

    /// Makes rows of samples, in the order in which they came.
    pub(super) fn of(bench: &str, lines: Vec<Line>) -> Self {
        let mut rows = Self::default();
        let mut all: Vec<(String, Vec<Contender>)> = Vec::new();
        for line in lines {
            let sample = match line {
                Line::Sample(sample) => sample,
                Line::NotRun { not_run } => {
                    if !rows.not_run.contains(&not_run) {
                        rows.not_run.push(not_run);
                    }
                    continue;
                }
            };
            let contenders = match all.iter_mut().find(|(what, _)| *what == sample.what) {
                Some((_, contenders)) => contenders,
                None => &mut all.push_mut((sample.what.clone(), Vec::new())).1,
            };
            let own = contenders.iter_mut().find(|one| one.name == sample.contender);
            let own = match own {
                Some(own) => own,
                None => contenders.push_mut(Contender {
                    name: sample.contender,
                    unit: sample.unit,
                    runs: BTreeMap::new(),
                }),
            };
            own.runs.insert(sample.round, sample.value);
        }
        for (what, contenders) in all {
            for (nth, one) in contenders.iter().enumerate() {
                let first = contenders.first().filter(|_| nth > 0);
                rows.rows.extend(one.row(bench, &what, first));
            }
        }
        rows
    }
}

/// All that was measured of one contender.
struct Contender {
    name: String,
    unit: String,
    runs: BTreeMap<usize, f64>,
}

impl Contender {
    fn row(&self, bench: &str, what: &str, first: Option<&Self>) -> Option<Row> {
        let ratio = first.and_then(|first| measure::middle(self.ratios(first)));
        Some(Row {
            bench: bench.to_owned(),
            what: what.to_owned(),
            contender: self.name.clone(),
            unit: self.unit.clone(),
            value: measure::middle(self.runs.values().copied())?,
            ratio,
            runs: self.runs.len(),
        })
    }

    /// How many times as good the first is, in each round that both have. What a clock could not tell from nothing has
    /// no ratio.
    fn ratios(&self, first: &Self) -> impl Iterator<Item = f64> {
        let pairs =
            self.runs.iter().filter_map(|(round, own)| Some((*own, *first.runs.get(round)?)));
        let is_rate = self.unit.ends_with("/s");
        let ratio = move |(own, first): (f64, f64)| if is_rate { first / own } else { own / first };
        pairs.map(ratio).filter(|ratio| ratio.is_finite() && *ratio > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(round: usize, contender: &str, value: f64, unit: &str) -> Line {
        let (what, contender, unit) = ("a fleet".into(), contender.into(), unit.into());
        Line::Sample(Sample { round, what, contender, value, unit })
    }

    fn ratio(lines: Vec<Line>) -> Option<f64> {
        Rows::of("engine", lines).rows.last().and_then(|row| row.ratio)
    }

    #[test]
    fn who_comes_first_is_who_the_others_are_compared_with() {
        let rows =
            Rows::of("engine", vec![sample(0, "phoenix", 2.0, "s"), sample(0, "other", 8.0, "s")]);

        let ratios: Vec<_> = rows.rows.iter().map(|row| row.ratio).collect();
        assert_eq!(ratios, [None, Some(4.0)]);
    }

    #[test]
    fn a_ratio_is_made_of_pairs_of_the_same_round() {
        // The machine was three times as slow in the second round, for both.
        let lines = vec![
            sample(0, "phoenix", 1.0, "s"),
            sample(1, "phoenix", 3.0, "s"),
            sample(2, "phoenix", 1.0, "s"),
            sample(1, "other", 6.0, "s"),
        ];

        assert_eq!(ratio(lines), Some(2.0));
    }

    #[test]
    fn of_a_rate_more_is_better_and_of_all_else_less() {
        let rate =
            vec![sample(0, "phoenix", 500.0, "guests/s"), sample(0, "other", 100.0, "guests/s")];
        let time = vec![sample(0, "phoenix", 5.0, "ms"), sample(0, "other", 1.0, "ms")];

        assert_eq!((ratio(rate), ratio(time)), (Some(5.0), Some(0.2)));
    }

    #[test]
    fn what_took_no_time_has_no_ratio() {
        assert_eq!(ratio(vec![sample(0, "phoenix", 0.0, "s"), sample(0, "other", 1.0, "s")]), None);
    }

    #[test]
    fn what_was_not_run_is_told_once() {
        let line = r#"{"not_run":"terraform: not on this machine"}"#;

        let rows = Rows::read("converge", &format!("{line}\n{line}\n")).unwrap();

        assert_eq!(rows.not_run, ["terraform: not on this machine"]);
    }
}
