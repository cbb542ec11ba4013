//! The codes of findings and the pages that explain them.

use std::fmt;

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It cannot be built, or would not be what was meant.
    Error,
    /// It can be built and will probably hurt.
    Warning,
    /// Good to know.
    Note,
}

/// What kind of finding it is: its number never changes and is never given again.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The number.
    pub number: u16,
    /// How bad it is.
    pub level: Level,
    /// The finding in a few words.
    pub title: &'static str,
    /// The page that explains it, in Markdown.
    pub page: &'static str,
}

/// Makes a [`Code`], with its page out of `docs/errors/`.
macro_rules! code {
    ($digits:literal, $level:ident, $title:literal) => {
        $crate::code::Code {
            number: $crate::code::number($digits),
            level: $crate::code::Level::$level,
            title: $title,
            page: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../docs/errors/PHX",
                $digits,
                ".md"
            )),
        }
    };
}
pub(crate) use code;

/// Reads the digits of a code.
pub(crate) const fn number(digits: &str) -> u16 {
    match u16::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => 0,
    }
}

impl Code {
    /// Returns the code called `PHX0301`, `phx0301` or `301`.
    pub fn find(name: &str) -> Option<&'static Self> {
        let digits = name.strip_prefix("PHX").or_else(|| name.strip_prefix("phx")).unwrap_or(name);
        let number = digits.parse::<u16>().ok()?;
        Self::all().find(|code| code.number == number)
    }

    /// Returns every code there is, by number.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        let mut codes: Vec<_> =
            crate::load::CODES.iter().copied().chain(crate::rules::codes()).collect();
        codes.sort_unstable_by_key(|code| code.number);
        codes.into_iter()
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Code {}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PHX{:04}", self.number)
    }
}

impl Level {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_number_of_its_own_and_a_page_that_says_what_to_do() {
        let codes: Vec<_> = Code::all().collect();
        for pair in codes.windows(2) {
            assert!(pair[0].number < pair[1].number, "{} is there twice", pair[0]);
        }
        for code in codes {
            let heading = format!("# {code}: {}\n", code.title);
            assert!(code.page.starts_with(&heading), "the page of {code} should begin: {heading}");
            for part in ["## Why", "## Example", "## Remedy"] {
                assert!(code.page.contains(part), "the page of {code} has no `{part}`");
            }
        }
    }

    #[test]
    fn a_code_is_found_by_any_of_its_names() {
        for name in ["PHX0004", "phx0004", "4", "0004"] {
            assert_eq!(Code::find(name).unwrap().to_string(), "PHX0004", "{name}");
        }
        assert!(Code::find("PHX9999").is_none());
    }
}
