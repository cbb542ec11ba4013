//! What Cloud-Init in a virtual machine is told at its first boot.
//!
//! Three texts, as Cloud-Init wants them. They are JSON, which every reader of YAML reads, so that no
//! value of anybody's can become a key. The same spec gives the same texts, to the byte.

mod error;
mod hash;
mod meta;
mod network;
mod user;

use std::fmt::{self, Write as _};

use phoenix_domain::GuestSpec;
use secrecy::SecretString;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub use self::error::SeedError;

/// What the first line of user-data is: with anything else there, Cloud-Init ignores all of it.
const FIRST_LINE: &str = "#cloud-config\n";
/// How many digits of the digest tell one seed from another.
const DIGITS: usize = 16;

/// What Cloud-Init in a machine is told.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed {
    /// `user-data`: users, packages, mounts. It may hold the hash of a password.
    pub user: String,
    /// `network-config`.
    pub network: String,
    /// `meta-data`: who it is.
    pub meta: String,
    instance: String,
}

impl Seed {
    /// Makes the seed of a machine. The hash of its user's password is no part of its spec, and the
    /// domain its host has is one of the host.
    pub fn of(
        want: &GuestSpec,
        password_hash: Option<&SecretString>,
        domain: Option<&str>,
    ) -> Result<Self, SeedError> {
        let machine = want.machine().ok_or(SeedError::NoMachine { vmid: want.vmid })?;
        let names = Names::of(want, domain);
        let user = user::data(want, machine, &names, password_hash)?;
        let user = format!("{FIRST_LINE}{}", written(&user)?);
        let network = written(&network::config(want, names.domain)?)?;
        // Another seed is another instance: what is to be done once is done again then.
        let instance = format!("phoenix-{}-{}", want.vmid, digest(&[&user, &network]));
        let meta = written(&meta::data(&instance, &names))?;
        Ok(Self { user, network, meta, instance })
    }

    /// Returns what tells this seed of this machine from every other one.
    pub fn instance(&self) -> &str {
        &self.instance
    }
}

impl fmt::Debug for Seed {
    /// What is told of the user may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seed")
            .field("instance", &self.instance)
            .field("user", &"***")
            .field("network", &self.network)
            .field("meta", &self.meta)
            .finish()
    }
}

/// What a machine is called.
struct Names<'n> {
    /// Its own name.
    host: &'n str,
    /// With its domain, where it has one.
    full: Option<String>,
    /// Its domain.
    domain: Option<&'n str>,
}

impl<'n> Names<'n> {
    /// A name with dots has its domain already.
    fn of(want: &'n GuestSpec, domain: Option<&'n str>) -> Self {
        let domain = domain.filter(|domain| !domain.is_empty());
        match (want.name.as_str().split_once('.'), domain) {
            (Some((host, own)), _) => {
                Self { host, full: Some(want.name.to_string()), domain: Some(own) }
            }
            (None, Some(domain)) => Self {
                host: want.name.as_str(),
                full: Some(format!("{}.{domain}", want.name)),
                domain: Some(domain),
            },
            (None, None) => Self { host: want.name.as_str(), full: None, domain: None },
        }
    }
}

fn written(data: &impl Serialize) -> Result<String, SeedError> {
    let mut text = serde_json::to_string_pretty(data).map_err(|_| SeedError::NotWritten)?;
    text.push('\n');
    Ok(text)
}

fn digest(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(text);
    }
    let mut digits = String::with_capacity(2 * DIGITS);
    for byte in hash.finalize() {
        // A String takes everything that is written to it.
        let _written = write!(digits, "{byte:02x}");
    }
    digits.truncate(DIGITS);
    digits
}

#[cfg(test)]
mod tests;
