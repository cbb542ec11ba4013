//! What is sent over HTTP, before it is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use zeroize::Zeroizing;

/// What is sent over HTTP.
#[derive(Clone, Debug)]
pub struct Post {
    /// To where.
    pub url: Url,
    /// What is said about it.
    pub headers: HeaderMap,
    /// What is said.
    pub body: Vec<u8>,
}

/// What lets us in.
#[derive(Clone, Debug)]
pub enum Key {
    /// A token.
    Token(SecretString),
    /// `user:password`.
    Basic(SecretString),
    /// A token in a header that the other side has for it, behind a word of its own.
    Named(HeaderName, &'static str, SecretString),
}

impl Post {
    /// Makes one of JSON.
    pub fn json(url: &Url, key: Option<&Key>, body: &serde_json::Value) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = key {
            let (name, value) = key.header();
            headers.insert(name, value);
        }
        Self { url: url.clone(), headers, body: body.to_string().into_bytes() }
    }
}

impl Key {
    /// Returns the header; a key that could be none was refused when it was read.
    fn header(&self) -> (HeaderName, HeaderValue) {
        let (name, text) = match self {
            Self::Token(token) => (AUTHORIZATION, format!("Bearer {}", token.expose_secret())),
            Self::Basic(both) => {
                let both = Zeroizing::new(STANDARD.encode(both.expose_secret()));
                (AUTHORIZATION, format!("Basic {}", *both))
            }
            Self::Named(name, word, token) => {
                (name.clone(), format!("{word}{}", token.expose_secret()))
            }
        };
        let text = Zeroizing::new(text);
        let header = HeaderValue::from_str(&text);
        let mut header = header.unwrap_or_else(|_| HeaderValue::from_static(""));
        header.set_sensitive(true);
        (name, header)
    }
}
