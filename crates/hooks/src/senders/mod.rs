//! How each sender says what it says: one file a sender, or a family of them.

mod bitbucket_cloud;
mod bitbucket_data_center;
mod gitea;
mod github;
mod gitlab;
mod listed;
mod own;
mod proxmox;

use http::HeaderName;
use phoenix_domain::Refused;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::delivery::Kind;
use crate::form::Media;
use crate::proof::ID;
use crate::provider::Provider;
use crate::push::Push;

/// How a sender wraps up what it says.
pub(crate) struct Manner {
    /// The header that says what is told; none where the body does.
    pub(crate) event: Option<HeaderName>,
    /// The headers that may name the delivery, the one that counts most first.
    pub(crate) delivery: Vec<HeaderName>,
    /// Whether a delivery may be without such a name.
    pub(crate) may_have_no_id: bool,
    /// What a body may be.
    pub(crate) takes: &'static [Media],
    /// The same in words.
    pub(crate) wanted: &'static str,
    /// Whether it may come as a form.
    pub(crate) has_forms: bool,
    /// Whether of a form what it wraps up is signed, and not the form itself.
    pub(crate) signs_payload: bool,
    /// Reads the body.
    pub(crate) read: fn(&Said<'_>) -> Result<Kind, Unreadable>,
}

/// What a sender has said, and shown to be its own.
pub(crate) struct Said<'a> {
    pub(crate) event: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) media: &'a Media,
}

/// Why a body says nothing that could be understood. What it says is not shown.
#[derive(Debug, Error)]
pub(crate) enum Unreadable {
    #[error("it is no JSON (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error("it has not the form of this event of this sender{} (line {line}, column {column})", .missing.as_ref().map_or_else(String::new, |field| format!(": `{field}` is missing")))]
    Shape { missing: Option<String>, line: usize, column: usize },
    #[error("it is no text")]
    NotText,
    #[error("`{field}` is missing")]
    Missing { field: &'static str },
    #[error("`{field}` is not {}", .refused.wanted)]
    Value { field: &'static str, refused: Refused },
}

impl Manner {
    /// Returns how a provider does it.
    pub(crate) fn of(provider: &Provider) -> Self {
        match provider {
            Provider::Github => Self {
                has_forms: true,
                ..Self::forge("x-github-event", "x-github-delivery", github::read)
            },
            Provider::Gitlab => {
                let manner = Self::forge("x-gitlab-event", "idempotency-key", gitlab::read);
                // The same as the other, but signed where anything is. Old ones have neither.
                let delivery = [ID.clone()].into_iter().chain(manner.delivery).collect();
                Self { delivery, may_have_no_id: true, ..manner }
            }
            Provider::Gitea => Self {
                has_forms: true,
                signs_payload: true,
                ..Self::forge("x-gitea-event", "x-gitea-delivery", gitea::read)
            },
            Provider::Forgejo => Self {
                has_forms: true,
                signs_payload: true,
                ..Self::forge("x-forgejo-event", "x-forgejo-delivery", gitea::read)
            },
            Provider::BitbucketCloud => {
                Self::forge("x-event-key", "x-request-uuid", bitbucket_cloud::read)
            }
            Provider::BitbucketDataCenter => {
                Self::forge("x-event-key", "x-request-id", bitbucket_data_center::read)
            }
            Provider::StandardWebhooks => {
                Self { delivery: vec![ID.clone()], ..Self::bare(own::read) }
            }
            Provider::GenericHmac(generic) => Self {
                delivery: generic.delivery.iter().cloned().collect(),
                ..Self::bare(own::read)
            },
            Provider::Proxmox => Self {
                takes: &[Media::Json, Media::Text, Media::Unsaid],
                wanted: "application/json or text/plain",
                ..Self::bare(proxmox::read)
            },
        }
    }

    fn forge(
        event: &'static str,
        delivery: &'static str,
        read: fn(&Said<'_>) -> Result<Kind, Unreadable>,
    ) -> Self {
        Self {
            event: Some(HeaderName::from_static(event)),
            delivery: vec![HeaderName::from_static(delivery)],
            ..Self::bare(read)
        }
    }

    fn bare(read: fn(&Said<'_>) -> Result<Kind, Unreadable>) -> Self {
        Self {
            event: None,
            delivery: Vec::new(),
            may_have_no_id: false,
            takes: &[Media::Json],
            wanted: "application/json",
            has_forms: false,
            signs_payload: false,
            read,
        }
    }
}

impl Said<'_> {
    fn json<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        serde_json::from_slice(self.body).map_err(|err| {
            let (line, column) = (err.line(), err.column());
            // The text of the error itself would show what the body says.
            if err.is_data() {
                // What is missing is named by us.
                let text = err.to_string();
                let missing =
                    text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
                Unreadable::Shape { missing: missing.map(str::to_owned), line, column }
            } else {
                Unreadable::NotJson { line, column }
            }
        })
    }

    /// What is sent for something that nobody here asked for.
    fn ignored(&self) -> Kind {
        Kind::Ignored { why: format!("`{}` starts nothing here; pushes do", self.event) }
    }
}

/// Says of which field a value is refused.
fn of<T>(field: &'static str, read: Result<T, Refused>) -> Result<T, Unreadable> {
    read.map_err(|refused| Unreadable::Value { field, refused })
}

/// Returns what was moved, of all that a sender tells at once.
fn moved(pushes: Vec<Push>) -> Kind {
    if pushes.is_empty() { other_ref() } else { Kind::Pushes(pushes) }
}

/// What is neither a branch nor a tag is deployed nowhere.
fn other_ref() -> Kind {
    Kind::Ignored { why: "neither a branch nor a tag was moved".to_owned() }
}
