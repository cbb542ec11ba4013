//! Reads the counters a service gives in the text format of Prometheus.

use memchr::{memchr, memchr_iter};

/// One line of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample<'a> {
    /// The name, without labels.
    pub(super) name: &'a [u8],
    labels: &'a [u8],
    /// The number.
    pub(super) value: f64,
}

impl Sample<'_> {
    /// Says whether it has a label with this value.
    pub(super) fn has(&self, label: &str, value: &str) -> bool {
        let mut rest = self.labels;
        while let Some(equals) = memchr(b'=', rest) {
            let (name, after) = rest.split_at(equals);
            let Some(quoted) = after.strip_prefix(b"=\"") else { return false };
            let Some(end) = end_of_quoted(quoted) else { return false };
            let (found, after) = quoted.split_at(end);
            if name.trim_ascii() == label.as_bytes() {
                return found == value.as_bytes();
            }
            let after = after.strip_prefix(b"\"").unwrap_or(after).trim_ascii_start();
            rest = after.strip_prefix(b",").unwrap_or(after);
        }
        false
    }
}

/// Gives every sample whose name begins with `prefix` to `each`. Other lines are passed over unread.
pub(super) fn each<'a>(text: &'a [u8], prefix: &str, mut each: impl FnMut(Sample<'a>)) {
    let mut begin = 0;
    for end in memchr_iter(b'\n', text).chain([text.len()]) {
        let line = text.get(begin..end).unwrap_or_default();
        begin = end + 1;
        if line.starts_with(prefix.as_bytes())
            && let Some(sample) = sample(line)
        {
            each(sample);
        }
    }
}

fn sample(line: &[u8]) -> Option<Sample<'_>> {
    let end = line.iter().position(|&letter| matches!(letter, b'{' | b' ' | b'\t'))?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix(b"{") {
        Some(rest) => {
            let end = end_of_labels(rest)?;
            (rest.get(..end)?, rest.get(end + 1..)?)
        }
        None => (rest.get(..0)?, rest),
    };
    // A time may follow the number.
    let number = rest.trim_ascii().split(u8::is_ascii_whitespace).next()?;
    let value = str::from_utf8(number).ok()?.parse().ok()?;
    Some(Sample { name, labels, value })
}

/// A name may hold a brace or an escaped quote.
fn end_of_labels(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'}' => return Some(at),
            b'"' => at += 2 + end_of_quoted(text.get(at + 1..)?)?,
            _ => at += 1,
        }
    }
}

fn end_of_quoted(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Returns what is counted in whole things. What is no number of things is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float stops at the ends, and what is not a number becomes 0"
)]
pub(super) fn whole(value: f64) -> u64 {
    value as u64
}

/// Returns a number of requests.
pub(super) fn requests(value: f64) -> u32 {
    u32::try_from(whole(value)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all<'a>(text: &'a str, prefix: &str) -> Vec<(&'a str, f64)> {
        let mut found = Vec::new();
        each(text.as_bytes(), prefix, |sample| {
            found.push((str::from_utf8(sample.name).unwrap(), sample.value));
        });
        found
    }

    #[test]
    fn only_what_was_asked_for_is_read() {
        let text = "# HELP vllm:a what\n# TYPE vllm:a counter\nother 1\nvllm:a{engine=\"0\"} 2.0\nvllm:b 3e2 1700\nvllm:c NaN";

        let found = all(text, "vllm:");

        assert_eq!(found.len(), 3);
        assert_eq!(found[..2], [("vllm:a", 2.0), ("vllm:b", 300.0)]);
        assert_eq!(whole(found[2].1), 0);
    }

    #[test]
    fn a_model_may_be_called_anything() {
        let text = "a{model=\"x} 7 \\\" y\", state=\"awake\"} 1\n";

        let mut seen = Vec::new();
        each(text.as_bytes(), "a", |sample| seen.push(sample));

        assert_eq!(seen.len(), 1);
        assert_eq!(whole(seen[0].value), 1);
        assert!(seen[0].has("state", "awake"));
        assert!(!seen[0].has("state", "asleep"));
        assert!(!seen[0].has("awake", "state"));
    }

    #[test]
    fn what_is_cut_or_damaged_is_passed_over() {
        for text in
            ["a", "a{", "a{x=\"", "a{x=\"1\"}", "a{x=\"\\", "a b", "a{x=1} 2 3\r", "a \u{fe}"]
        {
            let count = all(text, "a").len();
            assert!(count <= 1, "{text}");
        }
        assert_eq!(all("a 1\r\na 2\r\n", "a"), [("a", 1.0), ("a", 2.0)]);
    }

    #[test]
    fn numbers_stop_at_their_ends() {
        assert_eq!(
            (requests(-3.0), requests(1e300), whole(f64::INFINITY)),
            (0, u32::MAX, u64::MAX)
        );
    }
}
