//! The chain over real files and real HTTP.

mod aws;
mod chain;
mod check;
mod digest;
mod files;
mod leaks;
mod stub;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
use phoenix_domain::SecretName;
use secrecy::{ExposeSecret as _, SecretString};

use crate::aws::{Clock, Source};
use crate::{Aws, SecretError, Secrets};

/// A clock that goes when it is told to.
#[derive(Clone)]
struct Watch(Arc<Mutex<Instant>>);

impl Watch {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn forward(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Arc::new(move || *now.lock().unwrap())
    }
}

/// Returns how the service at this address is asked, without waiting between attempts.
fn at(endpoint: &str) -> Aws {
    Aws {
        region: Some("eu-central-1".to_owned()),
        endpoint: Some(endpoint.to_owned()),
        pause: Duration::from_millis(1),
        attempts: 3,
        ..Aws::default()
    }
}

/// Returns the service, asked with credentials that are nobody's.
fn source(settings: Aws, watch: &Watch) -> Source {
    let keys = Credentials::new(
        "AKIAEXAMPLE",
        "canary-of-the-access-key",
        Some("canary-of-the-session".to_owned()),
        None,
        "a test",
    );
    Source::new(settings, watch.clock(), Some(SharedCredentialsProvider::new(keys)))
}

/// Returns a chain of nothing but AWS.
fn only(settings: Aws, watch: &Watch) -> Secrets {
    Secrets::with(Some(source(settings, watch)), None, None, Vec::new())
}

fn name(text: &str) -> SecretName {
    text.parse().or_else(|_| format!("secret://{text}").parse()).unwrap()
}

async fn fetched(secrets: &Secrets, text: &str) -> Result<String, SecretError> {
    secrets.fetch(&name(text), None).await.map(|value| exposed(&value))
}

fn exposed(value: &SecretString) -> String {
    value.expose_secret().to_owned()
}

/// Writes a file with this mode.
fn put(folder: &Path, file: &str, text: &str, mode: u32) -> PathBuf {
    let path = folder.join(file);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}
