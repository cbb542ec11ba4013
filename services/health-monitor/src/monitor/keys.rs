//! The keys that let the monitor in: fetched when they are first needed, and anew when they are
//! refused.

use std::collections::BTreeMap;
use std::time::Duration;

use phoenix_domain::SecretRef;
use phoenix_domain::chain;
use phoenix_secrets::{SecretError, Secrets};
use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::warn;

/// A key that was refused, or that nobody had, is not asked for sooner than this.
const AGAIN: Duration = Duration::from_mins(1);

/// The keys of services, by where they are kept. No value is ever shown.
pub(super) struct Keys {
    secrets: Secrets,
    held: BTreeMap<SecretRef, Held>,
    fetches: JoinSet<(SecretRef, Result<SecretString, SecretError>)>,
}

/// What is known of one key.
struct Held {
    /// The key, or why it cannot be had, once that is known.
    value: Result<SecretString, Option<String>>,
    asked: Instant,
}

/// How a probe stands with its key.
#[derive(Clone, Debug)]
pub(super) enum Key {
    /// It can be shown.
    Held(SecretString),
    /// It was asked for.
    Coming,
    /// It cannot be had, for this reason.
    Missing(String),
}

impl Keys {
    pub(super) fn new(secrets: Secrets) -> Self {
        Self { secrets, held: BTreeMap::new(), fetches: JoinSet::new() }
    }

    /// Returns how things stand with a key. One that nobody asked for yet is asked for now.
    pub(super) fn get(&mut self, kept: &SecretRef) -> Key {
        match self.held.get(kept).map(|held| &held.value) {
            Some(Ok(value)) => Key::Held(value.clone()),
            Some(Err(Some(why))) => Key::Missing(why.clone()),
            Some(Err(None)) => Key::Coming,
            None => {
                self.fetch(kept);
                Key::Coming
            }
        }
    }

    /// Takes in that a service did not take a key: it may be another one by now.
    pub(super) fn was_refused(&mut self, kept: &SecretRef) {
        if self.held.get(kept).is_some_and(Held::may_be_asked_again) {
            self.fetch(kept);
        }
    }

    /// Asks again for those that could not be had.
    pub(super) fn retry(&mut self) {
        let missing = self.held.iter().filter(|(_, held)| held.value.is_err());
        let due = missing.filter(|(_, held)| held.may_be_asked_again());
        let due: Vec<SecretRef> = due.map(|(kept, _)| kept.clone()).collect();
        for kept in &due {
            self.fetch(kept);
        }
    }

    /// Waits for the answer about a key, and returns which it is; nothing where none is asked for.
    pub(super) async fn next(&mut self) -> Option<SecretRef> {
        loop {
            // What broke down is asked for again by whoever needs it.
            let Ok((kept, fetched)) = self.fetches.join_next().await? else { continue };
            let Some(held) = self.held.get_mut(&kept) else { continue };
            match fetched {
                Ok(value) => held.value = Ok(value),
                Err(err) => {
                    let why = chain(&err);
                    warn!(secret = %kept, %why, "the key of a service cannot be had");
                    // One that let the monitor in a minute ago is better than none.
                    if held.value.is_err() {
                        held.value = Err(Some(why));
                    }
                }
            }
            return Some(kept);
        }
    }

    fn fetch(&mut self, kept: &SecretRef) {
        let (secrets, of) = (self.secrets.clone(), kept.clone());
        self.fetches.spawn(async move {
            let fetched = secrets.fetch_anew(of.name(), of.key()).await;
            (of, fetched)
        });
        let before = self.held.remove(kept).map(|held| held.value);
        let value = before.unwrap_or(Err(None));
        self.held.insert(kept.clone(), Held { value, asked: Instant::now() });
    }
}

impl Held {
    fn may_be_asked_again(&self) -> bool {
        self.asked.elapsed() >= AGAIN
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use phoenix_secrets::Settings;
    use secrecy::ExposeSecret as _;
    use tempfile::TempDir;

    use super::*;

    fn kept() -> SecretRef {
        "secret://phoenix/prod/qdrant#read_only".parse().unwrap()
    }

    fn put(file: &Path, value: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let text = format!(r#"{{ "phoenix/prod/qdrant": {{ "read_only": "{value}" }} }}"#);
        fs::write(file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn keys(folder: &TempDir) -> Keys {
        let file = Some(folder.path().join("secrets.json"));
        Keys::new(Secrets::new(Settings { file, ..Settings::default() }))
    }

    fn shown(key: &Key) -> &str {
        match key {
            Key::Held(value) => value.expose_secret(),
            Key::Coming => "coming",
            Key::Missing(why) => why,
        }
    }

    async fn later(seconds: u64) {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        // Files are read by threads, which the stopped clock would not wait for.
        tokio::time::resume();
    }

    #[tokio::test]
    async fn a_key_is_fetched_when_it_is_needed_and_anew_when_it_is_refused_but_once_a_minute() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("secrets.json");
        let mut keys = keys(&folder);
        put(&file, "first");

        assert_eq!(shown(&keys.get(&kept())), "coming");
        assert_eq!(keys.next().await, Some(kept()));
        assert_eq!(shown(&keys.get(&kept())), "first");
        put(&file, "second");
        keys.was_refused(&kept());
        assert_eq!(keys.next().await, None, "a minute is not over");
        later(61).await;
        keys.was_refused(&kept());
        keys.was_refused(&kept());
        assert_eq!(shown(&keys.get(&kept())), "first", "until there is another one");
        assert_eq!(keys.next().await, Some(kept()));
        assert_eq!(shown(&keys.get(&kept())), "second");
        assert_eq!(keys.next().await, None, "it was asked for once");
    }

    #[tokio::test]
    async fn a_key_that_cannot_be_had_says_why_and_is_asked_for_again() {
        let folder = TempDir::new().unwrap();
        let mut keys = keys(&folder);

        keys.get(&kept());
        assert_eq!(keys.next().await, Some(kept()));
        let missing = keys.get(&kept());
        assert!(
            shown(&missing).contains("nobody has the secret phoenix/prod/qdrant"),
            "{missing:?}"
        );
        keys.retry();
        assert_eq!(keys.next().await, None, "a minute is not over");
        put(&folder.path().join("secrets.json"), "there");
        later(61).await;
        keys.retry();

        assert_eq!(keys.next().await, Some(kept()));
        assert_eq!(shown(&keys.get(&kept())), "there");
        let debug = format!("{:?}", keys.get(&kept()));
        assert!(!debug.contains("there"), "{debug}");
    }
}
