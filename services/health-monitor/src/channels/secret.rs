//! What of a channel is secret, and stands in a file of its own.

use std::path::Path;

use phoenix_post::Key;
use phoenix_secrets::alone;
use secrecy::{ExposeSecret as _, SecretString};

use super::file::Entry;
use super::webhook::Signing;

/// What is shorter can be guessed: of what is made for us.
pub(super) const SHORTEST: usize = 24;
/// What is shorter cannot be kept out of what is told: of what others gave us.
const SHORTEST_OF_OTHERS: usize = 8;

/// What is said where a secret that signs is none.
pub(super) const HOW_TO_SIGN: &str = "make one: `(umask 077; echo whsec_$(openssl rand -base64 32) > FILE)`, and give it to the receiver";

impl Entry<'_> {
    /// Reads a file that holds one secret.
    pub(super) fn secret(&mut self, key: &'static str, path: &Path) -> Option<SecretString> {
        match alone(path) {
            Ok(secret) => {
                self.secrets.push(secret.clone());
                Some(secret)
            }
            Err(err) => {
                let what = match std::error::Error::source(&err) {
                    Some(cause) => format!("{err}: {cause}"),
                    None => err.to_string(),
                };
                self.refuse(key, &what, &err.advice())
            }
        }
    }

    pub(super) fn signing(&mut self, key: &'static str, path: &Path) -> Option<Signing> {
        let secret = self.secret(key, path)?;
        let at = path.display();
        match Signing::read(&secret) {
            Some((signing, length)) if length >= SHORTEST => Some(signing),
            Some((_, length)) => {
                let what = format!("the secret in {at} has {length} bytes, and needs {SHORTEST}");
                self.refuse(key, &what, HOW_TO_SIGN)
            }
            None => {
                let what = format!("what is in {at} is not `whsec_` and Base64");
                self.refuse(key, &what, HOW_TO_SIGN)
            }
        }
    }

    pub(super) fn token(&mut self) -> Option<Key> {
        let path = self.raw.token_file.clone()?;
        let token = self.secret("token_file", &path)?;
        self.key("token_file", &path, token.expose_secret().trim())?;
        Some(Key::Token(SecretString::from(token.expose_secret().trim())))
    }

    /// Refuses what is too short, or cannot stand in a header.
    pub(super) fn key(&mut self, key: &'static str, path: &Path, secret: &str) -> Option<()> {
        let at = path.display();
        if secret.len() < SHORTEST_OF_OTHERS {
            let length = secret.len();
            let what =
                format!("the secret in {at} has {length} bytes, and needs {SHORTEST_OF_OTHERS}");
            return self.refuse(key, &what, "have the other side make a longer one");
        }
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what =
                format!("the secret in {at} has blanks in it, or letters that are not ASCII");
            return self.refuse(key, &what, "write it on one line, and nothing else");
        }
        Some(())
    }
}
