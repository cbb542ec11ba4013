//! Asks a person before what cannot be undone.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::error::CommandError;
use crate::output::Output;

/// How a person agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// With `y` or `yes`.
    Yes,
    /// With the numbers of the guests: what they stored is destroyed.
    Numbers(String),
    /// With the name of something whose contents are destroyed.
    Words(String),
}

/// Says whether there is somebody to be asked.
pub(crate) fn is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Asks a person whether to do something.
pub(crate) fn is_agreed(what: &str, by: &By, output: &mut Output) -> Result<bool, CommandError> {
    if !is_terminal() {
        return Err(CommandError::NobodyToAsk { what: what.to_owned() });
    }
    output.remark(&by.question(what))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(by.is_said(&answer))
}

impl By {
    fn question(&self, what: &str) -> String {
        match self {
            Self::Yes => format!("{what}? [y/N]"),
            Self::Numbers(numbers) | Self::Words(numbers) => {
                format!("{what}? type `{numbers}` to agree:")
            }
        }
    }

    fn is_said(&self, answer: &str) -> bool {
        let words: Vec<_> = answer.split_whitespace().collect();
        match self {
            Self::Yes => {
                let answer = words.join(" ").to_lowercase();
                ["y", "yes"].contains(&answer.as_str())
            }
            Self::Numbers(numbers) | Self::Words(numbers) => words.join(" ") == *numbers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_letter_agrees_but_to_what_destroys_what_is_stored() {
        for (answer, is_yes) in [("y\n", true), ("Yes\n", true), ("\n", false), ("950\n", false)] {
            assert_eq!(By::Yes.is_said(answer), is_yes, "{answer}");
        }
        let numbers = By::Numbers("950 951".to_owned());
        for (answer, is_yes) in [(" 950  951\n", true), ("yes\n", false), ("950\n", false)] {
            assert_eq!(numbers.is_said(answer), is_yes, "{answer}");
        }
        assert_eq!(By::Yes.question("remove 950 for good"), "remove 950 for good? [y/N]");
    }
}
