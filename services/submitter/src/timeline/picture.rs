//! A run as a line of time, as a picture that stands alone: SVG without anything from elsewhere.

use std::fmt::Write as _;

use super::{Span, Timeline, What};
use crate::words;

/// How wide the line of time is, and what stands before it.
const WIDTH: i64 = 900;
const LEFT: i64 = 300;
const ROW: i64 = 20;

const STYLE: &str = "text{font:12px sans-serif;fill:#222}.b{font-weight:bold}\
.w{fill:#c8c8c8}.s{fill:#2f7d4f}.f{fill:#b3261e}\
@media(prefers-color-scheme:dark){svg{background:#1b1b1b}text{fill:#ddd}.w{fill:#555}}";

impl Timeline {
    /// Returns it as an SVG document.
    pub(crate) fn svg(&self) -> String {
        let mut rows = String::new();
        let mut y = 2 * ROW;
        for lane in &self.lanes {
            text(&mut rows, y, "b", &lane.title());
            y += ROW;
            for span in &lane.spans {
                text(&mut rows, y, "", &span.label);
                rows.push_str(&self.piece(span, y));
                y += ROW;
            }
        }
        let (width, height) = (LEFT + WIDTH + ROW, y + ROW);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n",
            title = escaped(&self.title()),
        );
        text(&mut svg, ROW, "b", &self.title());
        svg.push_str(&rows);
        svg.push_str("</svg>\n");
        svg
    }

    /// Returns the piece of a row that stands for a piece of time; even the shortest is seen.
    fn piece(&self, span: &Span, y: i64) -> String {
        let begin = self.place(span.from, WIDTH);
        let long = (self.place(span.to, WIDTH) - begin).max(2);
        let class = match span.what {
            What::Waits => "w",
            What::Step => "s",
            What::Failure => "f",
        };
        let told = format!(
            "{}: {} from {}",
            span.label,
            words::took(span.took_ms()),
            words::time(span.from)
        );
        format!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{long}\" height=\"14\"><title>{}</title></rect>\n",
            LEFT + begin,
            y - 12,
            escaped(&told),
        )
    }
}

fn text(svg: &mut String, y: i64, class: &str, said: &str) {
    let said = escaped(&words::shortened(said, 120));
    // A String takes everything that is written to it.
    let _written = writeln!(svg, "<text x=\"8\" y=\"{y}\" class=\"{class}\">{said}</text>");
}

/// Returns a text as it may stand in a document. Names come from files of others.
fn escaped(text: &str) -> String {
    words::line(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
