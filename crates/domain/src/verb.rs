//! What may be asked for a guest, and how far the request reaches.

use serde::{Deserialize, Serialize};

/// What may be asked for a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Make it as the config says.
    Create,
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Stop and start it.
    Restart,
    /// Remove it.
    Delete,
}

/// How far a request reaches beyond the guests it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To everything the named guests stand on.
    Foundations,
    /// To the named guests and no other.
    NamedOnly,
}

impl Verb {
    /// Returns how far the request reaches.
    ///
    /// What takes something away never reaches further than what was typed: to stop a model
    /// server must not stop the gateway it stands behind.
    pub fn reach(self) -> Reach {
        match self {
            Self::Create | Self::Start => Reach::Foundations,
            Self::Stop | Self::Restart | Self::Delete => Reach::NamedOnly,
        }
    }

    /// Says whether guests are taken from the top of the order down.
    pub fn is_downwards(self) -> bool {
        match self {
            Self::Stop | Self::Delete => true,
            Self::Create | Self::Start | Self::Restart => false,
        }
    }
}
