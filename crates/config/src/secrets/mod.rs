//! Telling secrets from other values, so that no output ever shows one.

use std::borrow::Cow;
use std::ops::Range;

/// Returns the strings in a piece of JSON that look like secrets, without their quotes.
///
/// A string is taken for a secret because of the key it belongs to, because of the option before
/// it in a list (`"--api-key", "…"`), or because of its own form. The piece may be cut anywhere.
pub(crate) fn find(json: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut owner: Option<&str> = None;
    let mut at = 0;
    let bytes = json.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = string_end(bytes, at);
                let inside = at + 1..end.saturating_sub(1).max(at + 1);
                let text = json.get(inside.clone()).unwrap_or_default();
                let is_value = has_form_of_secret(text)
                    || owner.is_some_and(|owner| asks_for_secret(owner) && !is_harmless(text));
                if is_value {
                    found.push(inside);
                } else if let Some((option, value)) = text.split_once('=')
                    && option.starts_with('-')
                    && asks_for_secret(option)
                    && !is_harmless(value)
                {
                    found.push(inside.end - value.len()..inside.end);
                }
                // The key of the next value, or the option before the next element.
                owner = Some(text);
                at = end;
            }
            b'{' | b'}' | b'[' | b']' => {
                // A list keeps the key it stands under; anything else begins anew.
                if *byte != b'[' {
                    owner = None;
                }
                at += 1;
            }
            b',' => {
                // Behind a value only an option still speaks of the next one.
                owner = owner.filter(|owner| owner.starts_with('-'));
                at += 1;
            }
            _ => at += 1,
        }
    }
    found
}

/// Returns a part of a text in which the secrets are made unreadable, byte for byte as long.
pub(crate) fn masked(text: &str, part: Range<usize>) -> Cow<'_, str> {
    let whole = text.get(part.clone()).unwrap_or_default();
    // What stands before the part may say what its first string is, and what stands behind it may
    // close its last: lines are cut, and long ones within.
    const AROUND: usize = 256;
    let mut from = part.start.saturating_sub(AROUND);
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    let from = text
        .get(from..part.start)
        .and_then(|before| before.rfind('\n'))
        .map_or(from, |at| from + at);
    let secrets = find(text.get(from..part.end).unwrap_or_default());
    if secrets.is_empty() {
        return Cow::Borrowed(whole);
    }
    let mut bytes = whole.as_bytes().to_vec();
    for secret in secrets {
        let within = |at: usize| (from + at).clamp(part.start, part.end) - part.start;
        for byte in bytes.get_mut(within(secret.start)..within(secret.end)).unwrap_or_default() {
            *byte = b'*';
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed("(not shown: it holds a secret)"), Cow::Owned)
}

/// Says whether what belongs to this key or option is a secret.
pub(crate) fn asks_for_secret(key: &str) -> bool {
    let lower = key.trim_start_matches('-').to_ascii_lowercase();
    let words: Vec<&str> = lower.split(['_', '-', '.', ' ']).collect();
    // `hf_token_file` names a file, `token_url` an address.
    let names_another = words.last().is_some_and(|last| {
        ["file", "path", "url", "name", "id", "ref", "dir", "policy", "length"].contains(last)
    });
    let is_secret = words.iter().any(|word| {
        [
            "password",
            "passwd",
            "passphrase",
            "token",
            "secret",
            "apikey",
            "credential",
            "credentials",
        ]
        .contains(word)
    }) || words
        .windows(2)
        .any(|pair| matches!(pair, ["api" | "private" | "access" | "auth", "key"]));
    is_secret && !names_another
}

/// Says whether a value in the place of a secret is none: a reference, or nothing yet.
fn is_harmless(value: &str) -> bool {
    value.is_empty()
        || value.starts_with("secret://")
        || value.starts_with("--")
        || ["NOT_SET", "none", "null", "changeme-by-secret-store"].contains(&value)
}

/// Says whether a value has the form of a well-known kind of secret.
fn has_form_of_secret(value: &str) -> bool {
    const PREFIXES: &[(&str, usize)] = &[
        ("hf_", 20),
        ("ghp_", 20),
        ("gho_", 20),
        ("github_pat_", 20),
        ("glpat-", 16),
        ("sk-", 20),
        ("xoxb-", 16),
        ("AKIA", 20),
        ("dckr_pat_", 16),
        ("whsec_", 16),
        ("$6$", 20),
        ("$5$", 20),
        ("$y$", 20),
        ("$2b$", 20),
    ];
    value.contains("-----BEGIN") && value.contains("PRIVATE KEY")
        || PREFIXES.iter().any(|(prefix, length)| {
            value.starts_with(prefix) && value.len() >= *length && !value.contains(' ')
        })
}

fn string_end(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(json: &str) -> Vec<&str> {
        find(json).into_iter().map(|span| &json[span]).collect()
    }

    #[test]
    fn secrets_are_told_by_their_key_their_option_or_their_form() {
        assert_eq!(secrets(r#"{"admin_password": "hunter2", "name": "x"}"#), ["hunter2"]);
        assert_eq!(secrets(r#"["--api-key", "k1", "--port", "80"]"#), ["k1"]);
        assert_eq!(secrets(r#"["--api-key=k1"]"#), ["k1"]);
        assert_eq!(
            secrets(r#"{"x": "hf_abcdefghijklmnopqrstuvwx"}"#),
            ["hf_abcdefghijklmnopqrstuvwx"]
        );
        assert_eq!(secrets(r#"{"tokens": ["a", "b"], "token": ["c"]}"#), ["c"]);
    }

    #[test]
    fn names_of_secrets_and_numbers_of_tokens_are_none() {
        for harmless in [
            r#"{"password": "secret://phoenix/prod/x", "password_hash": "NOT_SET", "token": ""}"#,
            r#"{"hf_token_file": "/etc/phoenix/hf"}"#,
            r#"["--max-num-batched-tokens", "8192"]"#,
            r#"{"api_key": null, "name": "qdrant"}"#,
        ] {
            assert_eq!(secrets(harmless), [""; 0], "{harmless}");
        }
    }

    #[test]
    fn a_masked_line_is_as_long_as_it_was_and_holds_no_secret() {
        let text = "{\n  \"admin_password\": \"hünter2\", \"b\": 1\n}";
        let line = text.find("  \"admin").unwrap()..text.len() - 2;
        let shown = masked(text, line.clone());
        assert_eq!(shown.len(), line.len());
        assert!(!shown.contains("nter") && shown.contains("\"b\": 1"), "{shown}");
    }
}
