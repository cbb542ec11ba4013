//! A message on phones, by ntfy.

use phoenix_domain::health::Severity;
use serde_json::{Value, json};
use url::Url;

use super::letter::{Letter, Occasion, cut};
use super::post::{Key, Post};

/// A longer text becomes an attachment that nobody opens at night.
const LONGEST: usize = 4000;
/// The longest title phones show.
const TITLE: usize = 200;

/// A topic of an ntfy server.
#[derive(Clone, Debug)]
pub(crate) struct Ntfy {
    pub(crate) server: Url,
    pub(crate) topic: String,
    pub(crate) key: Option<Key>,
}

impl Ntfy {
    /// Returns a message as it is posted.
    pub(crate) fn post(&self, letter: &Letter, severity: Severity, text: &str) -> Post {
        let (priority, tag) = urgency(letter.occasion, severity);
        let mut message = json!({
            "topic": self.topic,
            "title": cut(&letter.title, TITLE),
            "message": cut(text, LONGEST),
            "priority": priority,
            "tags": tags(letter, tag),
        });
        if let (Some(link), Some(message)) = (&letter.link, message.as_object_mut()) {
            message.insert("click".to_owned(), Value::from(link.as_str()));
            let view = json!([{ "action": "view", "label": "See the incident", "url": link }]);
            message.insert("actions".to_owned(), view);
        }
        Post::json(&self.server, self.key.as_ref(), &message)
    }
}

/// Returns how loud it is: what is merely more of the same wakes nobody a second time.
fn urgency(occasion: Occasion, severity: Severity) -> (u8, &'static str) {
    match (occasion, severity) {
        (Occasion::First, Severity::Page) => (5, "rotating_light"),
        (Occasion::First, Severity::Warn) => (4, "warning"),
        (Occasion::First, Severity::Notice | Severity::Info) => (3, "information_source"),
        (Occasion::More, Severity::Page) => (3, "rotating_light"),
        (Occasion::More, Severity::Warn) => (3, "warning"),
        (Occasion::More, Severity::Notice | Severity::Info) => (2, "information_source"),
        (Occasion::Over | Occasion::Missed, _) => (3, "white_check_mark"),
        (Occasion::Test, _) => (3, "test_tube"),
    }
}

fn tags(letter: &Letter, tag: &str) -> Vec<String> {
    let guests = letter.guests.iter().take(3).map(|guest| guest.vmid.to_string());
    [tag.to_owned(), letter.severity.clone(), letter.reason.clone()]
        .into_iter()
        .chain(guests)
        .collect()
}
