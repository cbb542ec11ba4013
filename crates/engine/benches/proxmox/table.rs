//! What the scenes come to, side by side.

use std::fmt;

/// A task, and the seconds each contender took for it.
pub(crate) struct Row {
    pub(crate) task: &'static str,
    pub(crate) phoenix: f64,
    pub(crate) shell: Option<f64>,
    pub(crate) ansible: Option<f64>,
}

/// All tasks. What was not run has a `-`.
#[derive(Default)]
pub(crate) struct Table(pub(crate) Vec<Row>);

const HEAD: [&str; 6] = ["task", "phoenix s", "shell s", "x", "ansible s", "x"];

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Option<f64>| match time {
            // What takes no process takes less than a millisecond.
            Some(time) if time < 0.1 => format!("{time:.5}"),
            Some(time) => format!("{time:.2}"),
            None => "-".to_owned(),
        };
        let mut lines = vec![HEAD.map(str::to_owned)];
        for row in &self.0 {
            let times = |time: Option<f64>| {
                time.map_or_else(|| "-".to_owned(), |time| format!("{:.2}", time / row.phoenix))
            };
            lines.push([
                row.task.to_owned(),
                seconds(Some(row.phoenix)),
                seconds(row.shell),
                times(row.shell),
                seconds(row.ansible),
                times(row.ansible),
            ]);
        }
        let mut widths = [0; 6];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.len().max(*width);
            }
        }
        for line in &lines {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  "))?;
        }
        Ok(())
    }
}
