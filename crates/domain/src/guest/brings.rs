//! What is brought along with a guest: scripts and features as they lay beside its configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{FeatureName, PackName};

/// What is brought along with a guest, each by the name of its pack. What is not named here its host has
/// of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brings {
    /// The application script, and the files that it brings along itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<PackName>,
    /// Features, each with the shell files that it shares with others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub features: BTreeMap<FeatureName, PackName>,
}

impl Brings {
    /// Says whether nothing is brought along.
    pub fn is_empty(&self) -> bool {
        self.script.is_none() && self.features.is_empty()
    }

    /// Returns the packs, and the feature that each is of; that of the script is of none.
    pub fn packs(&self) -> impl Iterator<Item = (Option<&FeatureName>, &PackName)> {
        let script = self.script.iter().map(|pack| (None, pack));
        script.chain(self.features.iter().map(|(feature, pack)| (Some(feature), pack)))
    }

    /// Says whether a file or folder is for people, or for the tests of a feature, and is brought into no
    /// guest; `folder` is where it would be unpacked.
    pub fn is_left_out(folder: &str, name: &str) -> bool {
        let is_top = matches!(folder.rsplit('/').next(), Some("feature" | "lib"));
        is_top && matches!(name, "README.md" | "test")
    }
}
