//! A run as a line of time, on a terminal.

use std::fmt::Write as _;

use super::{Span, Timeline, What};
use crate::words;

/// How wide the line of time is; with what stands before it, 80 columns.
const WIDTH: i64 = 36;
const LABEL: usize = 28;

impl Timeline {
    /// Returns it as a text of 80 columns.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.title());
        for lane in &self.lanes {
            // A String takes everything that is written to it.
            let _written = writeln!(text, "\n{}", lane.title());
            for span in &lane.spans {
                let label = words::shortened(&span.label, LABEL);
                let bar = self.bar(span);
                let line = format!("  {label:LABEL$} {:>11}  {bar}", words::took(span.took_ms()));
                let _written = writeln!(text, "{}", line.trim_end());
            }
        }
        text
    }

    /// Returns where a piece of time lies; even the shortest is seen.
    fn bar(&self, span: &Span) -> String {
        let begin = self.place(span.from, WIDTH).min(WIDTH - 1);
        let end = self.place(span.to, WIDTH).max(begin + 1);
        let sign = match span.what {
            What::Waits => "░",
            What::Step => "█",
            What::Failure => "x",
        };
        let columns = |count: i64| usize::try_from(count).unwrap_or_default();
        format!("{}{}", " ".repeat(columns(begin)), sign.repeat(columns(end - begin)))
    }
}
