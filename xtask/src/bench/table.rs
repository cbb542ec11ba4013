//! Rows of benches as a table: for a terminal, and for a page.

use super::rows::{Row, Rows};

const HEAD: [&str; 7] = ["bench", "what", "contender", "median", "unit", "x", "runs"];

/// Returns it as a person reads it on a terminal.
pub(super) fn aligned(rows: &Rows) -> String {
    let cells: Vec<_> =
        std::iter::once(HEAD.map(str::to_owned)).chain(rows.rows.iter().map(cells)).collect();
    let mut widths = [0; HEAD.len()];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; HEAD.len()]| {
        let cells = row.iter().zip(widths).enumerate().map(|(nth, (cell, width))| {
            if is_number(nth) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    cells.iter().map(line).chain(notes(rows, "")).collect()
}

/// Returns it as a page has it.
pub(super) fn markdown(rows: &Rows) -> String {
    let head =
        "| bench | what | contender | median | unit | x | runs |\n|---|---|---|--:|---|--:|--:|\n";
    let line = |row: &Row| format!("| {} |\n", cells(row).join(" | "));
    let lines = rows.rows.iter().map(line);
    let mut text: String = std::iter::once(head.to_owned()).chain(lines).collect();
    if !rows.not_run.is_empty() {
        text.push('\n');
    }
    text.extend(notes(rows, "* "));
    text
}

/// Numbers stand below each other by their last digit.
fn is_number(column: usize) -> bool {
    matches!(HEAD.get(column), Some(&("median" | "x" | "runs")))
}

fn notes<'r>(rows: &'r Rows, before: &'r str) -> impl Iterator<Item = String> + 'r {
    rows.not_run.iter().map(move |note| format!("{before}not run: {note}\n"))
}

fn cells(row: &Row) -> [String; HEAD.len()] {
    [
        row.bench.clone(),
        row.what.clone(),
        row.contender.clone(),
        three_digits(row.value),
        row.unit.clone(),
        row.ratio.map_or_else(|| "-".to_owned(), three_digits),
        row.runs.to_string(),
    ]
}

/// Nothing here is known more exactly than that.
fn three_digits(value: f64) -> String {
    let decimals = [(100.0, 0), (10.0, 1), (1.0, 2), (0.1, 3), (0.01, 4)]
        .into_iter()
        .find_map(|(from, decimals)| (value.abs() >= from).then_some(decimals))
        .unwrap_or(5);
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        let row = |contender: &str, value, ratio| Row {
            bench: "check".into(),
            what: "10 guests".into(),
            contender: contender.into(),
            unit: "s".into(),
            value,
            ratio,
            runs: 5,
        };
        let rows = vec![row("phoenix", 0.01, None), row("other", 1234.56, Some(123_456.0))];
        Rows { rows, not_run: vec!["third: no network".into()] }
    }

    #[test]
    fn a_terminal_shows_numbers_below_each_other() {
        assert_eq!(
            aligned(&rows()),
            "\
bench  what       contender  median  unit       x  runs
check  10 guests  phoenix    0.0100  s          -     5
check  10 guests  other        1235  s     123456     5
not run: third: no network
"
        );
    }

    #[test]
    fn a_page_has_the_same_rows() {
        assert_eq!(
            markdown(&rows()),
            "\
| bench | what | contender | median | unit | x | runs |
|---|---|---|--:|---|--:|--:|
| check | 10 guests | phoenix | 0.0100 | s | - | 5 |
| check | 10 guests | other | 1235 | s | 123456 | 5 |

* not run: third: no network
"
        );
    }
}
