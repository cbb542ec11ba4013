//! Telling secrets from other values, so that no output ever shows one.

mod telltale;
mod words;

use std::borrow::Cow;
use std::ops::Range;

use crate::members::offset_in;

pub(crate) use telltale::each_telltale;
pub(crate) use words::{asks_for_secret, gives_secrets, is_harmless, is_name};
use words::{contains, has_form_of_secret, is_private_key};

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Secret<'a> {
    /// Its bytes, without quotes.
    pub(crate) span: Range<usize>,
    /// The key, option or variable that asks for it; absent where its own form tells.
    pub(crate) owner: Option<&'a str>,
}

/// Returns the secrets in a piece of JSON that begins between two values.
///
/// A string is taken for a secret because of the key it belongs to, because of the option before
/// it in a list (`"--api-key", "…"`), or because of its own form; and so is a part of one. The
/// piece may be cut off anywhere at its end.
pub(crate) fn find(json: &str) -> Vec<Secret<'_>> {
    find_until(json, json.len())
}

/// What a bracket that is still open holds.
#[derive(Clone, Copy, Default)]
struct Open<'a> {
    is_list: bool,
    /// The key it stands under, if that asks for a secret.
    asking: Option<&'a str>,
    /// The key below which everything is a secret that a guest is given, if it stands below one.
    giver: Option<&'a str>,
    /// In an object `{"name": "API_KEY", "value": "…"}` what the value is.
    named: Option<&'a str>,
    /// The key before the value that comes, or the option before the next element.
    key: Option<&'a str>,
}

