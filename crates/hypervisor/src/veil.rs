//! What must not be seen of what somebody says.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use crate::vault::Opened;

/// What stands in place of a secret.
const STARS: &str = "***";
/// How long a line of a secret of several lines must be to be looked for alone: a line of `}` stands
/// everywhere.
const LINE: usize = 6;

/// Hides secrets in what is shown.
#[derive(Clone, Default)]
pub(crate) struct Veil {
    /// What is hidden, the longest first: one may be the beginning of another.
    hidden: Arc<[SecretString]>,
}

impl Veil {
    /// Makes one that hides these.
    pub(crate) fn of(secrets: &Opened) -> Self {
        let mut hidden: Vec<&str> = Vec::new();
        for (_, value) in secrets.values() {
            let value = value.expose_secret();
            hidden.push(value);
            hidden.push(value.trim());
            // What is said goes line by line.
            hidden.extend(value.lines().map(str::trim).filter(|line| line.len() >= LINE));
        }
        hidden.retain(|text| !text.is_empty());
        hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
        hidden.dedup();
        Self { hidden: hidden.into_iter().map(SecretString::from).collect() }
    }

    /// Returns a text without what is hidden.
    pub(crate) fn over(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for secret in self.hidden.iter() {
            if shown.contains(secret.expose_secret()) {
                shown = shown.replace(secret.expose_secret(), STARS);
            }
        }
        shown
    }

    /// Returns the end of a text whose beginning was cut off: a piece of a secret would not be known
    /// as one.
    pub(crate) fn over_rest(&self, text: &str) -> String {
        let Some(longest) = self.hidden.first() else { return text.to_owned() };
        let whole = match text.find('\n') {
            Some(end) if !self.hidden.iter().any(|one| one.expose_secret().contains('\n')) => {
                end + 1
            }
            Some(_) | None => longest.expose_secret().len(),
        };
        let whole = (whole..text.len()).find(|at| text.is_char_boundary(*at));
        whole.and_then(|from| text.get(from..)).map(|rest| self.over(rest)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Kept;

    fn veil(values: &[&str]) -> Veil {
        let kept = |value: &str| Kept { value: value.into(), digest: String::new() };
        let named = values.iter().enumerate();
        Veil::of(&named.map(|(nth, value)| (format!("s{nth}").into(), kept(value))).collect())
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_stands_and_whatever_it_begins_with() {
        let veil = veil(&["hunter2", "hunter2-longer\n"]);

        let shown = veil.over("a hunter2-longer and hunter2, hunter2hunter2\n");

        assert_eq!(shown, "a *** and ***, ******\n");
    }

    #[test]
    fn the_lines_of_a_key_are_hidden_one_by_one() {
        let veil = veil(&["-----BEGIN KEY-----\nabcdefghij\n}\n-----END KEY-----\n"]);

        assert_eq!(veil.over("said: abcdefghij }"), "said: *** }");
    }

    #[test]
    fn what_is_left_of_a_secret_that_was_cut_is_not_shown() {
        assert_eq!(veil(&["hunter2"]).over_rest("nter2 tail\nnext hunter2\n"), "next ***\n");
        assert_eq!(veil(&["hunter2"]).over_rest("nter2 x and no line end"), " and no line end");
        assert_eq!(veil(&["a\nhunter2\nb"]).over_rest("4567890\nb, and more"), "and more");
        assert_eq!(veil(&[]).over_rest("nter2"), "nter2");
    }
}
