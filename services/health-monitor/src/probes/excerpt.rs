//! What may be shown of an answer: only what is known to be made for telling what is wrong.

use serde_json::Value;

/// Longer ones are cut.
const MOST: usize = 512;

/// Returns what an answer says of itself: the message of an error, the title of a page, the first line
/// of a text. All the rest may be anybody's business.
pub(super) fn of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..64 * 1024).unwrap_or(body));
    let text = text.trim_start();
    if text.starts_with('{') {
        let Ok(said) = serde_json::from_str(text) else { return String::new() };
        return message(&said).map(cut).unwrap_or_default();
    }
    if text.starts_with('<') {
        let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
        return title.map(|(title, _)| cut(title)).unwrap_or_default();
    }
    text.lines().next().map(cut).unwrap_or_default()
}

/// Servers put it in different places.
fn message(said: &Value) -> Option<&str> {
    ["/error/message", "/status/error", "/error", "/message", "/detail", "/status"]
        .iter()
        .find_map(|place| said.pointer(place)?.as_str())
}

/// Returns the beginning of it in one line.
pub(super) fn cut(text: &str) -> String {
    let mut short = String::new();
    for word in text.split(|letter: char| letter.is_whitespace() || letter.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(word);
        if short.len() > MOST {
            short.truncate(short.floor_char_boundary(MOST));
            break;
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_shows_what_it_says_is_wrong_and_nothing_else() {
        for (body, shown) in [
            (r#"{"error":{"message":"Loading model","code":503}}"#, "Loading model"),
            (
                r#"{"status":{"error":"Not found: Collection `c1`"},"time":1}"#,
                "Not found: Collection `c1`",
            ),
            (r#"{"error":"server busy"}"#, "server busy"),
            (r#"{"choices":[{"text":"what somebody wrote"}]}"#, ""),
            (r#"{"error":"cut"#, ""),
            ("<html>\r\n<head><title>504 Gateway Time-out</title></head>a", "504 Gateway Time-out"),
            ("<p>what somebody wrote</p>", ""),
            ("Must provide an API key\nsecond line", "Must provide an API key"),
            ("\u{1b}[31mred\u{7}", "[31mred"),
        ] {
            assert_eq!(of(body.as_bytes()), shown);
        }
    }

    #[test]
    fn an_excerpt_is_never_longer_than_it_may_be() {
        for text in ["ä".repeat(900), "word ".repeat(900), "x".repeat(511) + "äöü"] {
            let shown = of(text.as_bytes());
            assert!(shown.len() <= MOST && shown.len() > MOST - 8, "{}", shown.len());
        }
    }
}
