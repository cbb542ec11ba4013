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
pub(crate) fn write_between(path: &str, [begin, end]: [&str; 2], what: &str) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let Some((before, (_, after))) =
        text.split_once(begin).and_then(|(before, rest)| Some((before, rest.split_once(end)?)))
    else {
        bail!("{path} does not say where it stands: between {} and {}", begin.trim(), end.trim());
    };
    write(path, &format!("{before}{begin}{what}{end}{after}"))
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
