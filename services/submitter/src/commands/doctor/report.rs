//! What was found: a line for each thing that was looked at.

use std::fmt::Write as _;

use serde::Serialize;

use crate::words;

/// Returns the first command of a hint: what stands between backticks.
pub(super) fn command(hint: &str) -> Option<&str> {
    hint.split('`').nth(1)
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Sign {
    /// As it is to be.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work, or would lose something.
    Wrong,
    /// Nobody could look, or there is nothing to look at.
    NotLookedAt,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    check: &'static str,
    sign: Sign,
    found: String,
    /// What is typed where it is not well.
    remedy: Option<String>,
}

/// All that was looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    pub(super) lines: Vec<Line>,
}

impl Sign {
    fn text(self) -> &'static str {
        match self {
            Self::Ok => "✓",
            Self::Warning => "!",
            Self::Wrong => "✗",
            Self::NotLookedAt => "-",
        }
    }
}

impl Report {
    /// Says that something is as it is to be.
    pub(super) fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(check, Sign::Ok, &found.into(), None);
    }

    /// Says what somebody should look at, and by which command.
    pub(super) fn warning(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(check, Sign::Warning, &found.into(), Some(remedy.into()));
    }

    /// Says what is wrong, and which command mends it, or begins to.
    pub(super) fn wrong(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(check, Sign::Wrong, &found.into(), Some(remedy.into()));
    }

    /// Says why something was not looked at.
    pub(super) fn not_looked_at(&mut self, check: &'static str, why: impl Into<String>) {
        self.add(check, Sign::NotLookedAt, &why.into(), None);
    }

    fn add(&mut self, check: &'static str, sign: Sign, found: &str, remedy: Option<String>) {
        // Much of it was said by others.
        self.lines.push(Line { check, sign, found: words::line(found), remedy });
    }

    /// Says how often something was found to be so.
    pub(super) fn count(&self, sign: Sign) -> usize {
        self.lines.iter().filter(|line| line.sign == sign).count()
    }

    /// Renders it for people.
    pub(super) fn text(&self) -> String {
        let widest = self.lines.iter().map(|line| line.check.len()).max().unwrap_or_default();
        let mut text = String::new();
        for Line { check, sign, found, remedy } in &self.lines {
            // A String takes everything that is written to it.
            let _written = writeln!(text, "{} {check:widest$}  {found}", sign.text());
            if let Some(remedy) = remedy {
                let _written = writeln!(text, "  {:widest$}  type: {remedy}", "");
            }
        }
        text
    }

    /// Says in one sentence how it is.
    pub(super) fn summary(&self) -> String {
        let not_looked_at = match self.count(Sign::NotLookedAt) {
            0 => String::new(),
            more => format!("; not looked at: {more}"),
        };
        match (self.count(Sign::Wrong), self.count(Sign::Warning)) {
            (0, 0) => format!("nothing is wrong{not_looked_at}"),
            (0, warnings) => format!("nothing is wrong; warnings: {warnings}{not_looked_at}"),
            (wrong, 0) => format!("wrong: {wrong}{not_looked_at}"),
            (wrong, warnings) => format!("wrong: {wrong}; warnings: {warnings}{not_looked_at}"),
        }
    }
}