fn find_until(json: &str, end: usize) -> Vec<Secret<'_>> {
    let bytes = json.as_bytes();
    let mut found = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut now = Open::default();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).filter(|_| at < end) {
        match byte {
            b'"' => {
                let inside = string(bytes, at);
                let text = json.get(inside.clone()).unwrap_or_default();
                at = (inside.end + 1).min(bytes.len());
                if is_key(bytes, at) {
                    // Whoever took the one for the other has the secret on the left.
                    if has_form_of_secret(text) || now.giver.is_some() && !is_name(text) {
                        found.push(Secret { span: inside, owner: None });
                    }
                    now.key = Some(text);
                } else {
                    now.value(text, inside.start, &mut found);
                }
            }
            b'{' | b'[' => {
                let asking = now.asker();
                let giver = now.giver.or_else(|| now.key.filter(|key| gives_secrets(key)));
                open.push(now);
                let is_list = *byte == b'[';
                now = Open { is_list, asking, giver, named: asking, key: None };
                at += 1;
            }
            b'}' | b']' => {
                now = open.pop().unwrap_or_default();
                now.key = None;
                at += 1;
            }
            b'0'..=b'9' | b'-' => {
                let rest = bytes.get(at..).unwrap_or_default();
                let length = rest.iter().take_while(|byte| !b",]} \t\r\n".contains(byte)).count();
                let owner = now.given().or_else(|| {
                    now.key.filter(|key| {
                        asks_for_secret(key) && (contains(key, "pass") || contains(key, "secret"))
                    })
                });
                if owner.is_some() {
                    found.push(Secret { span: at..at + length, owner });
                }
                at += length.max(1);
            }
            b',' => {
                if !now.is_list {
                    now.key = None;
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    found
}

impl<'a> Open<'a> {
    /// Returns the name of the value that comes, if it is a secret that a guest is given.
    fn given(&self) -> Option<&'a str> {
        match self.giver {
            // What cannot be a name may be the secret itself.
            Some(giver) => self.key.filter(|key| is_name(key)).or(Some(giver)),
            None => self.key.filter(|key| gives_secrets(key)),
        }
    }

    /// Returns what asks for the value that comes, if it asks for a secret.
    fn asker(&self) -> Option<&'a str> {
        if let Some(name) = self.given() {
            return Some(name);
        }
        match (self.is_list, self.key) {
            (true, Some(option)) if asks_for_secret(option) => Some(option),
            (true, _) => self.asking,
            (false, Some("value" | "key" | "hash" | "data" | "content"))
                if self.named.is_some() =>
            {
                self.named
            }
            (false, key) => key.filter(|key| asks_for_secret(key)),
        }
    }

    /// Looks at a string that is a value and begins at `start`.
    fn value(&mut self, text: &'a str, start: usize, found: &mut Vec<Secret<'a>>) {
        let owner = self.asker();
        let is_next_option = self.is_list && text.starts_with('-') && self.giver.is_none();
        if owner.is_some() && !is_next_option {
            if !is_harmless(text) {
                found.push(Secret { span: start..start + text.len(), owner });
            }
        } else {
            found.extend(inside(text).into_iter().map(|secret| Secret {
                span: start + secret.span.start..start + secret.span.end,
                owner: secret.owner,
            }));
        }
        if !self.is_list && matches!(self.key, Some("name" | "key" | "variable")) {
            self.named = self.named.or_else(|| Some(text).filter(|text| asks_for_secret(text)));
        }
        self.key = (self.is_list && text.starts_with('-') && !text.contains('=')).then_some(text);
    }
}

/// Returns the secrets within a text that is no JSON: a command, a line of a config, a comment.
pub(crate) fn inside(text: &str) -> Vec<Secret<'_>> {
    if is_private_key(text) {
        return vec![Secret { span: 0..text.len(), owner: None }];
    }
    let mut found: Vec<Secret<'_>> = Vec::new();
    let mut add = |span: Range<usize>, owner| {
        // Only the same word can have been found before.
        let is_new = found
            .iter()
            .rev()
            .take(8)
            .all(|other| other.span.end <= span.start || span.end <= other.span.start);
        if is_new && !is_harmless(text.get(span.clone()).unwrap_or_default()) {
            found.push(Secret { span, owner });
        }
    };
    let mut owner: Option<&str> = None;
    let is_curl = text.contains("curl");
    for word in words_of(text) {
        let part = text.get(word.clone()).unwrap_or_default();
        if let Some(password) = in_address(part) {
            add(word.start + password.start..word.start + password.end, None);
        }
        for piece in pieces(part) {
            if has_form_of_secret(part.get(piece.clone()).unwrap_or_default()) {
                add(word.start + piece.start..word.start + piece.end, None);
            }
        }
        if let Some(asking) = owner.take()
            && !part.starts_with('-')
        {
            // What authorizes is often said in two words: `Bearer …`.
            if ["bearer", "basic", "token"].iter().any(|scheme| part.eq_ignore_ascii_case(scheme)) {
                owner = Some(asking);
                continue;
            }
            let password = if ["-u", "--user"].contains(&asking) {
                part.find(':').map(|colon| word.start + colon + 1..word.end)
            } else {
                Some(word.clone())
            };
            if let Some(password) = password {
                add(password, Some(asking));
            }
            continue;
        }
        if let Some((at, name)) = assignment(part) {
            match part.len() - at {
                0 => owner = Some(name),
                _ => add(word.start + at..word.end, Some(name)),
            }
        } else {
            let is_asking = part.starts_with('-') && asks_for_secret(part)
                || is_curl && ["-u", "--user"].contains(&part)
                || part.eq_ignore_ascii_case("bearer");
            owner = is_asking.then_some(part);
        }
    }
    found.sort_by_key(|secret| secret.span.start);
    found
}

/// Returns the words of a text; quotes and brackets are no part of them.
fn words_of(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    split(text, |c| c.is_whitespace() || "\"'`\\()[]{}<>,;&|".contains(c))
}

/// Returns the pieces of a word that could be a secret of their own.
fn pieces(word: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    split(word, |c| "=:@?".contains(c))
}

fn split(text: &str, is_between: impl Fn(char) -> bool) -> impl Iterator<Item = Range<usize>> {
    text.split(is_between).filter(|part| !part.is_empty()).map(|part| {
        let start = offset_in(text, part);
        start..start + part.len()
    })
}

