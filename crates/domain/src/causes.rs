//! Errors in one line.

use std::error::Error;

/// Returns an error with all its causes. Some repeat in their own text what their cause says: that is
/// said once.
pub fn chain(err: &dyn Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        let said = err.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = err.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("refused")]
    struct Cause;

    #[derive(Debug, Error)]
    #[error("IO error: refused")]
    struct Repeats(#[source] Cause);

    #[derive(Debug, Error)]
    #[error("asking")]
    struct Does(#[source] Repeats);

    #[test]
    fn what_an_error_says_of_its_cause_is_not_said_again() {
        assert_eq!(chain(&Does(Repeats(Cause))), "asking: IO error: refused");
    }
}
