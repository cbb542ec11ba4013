//! The result of a comparison, as a table and as JSON.

use std::fmt;

use serde::Serialize;

use super::measure::Median;

/// All that was measured, and what was not.
#[derive(Default, Serialize)]
pub(super) struct Report {
    pub(super) rows: Vec<Row>,
    pub(super) not_run: Vec<String>,
}

/// One program on one fleet.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) guests: u32,
    pub(super) bytes: u64,
    pub(super) tool: String,
    #[serde(flatten)]
    pub(super) median: Median,
}

const HEAD: [&str; 9] = ["guests", "bytes", "tool", "wall s", "x", "CPU s", "x", "peak MiB", "x"];

impl Report {
    /// The first program of a size is the one the others are compared with.
    fn cells(&self) -> Vec<[String; 9]> {
        let mut base: Option<&Row> = None;
        let mut cells = vec![HEAD.map(str::to_owned)];
        for row in &self.rows {
            let first = match base {
                Some(first) if first.guests == row.guests => first,
                Some(_) | None => row,
            };
            base = Some(first);
            let (own, other) = (&row.median, &first.median);
            cells.push([
                row.guests.to_string(),
                row.bytes.to_string(),
                row.tool.clone(),
                format!("{:.3}", own.wall_seconds),
                ratio(own.wall_seconds, other.wall_seconds),
                format!("{:.2}", own.cpu_seconds),
                ratio(own.cpu_seconds, other.cpu_seconds),
                format!("{:.1}", own.peak_rss_mib),
                ratio(own.peak_rss_mib, other.peak_rss_mib),
            ]);
        }
        cells
    }
}

/// How many times as much as the first; less than the clock can tell has no ratio.
fn ratio(own: f64, first: f64) -> String {
    if first > 0.0 { format!("{:.2}", own / first) } else { "-".into() }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = self.cells();
        let mut widths = [0; 9];
        for row in &cells {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.len().max(*width);
            }
        }
        for row in &cells {
            let aligned = row.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}"));
            writeln!(f, "{}", aligned.collect::<Vec<_>>().join("  "))?;
        }
        for note in &self.not_run {
            writeln!(f, "not run: {note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(guests: u32, tool: &str, wall_seconds: f64) -> Row {
        let median = Median { wall_seconds, cpu_seconds: 0.0, peak_rss_mib: 20.0, runs: 3 };
        Row { guests, bytes: 1200, tool: tool.into(), median }
    }

    #[test]
    fn each_size_is_compared_with_its_own_first() {
        let rows = vec![
            row(10, "phoenix", 0.01),
            row(10, "other", 0.04),
            row(1000, "phoenix", 0.02),
            row(1000, "other", 0.05),
        ];

        let table = Report { rows, not_run: vec!["third: no network".into()] }.to_string();

        assert_eq!(
            table,
            "\
guests  bytes     tool  wall s     x  CPU s  x  peak MiB     x
    10   1200  phoenix   0.010  1.00   0.00  -      20.0  1.00
    10   1200    other   0.040  4.00   0.00  -      20.0  1.00
  1000   1200  phoenix   0.020  1.00   0.00  -      20.0  1.00
  1000   1200    other   0.050  2.50   0.00  -      20.0  1.00
not run: third: no network
"
        );
    }
}
