//! Gives the drivers the secrets of this host.

use phoenix_domain::chain;
use phoenix_hypervisor::{Kept, NotGiven, Opening, Vault};
use phoenix_secrets::{Salt, Secrets};

use phoenix_domain::SecretRef;

/// The secrets of this host, and what tells one value from another here.
#[derive(Debug)]
pub(crate) struct Safe {
    pub(crate) secrets: Secrets,
    pub(crate) salt: Salt,
}

impl Vault for Safe {
    fn open<'v>(&'v self, secret: &'v SecretRef) -> Opening<'v> {
        Box::pin(async move {
            let value = self.secrets.fetch(secret.name(), secret.key()).await;
            let value = value.map_err(|err| NotGiven {
                why: chain(&err),
                advice: err.advice(),
                verdict: err.verdict(),
            })?;
            let digest = self.salt.digest(&value).to_string();
            Ok(Kept { value, digest })
        })
    }
}