/// Returns where the value of `NAME=value` or `name:value` begins, if the name asks for a secret.
fn assignment(word: &str) -> Option<(usize, &str)> {
    let mut start = 0;
    // In `lxc.environment=HF_TOKEN=…` the second name is the one that asks.
    while let Some((name, rest)) = word.get(start..)?.split_once(['=', ':']) {
        start += name.len() + 1;
        if !rest.starts_with("//") && asks_for_secret(name) {
            return Some((start, name));
        }
    }
    None
}

/// Returns the password in `scheme://user:password@host`.
fn in_address(word: &str) -> Option<Range<usize>> {
    let start = word.find("://")? + 3;
    let authority = word.get(start..)?.split('/').next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let colon = user.find(':')?;
    Some(start + colon + 1..start + user.len())
}

/// What stands in the place of every secret: its length would say something of it.
const MASK: &str = "********";

/// A part of a text without its secrets.
pub(crate) struct Masked<'a> {
    /// What is shown.
    pub(crate) text: Cow<'a, str>,
    /// Where the secrets were in the part.
    secrets: Vec<Range<usize>>,
}

impl Masked<'_> {
    /// Returns where bytes of the part are in what is shown.
    pub(crate) fn shown(&self, marked: Range<usize>) -> Range<usize> {
        let at = |offset: usize, is_end: bool| {
            let mut shown = offset;
            for secret in self.secrets.iter().filter(|secret| secret.start < offset) {
                let gone = secret.end.min(offset) - secret.start;
                let is_within = offset < secret.end;
                let mask = if is_within && !is_end { 0 } else { MASK.len() };
                shown = shown - gone + mask;
            }
            shown
        };
        at(marked.start, false)..at(marked.end, true)
    }

    /// Says whether bytes of the part are nothing but a secret, with its quotes or without.
    pub(crate) fn is_secret(&self, marked: &Range<usize>) -> bool {
        self.secrets
            .iter()
            .any(|secret| secret.start <= marked.start + 1 && marked.end <= secret.end + 1)
    }
}

/// Returns a part of a text in which the secrets are made unreadable.
///
/// `json` is the text without comments, and `from` a place at or before the part at which no
/// string is open: what stands there says what the first string of the part is.
pub(crate) fn masked<'a>(text: &'a str, json: &str, from: usize, part: Range<usize>) -> Masked<'a> {
    let whole = text.get(part.clone()).unwrap_or_default();
    let from = from.min(part.start);
    let behind = json.get(from..).unwrap_or_default();
    let mut secrets: Vec<_> = find_until(behind, part.end - from)
        .into_iter()
        .map(|secret| from + secret.span.start..from + secret.span.end)
        .collect();
    // Comments are no JSON, and people leave old passwords in them.
    if whole != json.get(part.clone()).unwrap_or_default() {
        let comments = inside(whole).into_iter();
        secrets.extend(
            comments.map(|secret| part.start + secret.span.start..part.start + secret.span.end),
        );
    }
    secrets.retain(|secret| secret.start < part.end && part.start < secret.end);
    let within = |at: usize| at.clamp(part.start, part.end) - part.start;
    let secrets = joined(secrets.iter().map(|secret| within(secret.start)..within(secret.end)));
    if secrets.is_empty() {
        return Masked { text: Cow::Borrowed(whole), secrets };
    }
    let mut text = String::with_capacity(whole.len());
    let mut at = 0;
    for secret in &secrets {
        text.push_str(whole.get(at..secret.start).unwrap_or_default());
        text.push_str(MASK);
        at = secret.end;
    }
    text.push_str(whole.get(at..).unwrap_or_default());
    Masked { text: Cow::Owned(text), secrets }
}

/// Returns a text that is no JSON, such as what a program printed, without what looks like a secret.
pub fn veiled(text: &str) -> String {
    let secrets = joined(inside(text).into_iter().map(|secret| secret.span));
    let mut shown = text.to_owned();
    for secret in secrets.into_iter().rev() {
        shown.replace_range(secret, MASK);
    }
    shown
}

/// Sorts ranges, and makes one of those that overlap or touch.
fn joined(ranges: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut ranges: Vec<_> = ranges.collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut all: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match all.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => all.push(range),
        }
    }
    all
}

