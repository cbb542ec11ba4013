//! Pages of documents that are made of something else, and kept beside those that are written by hand.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::say::say;

/// Writes a page.
pub(crate) fn write(path: &str, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {path}"))?;
    say(format_args!("{path} is written"));
    Ok(())
}

/// Puts a text into a page, between two marks that stay.
pub(crate) fn write_between(path: &str, marks: [&str; 2], what: &str) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let Some(text) = put_between(&text, marks, what) else {
        let [begin, end] = marks.map(str::trim);
        bail!("{path} does not say where it stands: between {begin} and {end}");
    };
    write(path, &text)
}

fn put_between(text: &str, [begin, end]: [&str; 2], what: &str) -> Option<String> {
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}{what}{end}{after}"))
}

/// Fails when a page is another one than what it is made of says.
pub(crate) fn check(path: &str, text: &str, made_of: &str) -> Result<()> {
    if fs::read_to_string(path).unwrap_or_default() == text {
        return Ok(());
    }
    bail!("{path} is not what {made_of} say: run `cargo xtask docs`")
}

/// Adds a line to a page.
pub(crate) fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: [&str; 2] = ["<begin>\n", "<end>\n"];

    #[test]
    fn what_stands_between_marks_is_replaced_and_the_rest_stays() {
        let text = "before\n<begin>\nold\n<end>\nafter\n";

        let written = put_between(text, MARKS, "new\n");

        assert_eq!(written.as_deref(), Some("before\n<begin>\nnew\n<end>\nafter\n"));
    }

    #[test]
    fn a_page_without_marks_is_not_written() {
        assert_eq!(put_between("before\n<end>\n<begin>\n", MARKS, "new\n"), None);
    }
}
