//! A pattern of names: of branches, tags or files.

use globset::{GlobBuilder, GlobMatcher};
use phoenix_domain::Refused;

/// A pattern of names that have parts between `/`. `*` stays within a part, `**` does not.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// The one name itself, as `main` is: every delivery is held against it.
    Name(String),
    Glob(Box<GlobMatcher>),
}

/// What makes a pattern of a name.
const SIGNS: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

impl Pattern {
    pub(super) fn read(text: &str) -> Result<Self, Refused> {
        let refused = |rule| Err(Refused::new(text, "a pattern", rule));
        if text.is_empty() {
            return refused("`**` is the pattern of everything");
        }
        // What git names has neither; such a pattern would wait for ever.
        if text.starts_with('/') || text.starts_with("./") || text.starts_with("../") {
            return refused("a pattern begins at the top of the repository, without `/` or `./`");
        }
        if text.ends_with('/') {
            return refused("`folder/**` is the pattern of all that is in a folder");
        }
        if text.starts_with("refs/") {
            return refused("a pattern has the short name, `main` and not `refs/heads/main`");
        }
        if !text.contains(SIGNS) {
            return Ok(Self::Name(text.to_owned()));
        }
        match GlobBuilder::new(text).literal_separator(true).build() {
            Ok(glob) => Ok(Self::Glob(Box::new(glob.compile_matcher()))),
            Err(_) => refused(
                "a pattern has `*`, `**`, `?`, `[a-z]` and `{one,other}`, each closed again",
            ),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Name(one) => one == name,
            Self::Glob(glob) => glob.is_match(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_a_part_and_two_do_not() {
        for (pattern, has, has_not) in [
            ("main", &["main"][..], &["Main", "main2", "a/main"][..]),
            (r"a\*b", &["a*b"], &["ab", "axb", r"a\*b"]),
            ("release/*", &["release/1"], &["release", "release/1/2"]),
            (
                "guests/962/**",
                &["guests/962/a", "guests/962/a/.b"],
                &["guests/962", "guests/9620/a"],
            ),
            ("**/*.env", &["a.env", "x/y/a.env"], &["a.env/b"]),
            ("v[0-9]*.{0,1}", &["v1.0", "v12.1"], &["v1.2", "vx.0"]),
        ] {
            let read = Pattern::read(pattern).unwrap();
            assert!(has.iter().all(|name| read.has(name)), "{pattern}");
            assert!(!has_not.iter().any(|name| read.has(name)), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_would_wait_for_ever_is_refused() {
        for bad in ["", "/a", "./a", "../a", "a/", "refs/heads/main", "a[", "{a,b"] {
            assert!(Pattern::read(bad).is_err(), "{bad}");
        }
    }
}