/// Returns the bytes inside of the string that opens at `open`. One that is never closed ends with
/// its line, so that a missing quote turns only one line inside out.
fn string(bytes: &[u8], open: usize) -> Range<usize> {
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' | b'\n' => return open + 1..at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    (open + 1).min(bytes.len())..bytes.len()
}

/// Says whether a string that ended before `at` is the key of a member.
fn is_key(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(json: &str) -> Vec<&str> {
        find(json).into_iter().map(|secret| &json[secret.span]).collect()
    }

    fn within(text: &str) -> Vec<&str> {
        inside(text).into_iter().map(|secret| &text[secret.span]).collect()
    }

    #[test]
    fn secrets_are_told_by_their_key_their_option_or_their_form() {
        for (json, found) in [
            (r#"{"admin_password": "hunter2", "name": "x"}"#, &["hunter2"][..]),
            (r#"["--api-key", "k1", "--port", "80"]"#, &["k1"]),
            (r#"{"secrets": {"x": "y", "z": "secret://a"}, "x": "y"}"#, &["y"]),
            (r#"{"secrets": {"x": {"y": ["--z", 12]}, "a=b": null}}"#, &["--z", "12", "a=b"]),
            (r#"{"secrets": "x", "y": "z"}"#, &["x"]),
            ("[\n  \"--api-key\",\n  \"k1\"\n]", &["k1"]),
            (r#"["--api-key=k1"]"#, &["k1"]),
            (r#"["--api-key", "--port", "80"]"#, &[]),
            (r#"{"password": "--x"}"#, &["--x"]),
            (r#"{"x": "hf_abcdefghijklmnopqrstuVWX"}"#, &["hf_abcdefghijklmnopqrstuVWX"]),
            (r#"{"tokens": ["a", "b"], "token": ["c", "d"], "e": "f"}"#, &["c", "d"]),
            (r#"{"name": "API_KEY", "value": "v"}, {"name": "x", "value": "w"}"#, &["v"]),
            (r#"{"secret": {"value": "v", "hint": "h"}, "value": "w"}"#, &["v"]),
            (r#"{"password": 1234, "max": 5}"#, &["1234"]),
            (r#"{"password": "a\"b", "c": "d"}"#, &["a\\\"b"]),
            (r#"{"env": ["HF_TOKEN=abc", "A=b"]}"#, &["abc"]),
            (r#"{"password": "cut"#, &["cut"]),
        ] {
            assert_eq!(secrets(json), found, "{json}");
        }
    }

    #[test]
    fn secrets_are_found_within_commands_and_lines() {
        for (text, found) in [
            ("curl -H 'Authorization: Bearer abc' http://x/", &["abc"][..]),
            ("curl -su x -u admin:hunter2 http://x/", &["hunter2"]),
            ("lxc.environment=HF_TOKEN=abc", &["abc"]),
            ("psql postgres://app:hunter2@10.0.0.1/db", &["hunter2"]),
            ("vllm serve --api-key k1 --port 80", &["k1"]),
            ("mysql --password=k1 -e x", &["k1"]),
            ("x?token=abc&y=z", &["abc"]),
            ("password: hunter2", &["hunter2"]),
            ("export A=hf_abcdefghijklmnopqrstuVWX", &["hf_abcdefghijklmnopqrstuVWX"]),
        ] {
            assert_eq!(within(text), found, "{text}");
        }
    }

    #[test]
    fn names_of_secrets_and_numbers_of_tokens_are_none() {
        for harmless in [
            r#"{"password": "secret://phoenix/prod/x", "password_hash": "NOT_SET", "token": ""}"#,
            r#"{"hf_token_file": "/etc/phoenix/hf"}"#,
            r#"["--max-num-batched-tokens", "8192", "--tokenizer", "x"]"#,
            r#"{"api_key": null, "name": "qdrant", "token": true}"#,
            r#"{"token": "${HF_TOKEN}", "password": "$PASSWORD", "secret": "<yours>"}"#,
            r#"{"command": "curl -s --fail http://localhost:6333/key: a"}"#,
            r#"["lxc.mount.entry=/dev/fuse dev/fuse none bind,create=file", "keyctl=1"]"#,
        ] {
            assert_eq!(secrets(harmless), [""; 0], "{harmless}");
        }
    }

    #[test]
    fn whatever_is_found_has_a_telltale() {
        for json in [
            r#"{"adminPassword": "x"}"#,
            r#"{"rootPw": "x"}"#,
            r#"{"ROOT_PW": "x"}"#,
            r#"{"Authorization": "x"}"#,
            r#"{"x": "postgres://app:hunter2@10.0.0.1/db"}"#,
            r#"{"x": "curl -u a:b"}"#,
            r#"{"apiKey": "x"}"#,
            r#"{"secrets": {"x": "y"}}"#,
            r#"{"master key": "x"}"#,
            r#"{"private.key": "x"}"#,
            r#"{"rootPW": "x"}"#,
            r#"{"x": "curl --user a:b"}"#,
            r#"{"x": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnop"}"#,
        ] {
            assert_eq!(find(json).len(), 1, "{json}");
            let mut is_told = false;
            each_telltale(json.as_bytes(), |_| is_told = true);
            assert!(is_told, "{json}");
        }
    }

    fn shown(text: &str, from: usize, part: &str) -> String {
        let start = text.find(part).unwrap();
        masked(text, text, from, start..start + part.len()).text.into_owned()
    }

    #[test]
    fn a_masked_line_tells_neither_a_secret_nor_how_long_it_is() {
        for secret in ["x", "hünter2", "a-much-longer-one-of-many-words"] {
            let line = format!("  \"admin_password\": \"{secret}\", \"b\": 1");
            let text = format!("{{\n{line}\n}}");
            assert_eq!(shown(&text, 0, &line), "  \"admin_password\": \"********\", \"b\": 1");
        }
    }

    #[test]
    fn what_is_marked_stays_marked_in_a_masked_line() {
        let text = r#"{"password": "hunter", "token": "abcdefghijklmnop", "c": 1}"#;
        let masked = masked(text, text, 0, 0..text.len());
        let place = |part: &str| text.find(part).map(|at| at..at + part.len()).unwrap();
        let under = |part: &str| &masked.text[masked.shown(place(part))];
        assert_eq!(under("\"password\""), "\"password\"");
        assert_eq!(under("\"hunter\""), "\"********\"");
        assert_eq!(under("hunter"), "********");
        assert_eq!(under("efgh"), "********", "a part of it is as much of a secret");
        assert_eq!(under("\"c\": 1"), "\"c\": 1");
        assert!(masked.is_secret(&place("hunter")) && masked.is_secret(&place("\"hunter\"")));
        assert!(!masked.is_secret(&place("\"password\": \"hunter\"")));
    }

    #[test]
    fn what_stands_before_the_line_says_what_is_in_it() {
        let text = "[\n\"--api-key\",\n\"k1\"]";
        assert_eq!(shown(text, 0, "\"k1\"]"), "\"********\"]");
    }

    #[test]
    fn a_line_that_is_cut_within_a_secret_shows_nothing_of_it() {
        let text = r#"{"x": "hf_abcdefghijklmnopqrstuVWX", "y": 1}"#;
        assert_eq!(shown(text, 0, r#"{"x": "hf_ab"#), r#"{"x": "********"#);
        assert_eq!(shown(text, 0, r#"tuVWX", "y""#), r#"********", "y""#);
    }

    #[test]
    fn what_a_program_printed_is_shown_without_its_secrets() {
        let said =
            "curl: token=abc123\nAuthorization: Bearer s3cret, postgres://kim:pw@db/x\nit failed";
        let shown = "curl: token=********\nAuthorization: Bearer ********, postgres://kim:********@db/x\nit failed";
        assert_eq!(veiled(said), shown);
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n";
        assert_eq!(veiled(key), MASK);
    }

    #[test]
    fn a_comment_holds_no_secret_either() {
        let text = "{ // password: hunter2\n}";
        let json = "{                     \n}";
        let line = 0..text.find('\n').unwrap();
        assert_eq!(masked(text, json, 0, line).text, "{ // password: ********");
    }
}
