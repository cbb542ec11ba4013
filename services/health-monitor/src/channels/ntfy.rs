//! A message on phones, by ntfy.

use phoenix_domain::health::Severity;
use phoenix_post::{Key, Post, cut};
use serde_json::{Value, json};
use url::Url;

use super::letter::{Letter, Occasion};

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
    pub(crate) fn post(&self, letter: &Letter, urgency: Urgency, text: &str) -> Post {
        let Urgency(priority, tag) = urgency;
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

/// How loud a message is, and its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Urgency(pub(crate) u8, &'static str);

impl Urgency {
    /// Returns how loud it is: what is merely more of the same wakes nobody a second time. What is tried
    /// is as loud as what it stands for.
    pub(crate) fn of(occasion: Occasion, severity: Severity) -> Self {
        match (occasion, severity) {
            (Occasion::Over | Occasion::Missed, _) => Self(3, "white_check_mark"),
            (Occasion::Test, severity) => Self(Self::of(Occasion::First, severity).0, "test_tube"),
            (Occasion::More, Severity::Page) => Self(3, "rotating_light"),
            (Occasion::More, Severity::Warn) => Self(3, "warning"),
            (Occasion::More, Severity::Notice | Severity::Info) => Self(2, "information_source"),
            (Occasion::First | Occasion::Reminder | Occasion::Digest, severity) => match severity {
                Severity::Page => Self(5, "rotating_light"),
                Severity::Warn => Self(4, "warning"),
                Severity::Notice | Severity::Info => Self(3, "information_source"),
            },
        }
    }
}

fn tags(letter: &Letter, tag: &str) -> Vec<String> {
    let guests = letter.guests.iter().take(3).map(|guest| guest.vmid.to_string());
    let words = [tag.to_owned(), letter.severity.clone(), letter.reason.clone()];
    words.into_iter().filter(|word| !word.is_empty()).chain(guests).collect()
}
