//! Columns for people: as wide as they have to be, in an order that never changes.

use std::fmt::Write as _;

/// Returns a table. The last column is as long as it is.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = head.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let head = head.map(str::to_owned);
    for row in std::iter::once(&head).chain(rows) {
        let cells: Vec<_> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Returns rows of a name and what belongs to it; a row without anything is left out.
pub(crate) fn rows(rows: &[(&str, String)]) -> String {
    let kept = rows.iter().filter(|(_, value)| !value.is_empty());
    let widest = kept.clone().map(|(key, _)| key.chars().count()).max().unwrap_or_default();
    let below = format!("\n{:widest$}    ", "");
    let mut text = String::new();
    for (key, value) in kept {
        let value = value.trim_end().replace('\n', &below);
        // A String takes everything that is written to it.
        let _written = writeln!(text, "  {key:widest$}  {value}");
    }
    text
}
