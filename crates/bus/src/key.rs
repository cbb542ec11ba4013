//! A key: who has its seed is let in as a role. A server knows the public half alone.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nkeys::{KeyPair, KeyPairType};

use crate::error::BusError;
use crate::role::Role;

/// What a seed begins with that is one of a user.
const SEED: &str = "SU";
/// What the line begins with that says whose key it is.
const ROLE: &str = "# role: ";

/// A key of a role.
pub struct Key {
    role: Option<Role>,
    pair: KeyPair,
}

impl Key {
    /// Makes a new one.
    pub fn make(role: Role) -> Self {
        Self { role: Some(role), pair: KeyPair::new(KeyPairType::User) }
    }

    /// Reads the one in a file, which nobody else may read.
    pub fn read(path: &Path) -> Result<Self, BusError> {
        let unusable = |err| BusError::BadCredentials { path: path.display().to_string(), err };
        let text = read_own(path).map_err(unusable)?;
        Self::parse(&text).map_err(|err| unusable(io::Error::other(err)))
    }

    /// Reads what [`Key::text`] wrote, or any file with the seed of a user.
    fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().map(str::trim);
        let seed = lines.clone().find(|line| line.starts_with(SEED));
        let seed = seed.ok_or("it has no line with the seed of a user, which begins with SU")?;
        // What is wrong with it is not told with its text.
        let pair = KeyPair::from_seed(seed).map_err(|_| "its seed is none")?;
        let role = lines.find_map(|line| line.strip_prefix(ROLE)).map(str::parse).transpose()?;
        Ok(Self { role, pair })
    }

    /// Returns the text of its file: the role, which says under what its answers come, and the seed.
    pub fn text(&self) -> Result<String, BusError> {
        let seed = self.pair.seed().map_err(|err| BusError::failed("writing a key")(err.into()))?;
        let role = self.role.as_ref().map(|role| format!("{ROLE}{role}\n")).unwrap_or_default();
        Ok(format!(
            "# A key for NATS. Who has it is let in with it: keep it to yourself.\n{role}{seed}\n"
        ))
    }

    /// Returns what a server knows it by.
    pub fn public(&self) -> String {
        self.pair.public_key()
    }

    /// Returns whose it is, where its file says so.
    pub fn role(&self) -> Option<&Role> {
        self.role.as_ref()
    }

    pub(crate) fn seed(&self) -> Result<String, BusError> {
        self.pair.seed().map_err(|err| BusError::failed("reading a key")(err.into()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("role", &self.role).finish_non_exhaustive()
    }
}

/// Reads a file that is its owner's alone.
fn read_own(path: &Path) -> io::Result<String> {
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let why = format!("others may read it (mode {mode:o}): `chmod 600 {}`", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    std::fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_shows_no_seed() {
        let key = Key::make(Role::Worker("pve1".parse().unwrap()));
        let text = key.text().unwrap();

        let read = Key::parse(&text).unwrap();

        assert_eq!((read.public(), read.role()), (key.public(), key.role()));
        assert!(!format!("{read:?}").contains(&key.seed().unwrap()), "{read:?}");
    }

    #[test]
    fn a_seed_that_others_wrote_is_a_key_without_a_role() {
        let seed = Key::make(Role::Watcher).seed().unwrap();
        assert_eq!(Key::parse(&format!("{seed}\n")).unwrap().role(), None);
    }

    #[test]
    fn what_is_no_key_is_refused_without_its_text() {
        for bad in ["", "SUsecret", "# role: watcher\n", "SAAMH6F"] {
            let err = Key::parse(bad).unwrap_err();
            assert!(!err.contains("secret"), "{err}");
        }
    }
}
