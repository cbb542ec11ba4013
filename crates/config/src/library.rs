//! The features there are: whatever folder of the library has a manifest.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use phoenix_domain::{FeatureName, Kind, Setting};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

// `BUILT_IN`: the manifests of `features/`, by folder. The build script collects them, so that a
// new feature is a new folder and nothing else.
include!(concat!(env!("OUT_DIR"), "/built_in_features.rs"));

/// What a feature is: its `feature.json`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "feature.json")]
pub struct Manifest {
    /// Where the schema of this file is; for editors.
    #[serde(rename = "$schema", default)]
    pub schema: Option<String>,
    /// The name; that of the folder.
    #[schemars(with = "String")]
    pub name: FeatureName,
    /// What a guest has afterwards, in one sentence.
    pub summary: String,
    /// Which guests can have it.
    pub kinds: Vec<GuestKind>,
    /// Features that must be there before it, in the guest itself or in one it is cloned from.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub needs: Vec<FeatureName>,
    /// Features that come before it where a guest has both.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub after: Vec<FeatureName>,
    /// Features that cannot be in the same guest.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub conflicts: Vec<FeatureName>,
    /// Whether the guest must have a GPU.
    #[serde(default)]
    pub needs_gpu: bool,
    /// Proxmox features of a container that it cannot work without.
    #[serde(default)]
    pub needs_options: BTreeMap<String, String>,
    /// Directories whose loss is the loss of somebody's data.
    #[serde(default)]
    pub state: Vec<String>,
    /// Ports it listens on.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// Whether its answers take minutes and come piece by piece, as those of models do: a gateway
    /// passes each piece on at once, and waits.
    #[serde(default)]
    pub streams: bool,
    /// What can be set.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Names of secrets it asks for.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// What runs what it serves: what is restarted when that does not answer any more.
    #[serde(default)]
    pub service: Option<Service>,
    /// How to see that it works.
    #[serde(default)]
    pub health: Option<Health>,
}

/// Container or machine, as a manifest says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    /// An LXC container.
    Container,
    /// A virtual machine.
    Machine,
}

/// One thing that can be set of a feature.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it is: `string`, `integer`, `boolean` or `array`.
    #[serde(rename = "type")]
    pub kind: ParameterKind,
    /// What it is when nobody says.
    #[serde(default)]
    pub default: Option<serde_json::Value>,
    /// What it does.
    pub description: String,
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParameterKind {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A truth value.
    Boolean,
    /// A list.
    Array,
}

/// What runs what a feature serves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// A unit of systemd.
    Unit(String),
    /// A container of Docker.
    Container(String),
}

/// How to see that a feature works.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// An address that answers, seen from inside.
    Http(String),
    /// A command that succeeds inside.
    Command(String),
}

/// The features there are.
#[derive(Clone, Debug, Default)]
pub struct Library(BTreeMap<FeatureName, Manifest>);

/// Why a folder is no feature.
#[derive(Debug, Error)]
#[error("the feature in {folder} cannot be read")]
pub struct LibraryError {
    pub(crate) folder: String,
    #[source]
    pub(crate) err: std::io::Error,
}

/// Returns the manifests that came with this program, by folder.
pub(crate) fn built_in() -> impl Iterator<Item = (&'static str, &'static str)> {
    BUILT_IN.iter().copied()
}

impl Library {
    /// Returns the features that came with this program.
    pub fn built_in() -> Result<Self, LibraryError> {
        let mut library = Self::default();
        for (folder, manifest) in BUILT_IN {
            library.add(folder, manifest)?;
        }
        Ok(library)
    }

    /// Adds the features of a folder of folders; those of the same name take the place of others.
    pub fn add_folder(&mut self, features: &Path) -> Result<(), LibraryError> {
        let wrap = |folder: &Path| {
            let folder = folder.display().to_string();
            move |err| LibraryError { folder, err }
        };
        for entry in fs::read_dir(features).map_err(wrap(features))? {
            let folder = entry.map_err(wrap(features))?.path();
            let manifest = folder.join("feature.json");
            if manifest.is_file() {
                let text = fs::read_to_string(&manifest).map_err(wrap(&folder))?;
                self.add(&folder.display().to_string(), &text)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, folder: &str, text: &str) -> Result<(), LibraryError> {
        let manifest: Manifest = serde_json::from_str(text)
            .map_err(|err| LibraryError { folder: folder.to_owned(), err: err.into() })?;
        self.0.insert(manifest.name.clone(), manifest);
        Ok(())
    }

    /// Returns a feature.
    pub fn feature(&self, name: &FeatureName) -> Option<&Manifest> {
        self.0.get(name)
    }

    /// Returns all features by name.
    pub fn features(&self) -> impl Iterator<Item = &Manifest> {
        self.0.values()
    }
}

impl Manifest {
    /// Says whether guests of this kind can have it.
    pub fn suits(&self, kind: Kind) -> bool {
        let kind = match kind {
            Kind::Container => GuestKind::Container,
            Kind::Machine => GuestKind::Machine,
        };
        self.kinds.contains(&kind)
    }
}

impl ParameterKind {
    /// Returns a setting as one of this kind, where another spelling of it was used: a number in
    /// quotes, a text of digits without them, one value for a list of it.
    pub(crate) fn understood(self, setting: Setting) -> Setting {
        match (self, setting) {
            (Self::String, Setting::Number(number)) => Setting::Text(number.to_string().into()),
            (Self::Integer, Setting::Text(text)) => match whole(&text) {
                Some(number) => Setting::Number(number),
                None => Setting::Text(text),
            },
            (Self::Array, Setting::Text(text)) => Setting::List(vec![text]),
            (Self::Array, Setting::Number(number)) => {
                Setting::List(vec![number.to_string().into()])
            }
            (Self::String | Self::Integer | Self::Boolean | Self::Array, setting) => setting,
        }
    }

    /// Says whether a setting is of this kind.
    pub(crate) fn is_of(self, setting: &Setting) -> bool {
        match setting {
            Setting::Text(_) => self == Self::String,
            Setting::Number(_) => self == Self::Integer,
            Setting::Truth(_) => self == Self::Boolean,
            Setting::List(_) => self == Self::Array,
        }
    }
}

fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_that_is_named_by_another_exists() {
        let library = Library::built_in().unwrap();
        for feature in library.features() {
            for other in feature.needs.iter().chain(&feature.after).chain(&feature.conflicts) {
                assert!(library.feature(other).is_some(), "{} names {other}", feature.name);
            }
        }
    }

    #[test]
    fn the_folder_of_a_feature_bears_its_name() {
        for (folder, manifest) in BUILT_IN {
            let manifest: Manifest = serde_json::from_str(manifest).unwrap();
            assert_eq!(manifest.name.as_str(), *folder);
        }
    }
}
