//! A feature as it was found: in a pack that was brought along with the guest, or in a folder of the host.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use phoenix_domain::{FeatureName, GuestSpec, PackName};
use serde::Deserialize;
use serde_json::Value;

use crate::HostError;
use crate::library::{Library, called, list};
use crate::recipe::{RecipeFile, collect};
use crate::repair::Service;

/// The files of a feature.
#[derive(Debug)]
pub(crate) struct Kit {
    /// Where they were found, for people.
    at: String,
    /// Its own, below `feature/`.
    pub(crate) own: Vec<RecipeFile>,
    /// Those that it shares with others, below `lib/`.
    pub(crate) shared: Vec<RecipeFile>,
}

/// What is read of the manifest of a feature.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Manifest {
    #[serde(default)]
    pub(crate) streams: bool,
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    pub(crate) secrets: Vec<String>,
    pub(crate) service: Option<Service>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Parameter {
    pub(crate) default: Option<Value>,
}

impl Kit {
    /// Says whether the feature has this file.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.file(name).is_some()
    }

    /// Says that it has not this file.
    pub(crate) fn lacks(&self, what: String, name: &str) -> HostError {
        HostError::Impossible { what, why: format!("{} has no {name}", self.at) }
    }

    /// Reads its manifest; one of somebody's own needs none.
    pub(crate) fn manifest(&self) -> Result<Manifest, HostError> {
        match self.file("feature.json") {
            Some(file) => understood(&format!("{}/feature.json", self.at), &file.text()),
            None => Ok(Manifest::default()),
        }
    }

    fn file(&self, name: &str) -> Option<&RecipeFile> {
        self.own.iter().find(|file| file.name.strip_prefix("feature/") == Some(name))
    }
}

impl Library {
    /// Returns the files of a feature of a guest, which can be installed.
    pub(crate) fn kit(&self, want: &GuestSpec, feature: &FeatureName) -> Result<Kit, HostError> {
        let Some(kit) = self.known(want, feature)? else {
            let why =
                format!("it is in none of the folders of features ({})", list(&self.features));
            return Err(HostError::Impossible { what: called(feature), why });
        };
        if kit.has("install.sh") { Ok(kit) } else { Err(kit.lacks(called(feature), "install.sh")) }
    }

    /// Returns the files of a feature, where there is one of this name.
    pub(crate) fn known(
        &self,
        want: &GuestSpec,
        feature: &FeatureName,
    ) -> Result<Option<Kit>, HostError> {
        if let Some(pack) = want.brings.features.get(feature) {
            let is_own = |file: &RecipeFile| file.name.starts_with("feature/");
            let (own, shared): (Vec<_>, Vec<_>) = self.pack(pack)?.into_iter().partition(is_own);
            let shared = if shared.is_empty() { self.shared(None)? } else { shared };
            let at = format!("{feature} as it was brought along");
            return Ok(Some(Kit { at, own, shared }));
        }
        let Some(folder) = self.folder(feature) else { return Ok(None) };
        let own = folder.join(feature.as_str());
        Ok(Some(Kit {
            at: own.display().to_string(),
            own: collect(&own, "feature")?,
            shared: self.shared(Some(folder))?,
        }))
    }

    /// Returns the files of a pack, if it is whole.
    pub(crate) fn pack(&self, pack: &PackName) -> Result<Vec<RecipeFile>, HostError> {
        // Whoever works on the guest has put it there, and does so again.
        let failed = |why: String| HostError::Failed {
            what: format!("reading the pack {}", pack.short()),
            why,
            output: String::new(),
        };
        let Some(packs) = &self.packs else {
            return Err(failed("nothing that is brought along is kept here".to_owned()));
        };
        let archive = fs::read(packs.join(pack.as_str())).map_err(|err| failed(err.to_string()))?;
        if PackName::of(&archive) != *pack {
            return Err(failed("it is not what its name says".to_owned()));
        }
        RecipeFile::unpacked(&archive).map_err(|err| failed(err.to_string()))
    }

    /// Returns the folder of the host that has a feature.
    fn folder(&self, feature: &FeatureName) -> Option<&Path> {
        let mut folders = self.features.iter();
        folders.find(|folder| folder.join(feature.as_str()).is_dir()).map(PathBuf::as_path)
    }

    /// Reads the shell files that the features of a folder share. A folder of somebody's own that has
    /// none shares those of the others.
    fn shared(&self, folder: Option<&Path>) -> Result<Vec<RecipeFile>, HostError> {
        let folders = folder.into_iter().chain(self.features.iter().map(PathBuf::as_path));
        let lib = folders.map(|folder| folder.join("lib")).find(|lib| lib.is_dir());
        lib.map_or(Ok(Vec::new()), |lib| collect(&lib, "lib"))
    }

    /// Says whether what a feature of the host answers takes minutes, and comes piece by piece.
    pub(crate) fn streams(&self, feature: &FeatureName) -> bool {
        let Some(folder) = self.folder(feature) else { return false };
        manifest(&folder.join(feature.as_str())).is_ok_and(|manifest| manifest.streams)
    }

    /// Returns what runs what each feature serves, of all features there are: a guest may have some
    /// that its spec does not name.
    pub(crate) fn services(
        &self,
        want: &GuestSpec,
    ) -> Result<BTreeMap<FeatureName, Service>, HostError> {
        let mut services = BTreeMap::new();
        for folder in self.features.iter().rev() {
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let Some(Ok(feature)) = name.to_str().map(str::parse::<FeatureName>) else {
                    continue;
                };
                let service = manifest(&entry.path())?.service;
                services.extend(service.map(|service| (feature, service)));
            }
        }
        for feature in want.brings.features.keys() {
            let service = self.kit(want, feature)?.manifest()?.service;
            services.remove(feature);
            services.extend(service.map(|service| (feature.clone(), service)));
        }
        Ok(services)
    }
}

/// Reads the manifest in a folder of the host.
fn manifest(own: &Path) -> Result<Manifest, HostError> {
    let path = own.join("feature.json");
    match fs::read_to_string(&path) {
        Ok(text) => understood(&path.display().to_string(), &text),
        // A folder of somebody's own that needs none.
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
        Err(err) => Err(HostError::Unreachable { err }),
    }
}

fn understood(what: &str, text: &str) -> Result<Manifest, HostError> {
    serde_json::from_str(text)
        .map_err(|err| HostError::Unreadable { what: what.to_owned(), why: err.to_string() })
}
