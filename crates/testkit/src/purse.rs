//! Secrets of a test, in place of those who have the real ones.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "what cannot be set up should stop the test"
)]

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};

use phoenix_domain::{SecretRef, Verdict};
use phoenix_hypervisor::{Kept, NotGiven, Opening, Vault};

/// Some secrets. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Purse {
    secrets: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Purse {
    /// Keeps a value there: `secret://a/b`.
    pub fn put(&self, secret: &str, value: &str) {
        self.secrets.lock().unwrap().insert(secret.to_owned(), value.to_owned());
    }

    /// Loses all of them.
    pub fn lose(&self) {
        self.secrets.lock().unwrap().clear();
    }
}

impl Vault for Purse {
    fn open<'v>(&'v self, secret: &'v SecretRef) -> Opening<'v> {
        let value = self.secrets.lock().unwrap().get(&secret.to_string()).cloned();
        Box::pin(async move {
            let Some(value) = value else {
                return Err(NotGiven {
                    why: "it was lost".to_owned(),
                    advice: "put it there".to_owned(),
                    verdict: Verdict::AskHuman,
                });
            };
            let mut hash = DefaultHasher::new();
            value.hash(&mut hash);
            Ok(Kept { digest: format!("{:x}", hash.finish()), value: value.into() })
        })
    }
}
