//! What the notifications of Proxmox say. Their operator writes the body, so it is text for people; a
//! body that is JSON has `title`, `message` and `severity`.

use serde::Deserialize;

use super::{Said, Unreadable};
use crate::delivery::{Kind, Note};
use crate::form::Media;

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    severity: Option<String>,
}

pub(super) fn read(said: &Said<'_>) -> Result<Kind, Unreadable> {
    match said.media {
        Media::Json => {
            let Payload { title, message, severity } = said.json()?;
            Ok(Kind::Note(Note { title, message, severity }))
        }
        Media::Form | Media::Text | Media::Unsaid | Media::Other(_) => {
            let text = std::str::from_utf8(said.body).map_err(|_| Unreadable::NotText)?;
            Ok(Kind::Note(Note { message: Some(text.to_owned()), ..Note::default() }))
        }
    }
}
