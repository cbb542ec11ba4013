//! Tells whether a secret has changed, without keeping it.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit as _, Mac as _};
use rustix::rand::{GetRandomFlags, getrandom};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::files::{Audience, FileError, read};

/// The name of the file in the folder of state.
const FILE: &str = "secrets.salt";

/// Its length in bytes.
const LENGTH: usize = 32;

/// What is mixed into every digest of this host, so that a digest that is seen elsewhere says nothing,
/// not even to somebody who guesses.
#[derive(Clone)]
pub struct Salt(Zeroizing<[u8; LENGTH]>);

/// What remains of a value: on one host the same value has the same digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

/// Why there is no salt.
#[derive(Debug, Error)]
pub enum SaltError {
    /// It is there, and must not be used.
    #[error("the salt of this host cannot be used")]
    Unusable(#[source] FileError),
    /// It is there, and no salt.
    #[error("{} has not {LENGTH} bytes", path.display())]
    Short {
        /// Where it is.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error("cannot make {}", path.display())]
    NotMade {
        /// Where it should be.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
}

impl SaltError {
    /// Returns what a human can do.
    pub fn advice(&self) -> String {
        match self {
            Self::Unusable(err) => err.advice(),
            Self::Short { path } => format!(
                "`rm {}`: a new one is made, and what depends on secrets is applied once more",
                path.display()
            ),
            Self::NotMade { .. } => "name another folder: `--state-dir DIR`".to_owned(),
        }
    }
}

impl Salt {
    /// Returns the salt that this folder of state holds. Where there is none yet it is made, once.
    pub fn open(state_dir: &Path) -> Result<Self, SaltError> {
        let path = state_dir.join(FILE);
        if let Some(salt) = Self::read(&path)? {
            return Ok(salt);
        }
        make(state_dir, &path).map_err(|err| SaltError::NotMade { path: path.clone(), err })?;
        // Not the one just made, if somebody else was quicker.
        Self::read(&path)?.ok_or_else(|| SaltError::NotMade {
            path,
            err: io::Error::from(io::ErrorKind::NotFound),
        })
    }

    /// Returns the digest of a value.
    pub fn digest(&self, value: &SecretString) -> Digest {
        // As HMAC does it with a key that is shorter than a block.
        let mut key = Zeroizing::new([0_u8; 64]);
        for (to, from) in key.iter_mut().zip(self.0.iter()) {
            *to = *from;
        }
        let mut mac = Hmac::<Sha256>::new((&*key).into());
        mac.update(value.expose_secret().as_bytes());
        let bytes = mac.finalize().into_bytes();
        let digit = |four: u8| char::from_digit(u32::from(four), 16);
        Digest(
            bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).flatten().collect(),
        )
    }

    fn read(path: &Path) -> Result<Option<Self>, SaltError> {
        let Some(bytes) = read(path, Audience::Nobody).map_err(SaltError::Unusable)? else {
            return Ok(None);
        };
        let salt = <[u8; LENGTH]>::try_from(bytes.as_slice());
        let salt = salt.map_err(|_| SaltError::Short { path: path.to_owned() })?;
        Ok(Some(Self(Zeroizing::new(salt))))
    }
}

/// Makes the file whole or not at all, and never over another.
fn make(folder: &Path, path: &Path) -> io::Result<()> {
    let (mut salt, mut suffix) = (Zeroizing::new([0; LENGTH]), [0; 8]);
    fill(&mut *salt)?;
    fill(&mut suffix)?;
    // Nobody else's, not even that of somebody who was killed here.
    let unfinished = folder.join(format!("{FILE}.{:016x}", u64::from_ne_bytes(suffix)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    let written = file.write_all(&*salt).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(&unfinished, path) {
        Err(err) if err.kind() != io::ErrorKind::AlreadyExists => Err(err),
        Err(_) | Ok(()) => Ok(()),
    });
    fs::remove_file(&unfinished)?;
    linked?;
    // The name is on disk, too, before anything is told that depends on it.
    File::open(folder)?.sync_all()
}

fn fill(bytes: &mut [u8]) -> io::Result<()> {
    let filled = getrandom(&mut *bytes, GetRandomFlags::empty())?;
    if filled == bytes.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

impl Digest {
    /// Returns it as text: 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt")
    }
}
