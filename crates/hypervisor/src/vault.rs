//! Where the values of secrets come from, as the drivers ask for them. Who has them is not known
//! here.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use phoenix_domain::{Facets, GuestSpec, SecretRef, Verdict};
use secrecy::SecretString;
use thiserror::Error;
use tokio::time::timeout;
use tracing::warn;

use crate::HostError;
use crate::library::Library;

/// How long a look waits for the vault. It can do without; nobody waits for it half a minute.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the hash of a machine's user is called among its secrets. No guest can call one of its own so.
pub(crate) const PASSWORD: &str = "password of the user";

/// A value, and what tells it from the one before.
pub struct Kept {
    /// The value.
    pub value: SecretString,
    /// Another one for each value, and nothing that says anything about it.
    pub digest: String,
}

/// Why a value was not given.
#[derive(Clone, Debug, Error)]
#[error("{why}")]
pub struct NotGiven {
    /// Why.
    pub why: String,
    /// What a human can do.
    pub advice: String,
    /// Whether asking again may help.
    pub verdict: Verdict,
}

/// What a vault is about to answer.
pub type Opening<'v> = Pin<Box<dyn Future<Output = Result<Kept, NotGiven>> + Send + 'v>>;

/// Has the values of secrets.
pub trait Vault: Debug + Send + Sync {
    /// Returns the value that is kept there.
    fn open<'v>(&'v self, secret: &'v SecretRef) -> Opening<'v>;
}

/// The secrets of a guest, as far as they were given, by the names under which it asks for them.
#[derive(Default)]
pub(crate) struct Opened(BTreeMap<Box<str>, Kept>);

impl Opened {
    /// Returns the digest of a value; nothing where it was not given.
    pub(crate) fn digest(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|kept| kept.digest.as_str())
    }

    /// Returns a value; nothing where it was not given.
    pub(crate) fn value(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name).map(|kept| &kept.value)
    }

    /// Returns the values, each with its name.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.0.iter().map(|(name, kept)| (&**name, &kept.value))
    }
}

impl FromIterator<(Box<str>, Kept)> for Opened {
    fn from_iter<I: IntoIterator<Item = (Box<str>, Kept)>>(kept: I) -> Self {
        Self(kept.into_iter().collect())
    }
}

impl Library {
    /// Returns the secrets of a guest for a look this close. One that is not given now is taken to
    /// be what it was: a guest that is as desired must not need the vault.
    pub(crate) async fn glimpse(
        &self,
        want: &GuestSpec,
        secrets: &BTreeMap<Box<str>, SecretRef>,
        facets: Facets,
    ) -> Opened {
        let mut opened = Opened::default();
        if facets != Facets::Inside {
            return opened;
        }
        for (name, secret) in secrets {
            match timeout(PATIENCE, self.give(name, secret)).await {
                Ok(Ok(kept)) => drop(opened.0.insert(name.clone(), kept)),
                Ok(Err(err)) => {
                    warn!(vmid = %want.vmid, %err, "whether a secret has changed is not known");
                }
                Err(_) => {
                    warn!(vmid = %want.vmid, %secret, "whether a secret has changed is not known: no answer");
                    // The others would have to wait as long.
                    return opened;
                }
            }
        }
        opened
    }

    /// Returns these secrets, all of them.
    pub(crate) async fn open(
        &self,
        secrets: &BTreeMap<Box<str>, SecretRef>,
    ) -> Result<Opened, HostError> {
        let mut opened = Opened::default();
        for (name, secret) in secrets {
            opened.0.insert(name.clone(), self.give(name, secret).await?);
        }
        Ok(opened)
    }

    async fn give(&self, name: &str, secret: &SecretRef) -> Result<Kept, HostError> {
        let given = match &self.vault {
            Some(vault) => vault.open(secret).await,
            None => Err(NotGiven {
                why: "this worker has no secrets".to_owned(),
                advice: "take the secret out of the guest".to_owned(),
                verdict: Verdict::AskHuman,
            }),
        };
        given.map_err(|err| HostError::NotGiven {
            name: name.to_owned(),
            secret: secret.clone(),
            err: Box::new(err),
        })
    }
}
