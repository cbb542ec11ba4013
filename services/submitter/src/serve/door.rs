//! The door of the page: who knows the token signs in, and acts by a session of their own.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use phoenix_secrets::alone;
use rustix::rand::{GetRandomFlags, getrandom};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::pace::Pace;
use crate::error::CommandError;
use crate::words;

/// What is shorter can be guessed.
const SHORTEST: usize = 16;
/// How long a session lasts.
pub(super) const LASTS: Duration = Duration::from_hours(12);
/// How many sessions there are at most; the one that ends first makes room.
const MOST: usize = 1000;
/// How often a second somebody may try to sign in, whoever they are.
const STEADY: f64 = 0.1;
/// How often at once, where nobody has tried for a while.
const BURST: f64 = 10.0;
/// How long the name of a person may be.
const LONGEST_NAME: usize = 64;
/// The cookie that holds a session.
pub(super) const SESSION: &str = "phoenix-session";

/// What is only kept as its hash, so that it is found, and compared, without telling anything by the
/// time that takes.
type Hash = [u8; 32];

/// Who may come in, and who is in.
pub(super) struct Door {
    token: Hash,
    /// Whether one has to be in to read, too.
    pub(super) guards_reading: bool,
    sessions: Mutex<HashMap<Hash, Visitor>>,
    pace: Pace,
}

/// Somebody who has signed in.
#[derive(Clone)]
pub(super) struct Visitor {
    /// As they call themselves.
    pub(super) name: String,
    /// What their own page sends with all that it does, and no other page knows.
    pub(super) proof: String,
    until: Instant,
}

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotLetIn {
    /// The token is another one.
    WrongToken,
    /// The name is none that others could read in the log.
    BadName,
    /// There were too many attempts; the next one may be made so much later.
    TooFast(Duration),
    /// The system gives no random numbers.
    NoLuck,
}

impl Door {
    /// Reads the token from its file.
    pub(super) fn read(path: &Path, guards_reading: bool) -> Result<Self, CommandError> {
        let token = alone(path).map_err(|err| CommandError::TokenRefused {
            why: err.to_string(),
            advice: err.advice(),
        })?;
        let bytes = token.expose_secret().len();
        if bytes < SHORTEST {
            let why =
                format!("the token in {} has {bytes} bytes, and needs {SHORTEST}", path.display());
            let advice = format!("make one: `openssl rand -hex 32 > {}`", path.display());
            return Err(CommandError::TokenRefused { why, advice });
        }
        Ok(Self::of(token.expose_secret(), guards_reading))
    }

    fn of(token: &str, guards_reading: bool) -> Self {
        let pace = Pace::new(STEADY, BURST);
        Self { token: hash(token), guards_reading, sessions: Mutex::default(), pace }
    }

    /// Lets somebody in who knows the token; returns what their cookie holds.
    pub(super) fn sign_in(&self, name: &str, token: &str) -> Result<(String, Visitor), NotLetIn> {
        if let Some(wait) = self.pace.is_too_fast() {
            return Err(NotLetIn::TooFast(wait));
        }
        let is_right: bool = hash(token).ct_eq(&self.token).into();
        if !is_right {
            return Err(NotLetIn::WrongToken);
        }
        let name = name.trim();
        if name.is_empty() || words::line(name) != name || name.chars().count() > LONGEST_NAME {
            return Err(NotLetIn::BadName);
        }
        let (Some(session), Some(proof)) = (random(), random()) else {
            return Err(NotLetIn::NoLuck);
        };
        let visitor = Visitor { name: name.to_owned(), proof, until: Instant::now() + LASTS };
        let mut sessions = self.sessions();
        sessions.retain(|_, visitor| visitor.is_in());
        if sessions.len() >= MOST {
            let first = sessions.iter().min_by_key(|(_, visitor)| visitor.until);
            let first = first.map(|(session, _)| *session);
            first.and_then(|session| sessions.remove(&session));
        }
        sessions.insert(hash(&session), visitor.clone());
        Ok((session, visitor))
    }

    /// Ends the session of whoever sent this.
    pub(super) fn sign_out(&self, headers: &HeaderMap) {
        if let Some(session) = session(headers) {
            self.sessions().remove(&hash(session));
        }
    }

    /// Returns who sent this, where they are in.
    pub(super) fn visitor(&self, headers: &HeaderMap) -> Option<Visitor> {
        let session = hash(session(headers)?);
        self.sessions().get(&session).filter(|visitor| visitor.is_in()).cloned()
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<Hash, Visitor>> {
        // What is in it was whole before anything broke.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visitor {
    fn is_in(&self) -> bool {
        Instant::now() < self.until
    }

    /// Says whether this is their proof.
    pub(super) fn proves(&self, sent: &[u8]) -> bool {
        self.proof.as_bytes().ct_eq(sent).into()
    }
}

/// Returns the session that a browser sends.
fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut each = cookies.flat_map(|cookies| cookies.split(';'));
    each.find_map(|cookie| cookie.trim().strip_prefix(SESSION)?.strip_prefix('='))
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}

/// Returns 256 bits that nobody can guess.
fn random() -> Option<String> {
    let mut bytes = [0_u8; 32];
    let filled = getrandom(&mut bytes, GetRandomFlags::empty()).ok()?;
    (filled == bytes.len()).then(|| words::hex(&bytes))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn with(session: &str) -> HeaderMap {
        let cookie = HeaderValue::try_from(format!("other=1; {SESSION}={session}")).unwrap();
        HeaderMap::from_iter([(COOKIE, cookie)])
    }

    #[test]
    fn who_knows_the_token_is_in_until_they_sign_out() {
        let door = Door::of(TOKEN, false);

        let (session, visitor) = door.sign_in(" kim ", TOKEN).unwrap();

        assert_eq!((session.len(), visitor.name.as_str()), (64, "kim"));
        let known = door.visitor(&with(&session)).unwrap();
        assert!(known.proves(visitor.proof.as_bytes()) && !known.proves(session.as_bytes()));
        assert!(door.visitor(&with(&visitor.proof)).is_none());
        door.sign_out(&with(&session));
        assert!(door.visitor(&with(&session)).is_none());
    }

    #[test]
    fn who_guesses_is_not_let_in_and_soon_not_heard_any_more_even_with_the_right_one() {
        let door = Door::of(TOKEN, false);

        let refused = |name: &str, token: &str| door.sign_in(name, token).map(drop).unwrap_err();

        assert_eq!(refused("kim", "0123456789abcdeF"), NotLetIn::WrongToken);
        for name in ["", "  ", "a\nb", "a\u{1b}[2Jb", &"x".repeat(65)] {
            assert_eq!(refused(name, TOKEN), NotLetIn::BadName, "{name:?}");
        }
        for _ in 0..4 {
            assert_eq!(refused("kim", ""), NotLetIn::WrongToken);
        }
        assert!(matches!(refused("kim", TOKEN), NotLetIn::TooFast(_)));
    }

    #[test]
    fn a_session_that_has_lasted_long_enough_is_over() {
        let door = Door::of(TOKEN, false);
        let (session, _) = door.sign_in("kim", TOKEN).unwrap();

        for visitor in door.sessions().values_mut() {
            visitor.until = Instant::now();
        }

        assert!(door.visitor(&with(&session)).is_none());
    }
}
