//! What is asked of a worker.

use std::fmt::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::health::Order;
use crate::{GuestSpec, Kind, Refused, Upstream, Vmid};

/// What is asked of a worker: make this guest as its spec says.
///
/// First provisioning, redeploy and repair are this one job; only the cause differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The guest as it should be.
    pub guest: GuestSpec,
    /// Why it is asked.
    pub cause: Cause,
}

/// Why a job is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Somebody submitted this guest.
    Submitted,
    /// Somebody submitted a guest that stands on this one.
    StoodOnBy(Vmid),
    /// Somebody asked for another attempt.
    Retried,
    /// Where it leads to has changed since it was told.
    UpstreamsChanged,
    /// It does not serve as it should.
    Repair {
        /// The code of the reason.
        reason: String,
        /// The order of the health monitor, where it is one of its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<Order>,
    },
}

impl Cause {
    /// Says whether it was asked for only because another one stands on it.
    pub fn is_foundation(&self) -> bool {
        match self {
            Self::StoodOnBy(_) => true,
            Self::Submitted | Self::Retried | Self::UpstreamsChanged | Self::Repair { .. } => false,
        }
    }
}

/// The name of a guest in subjects and keys: `lxc-950`, `vm-8001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct GuestKey {
    /// Container or machine.
    pub kind: Kind,
    /// The number.
    pub vmid: Vmid,
}

impl GuestKey {
    /// Reads a guest as people type it: by its number, or by the name that stands wherever guests are
    /// shown, which tells its kind as well.
    pub fn typed(text: &str) -> Result<(Option<Kind>, Vmid), Refused> {
        if text.starts_with("lxc-") || text.starts_with("vm-") {
            return text.parse().map(|Self { kind, vmid }| (Some(kind), vmid));
        }
        text.parse().map(|vmid| (None, vmid)).map_err(|_| {
            let rule = "a guest is named by its number, from 100 to 999999999, or as `lxc-950` or `vm-8001`";
            Refused::new(text, "a guest", rule)
        })
    }
}

impl From<&GuestSpec> for GuestKey {
    fn from(guest: &GuestSpec) -> Self {
        Self { kind: guest.kind(), vmid: guest.vmid }
    }
}

impl fmt::Display for GuestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Container => write!(f, "lxc-{}", self.vmid),
            Kind::Machine => write!(f, "vm-{}", self.vmid),
        }
    }
}

impl FromStr for GuestKey {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let (kind, number) = match text.split_once('-') {
            Some(("lxc", number)) => (Kind::Container, number),
            Some(("vm", number)) => (Kind::Machine, number),
            Some(_) | None => {
                let rule = "a guest is named `lxc-950` or `vm-8001`";
                return Err(Refused::new(text, "the name of a guest", rule));
            }
        };
        Ok(Self { kind, vmid: number.parse()? })
    }
}

impl TryFrom<String> for GuestKey {
    type Error = Refused;

    fn try_from(text: String) -> Result<Self, Refused> {
        text.parse()
    }
}

impl From<GuestKey> for String {
    fn from(key: GuestKey) -> Self {
        key.to_string()
    }
}

/// The digest of a spec: two guests with the same digest are wanted the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct SpecDigest(String);

impl SpecDigest {
    /// Computes the digest of a spec.
    pub fn of(guest: &GuestSpec) -> Self {
        Self::of_written(guest)
    }

    /// Computes the digest of what the clones of a guest find in it.
    pub(crate) fn of_contents(guest: &GuestSpec) -> Self {
        let GuestSpec { origin, features, parameters, application_script, brings, .. } = guest;
        let named = (origin, features, parameters, application_script);
        // What nothing is brought to has the digest that it had before anything could be.
        if brings.is_empty() {
            Self::of_written(&named)
        } else {
            Self::of_written(&(named, brings))
        }
    }

    /// Computes the digest of all that decides whether a guest serves.
    pub(crate) fn of_service(guest: &GuestSpec) -> Self {
        let GuestSpec { features, parameters, application_script, checks, .. } = guest;
        let GuestSpec { ports, model_server, brings, .. } = guest;
        let named = (features, parameters, application_script, checks, ports, model_server);
        if brings.is_empty() {
            Self::of_written(&named)
        } else {
            Self::of_written(&(named, brings))
        }
    }

    /// Computes the digest of what a gateway leads to.
    pub fn of_upstreams(upstreams: &[Upstream]) -> Self {
        Self::of_written(&upstreams)
    }

    /// Returns the digest of nothing at all.
    pub fn none() -> Self {
        Self("0".repeat(64))
    }

    /// Reads a digest as it is displayed or as its digits alone.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let is_digest = digits.len() == 64
            && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        is_digest.then(|| Self(digits.to_owned()))
    }

    /// Returns its digits.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// Returns the first characters, enough for people to tell two specs apart.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }

    fn of_written(words: &impl Serialize) -> Self {
        // Words have no key that is not text and nothing that refuses to be written.
        let written = serde_json::to_vec(words).unwrap_or_default();
        Self(sha256(&written))
    }
}

/// Returns the digits of the digest of these bytes.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // A String takes everything that is written to it.
        let _written = write!(digits, "{byte:02x}");
    }
    digits
}

impl fmt::Display for SpecDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}
