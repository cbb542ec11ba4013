//! A message in a room of Slack, or of what takes the same. An incoming webhook is told no name for what
//! it has posted, so that nothing can be answered in a thread or changed later.

use phoenix_post::{Post, cut};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use url::Url;

/// Slack takes ten times as much, and folds it away.
const LONGEST: usize = 3900;

/// A room, which is known by the address that posts into it.
#[derive(Clone, Debug)]
pub(crate) struct Slack {
    pub(crate) url: SecretString,
}

impl Slack {
    /// Returns a message as it is posted; nothing where the address is none, which is refused before.
    pub(crate) fn post(&self, text: &str) -> Option<Post> {
        let url = Url::parse(self.url.expose_secret().trim()).ok()?;
        Some(Post::json(&url, None, &json!({ "text": closed(cut(text, LONGEST)) })))
    }
}

/// Returns a text in which what is set apart ends, where it was cut off.
fn closed(text: &str) -> String {
    let is_open = text.matches("```").count() % 2 == 1;
    if is_open { format!("{text}\n```") } else { text.to_owned() }
}
