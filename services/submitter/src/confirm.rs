//! Asks a person before what cannot be undone.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::error::CommandError;
use crate::output::Output;

/// Asks a person, who agrees by typing one of these words.
pub(crate) fn is_agreed(
    what: &str,
    question: &str,
    words: &[&str],
    output: &mut Output,
) -> Result<bool, CommandError> {
    if !io::stdin().is_terminal() {
        return Err(CommandError::NobodyToAsk { what: what.to_owned() });
    }
    output.remark(question)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(words.contains(&answer.trim()))
}
