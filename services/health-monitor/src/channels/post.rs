//! What is sent over HTTP, before it is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use zeroize::Zeroizing;

/// What is sent over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What lets the monitor in.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    /// A token.
    Token(SecretString),
    /// `user:password`.
    Basic(SecretString),
}

impl Post {
    /// Makes one of JSON.
    pub(crate) fn json(url: &Url, key: Option<&Key>, body: &serde_json::Value) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = key {
            headers.insert(AUTHORIZATION, key.header());
        }
        Self { url: url.clone(), headers, body: body.to_string().into_bytes() }
    }
}

impl Key {
    /// Returns the header; a key that could be none was refused when it was read.
    fn header(&self) -> HeaderValue {
        let text = match self {
            Self::Token(token) => Zeroizing::new(format!("Bearer {}", token.expose_secret())),
            Self::Basic(both) => {
                let both = Zeroizing::new(STANDARD.encode(both.expose_secret()));
                Zeroizing::new(format!("Basic {}", *both))
            }
        };
        let header = HeaderValue::from_str(&text);
        let mut header = header.unwrap_or_else(|_| HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}
