//! A mail, by the `sendmail` of this machine. All mails of an incident are one thread.

use std::fmt::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use phoenix_post::{clean, cut};

use super::letter::Letter;

/// A longer line is cut by servers on its way.
const LONGEST_LINE: usize = 900;
/// The longest subject that is read.
const SUBJECT: usize = 200;
/// How many bytes of a subject go into one encoded word, whose length is limited.
const WORD: usize = 42;

/// Whom mails go to, and by what program.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) sendmail: PathBuf,
}

impl Mail {
    /// Returns a mail as `sendmail -t` takes it.
    pub(crate) fn message(
        &self,
        id: &str,
        letter: &Letter,
        text: &str,
        at: DateTime<Utc>,
        is_reply: bool,
    ) -> Vec<u8> {
        let domain = self.from.rsplit('@').next().unwrap_or("localhost");
        let (cell, incident) = (&letter.cell, &letter.incident);
        let root = format!("<phoenix.{cell}.{incident}@{domain}>");
        let own = format!("<phoenix.{cell}.{incident}.{}@{domain}>", clean(id));
        let mut head = String::new();
        let mut header = |name: &str, value: &str| {
            // A String takes everything that is written to it.
            let _written = writeln!(head, "{name}: {value}");
        };
        header("From", &format!("Phoenix <{}>", self.from));
        header("To", &self.to.join(",\n "));
        header("Subject", &subject(&letter.title));
        header("Date", &at.to_rfc2822());
        header("Message-ID", if is_reply { &own } else { &root });
        if is_reply {
            header("In-Reply-To", &root);
            header("References", &root);
        }
        header("Auto-Submitted", "auto-generated");
        header("X-Phoenix-Incident", incident);
        header("MIME-Version", "1.0");
        header("Content-Type", "text/plain; charset=utf-8");
        let is_plain = text.is_ascii() && text.lines().all(|line| line.len() <= LONGEST_LINE);
        header("Content-Transfer-Encoding", if is_plain { "7bit" } else { "base64" });
        let body = if is_plain { text.to_owned() } else { folded(text) };
        format!("{head}\n{}\n", body.trim_end()).into_bytes()
    }
}

/// Returns a text as a subject can be: on one line, and in letters that mail can carry.
fn subject(text: &str) -> String {
    let line = clean(text);
    let line = cut(&line, SUBJECT);
    if line.is_ascii() {
        return line.to_owned();
    }
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let word = cut(rest, WORD);
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = rest.get(word.len()..).unwrap_or_default();
    }
    words.join("\n ")
}

/// Returns a text in Base64, in lines as mail has them.
fn folded(text: &str) -> String {
    let encoded = STANDARD.encode(text);
    let mut lines = Vec::new();
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let line = cut(rest, 76);
        lines.push(line);
        rest = rest.get(line.len()..).unwrap_or_default();
    }
    lines.join("\n")
}

/// Says whether a text is an address as it stands in a header, and nothing besides.
pub(crate) fn is_address(text: &str) -> bool {
    let is_part = |part: &str, others: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || others.as_bytes().contains(&byte))
    };
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    is_part(local, ".!#$%&'*+/=?^_`{|}~-") && is_part(domain, ".-") && text.len() <= 254
}
