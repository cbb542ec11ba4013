//! Features as they lie in folders: where each is, what it hides, and what is wrong with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use phoenix_domain::FeatureName;

use crate::folder::{Folder, Holding};
use crate::library::{LibraryError, Manifest, built_in};

/// Where the operator's own features are.
const OWN: &str = "/etc/phoenix/features";
/// Where those are that came with Phoenix.
const SHIPPED: &str = "/usr/share/phoenix/features";
/// Where those are, seen from the repository, and what only that folder has.
const REPOSITORY: (&str, &str) = ("features", "lib/phoenix.sh");

/// Features as they lie in folders, and those that came with this program.
#[derive(Clone, Debug)]
pub struct Shelf(BTreeMap<String, Shelved>);

/// One feature of a shelf.
#[derive(Clone, Debug)]
pub struct Shelved {
    /// The name of its folder.
    pub name: String,
    /// Where it is.
    pub at: Shelving,
    /// What it says of itself, or what is wrong with that.
    pub manifest: Result<Manifest, String>,
    /// The folders in which others of its name are, which it hides.
    pub hides: Vec<PathBuf>,
}

/// Where a feature is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shelving {
    /// In this folder of its own.
    Folder(PathBuf),
    /// Only its manifest is here: it is a part of this program.
    BuiltIn,
}

/// Returns the folders in which features are looked for, those of this command line first, then the one
/// beside the config. The first that has a feature is the one it is taken from.
pub fn feature_folders(said: &[PathBuf], config: Option<&Folder>) -> Vec<PathBuf> {
    let usual = [PathBuf::from(OWN), PathBuf::from(SHIPPED)];
    let (folder, mark) = REPOSITORY;
    let repository = Some(PathBuf::from(folder)).filter(|folder| folder.join(mark).is_file());
    let [own, shipped] = usual;
    let beside = config.into_iter().flat_map(|config| config.holding(Holding::Features));
    let usual = beside.chain([Some(own), repository, Some(shipped)].into_iter().flatten());
    let mut folders = said.to_vec();
    for folder in usual.filter(|folder| folder.is_dir()) {
        // The config may stand where features of its host are.
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

impl Shelf {
    /// Looks at what is in these folders; of two features with one name, the one that is found first
    /// hides the other.
    pub fn of(folders: &[PathBuf]) -> Result<Self, LibraryError> {
        let mut features: BTreeMap<String, Shelved> = BTreeMap::new();
        for features_folder in folders {
            for folder in members(features_folder)? {
                let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
                    continue;
                };
                if let Some(first) = features.get_mut(name) {
                    first.hides.push(folder);
                    continue;
                }
                let manifest = read(&folder, name);
                let (name, hides) = (name.to_owned(), Vec::new());
                let at = Shelving::Folder(folder);
                features.insert(name.clone(), Shelved { name, at, manifest, hides });
            }
        }
        for (name, text) in built_in() {
            features.entry(name.to_owned()).or_insert_with(|| Shelved {
                name: name.to_owned(),
                at: Shelving::BuiltIn,
                manifest: understood(text, name),
                hides: Vec::new(),
            });
        }
        Ok(Self(features))
    }

    /// Returns all features by name.
    pub fn features(&self) -> impl Iterator<Item = &Shelved> {
        self.0.values()
    }

    /// Returns a feature.
    pub fn feature(&self, name: &str) -> Option<&Shelved> {
        self.0.get(name)
    }

    /// Returns names that are much like this one.
    pub fn near(&self, name: &str) -> Vec<&str> {
        let mut near: Vec<_> = self
            .0
            .keys()
            .map(|known| (strsim::damerau_levenshtein(name, known), known.as_str()))
            .filter(|(distance, _)| *distance <= 2)
            .collect();
        near.sort_unstable();
        near.into_iter().map(|(_, known)| known).collect()
    }

    /// Returns what a feature needs, and what that needs, each behind what it stands on; not itself.
    /// What is not there, or wrong, is named alone.
    pub fn foundations(&self, name: &str) -> Vec<FeatureName> {
        let mut order = Vec::new();
        let mut path = Vec::new();
        self.stand(name, &mut path, &mut order);
        order.retain(|one: &FeatureName| one.as_str() != name);
        order
    }

    fn stand(&self, name: &str, path: &mut Vec<String>, order: &mut Vec<FeatureName>) {
        if path.iter().any(|above| above == name) {
            return;
        }
        path.push(name.to_owned());
        let manifest = self.feature(name).and_then(|feature| feature.manifest.as_ref().ok());
        for below in manifest.iter().flat_map(|manifest| &manifest.needs) {
            self.stand(below.as_str(), path, order);
            if !order.contains(below) {
                order.push(below.clone());
            }
        }
        path.pop();
    }
}

/// Returns the folders of a folder that have a manifest, by name.
fn members(features: &Path) -> Result<Vec<PathBuf>, LibraryError> {
    let wrap = |err| LibraryError { folder: features.display().to_string(), err };
    let mut folders = Vec::new();
    for entry in fs::read_dir(features).map_err(wrap)? {
        let folder = entry.map_err(wrap)?.path();
        if folder.join("feature.json").is_file() {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}

fn read(folder: &Path, name: &str) -> Result<Manifest, String> {
    let text = fs::read_to_string(folder.join("feature.json")).map_err(|err| err.to_string())?;
    understood(&text, name)
}

fn understood(text: &str, name: &str) -> Result<Manifest, String> {
    let manifest: Manifest = serde_json::from_str(text).map_err(|err| err.to_string())?;
    if manifest.name.as_str() != name {
        return Err(format!(
            "its folder is {name}, and it says that its name is {}",
            manifest.name
        ));
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(features: &Path, name: &str, manifest: &str) {
        let folder = features.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("feature.json"), manifest).unwrap();
    }

    fn manifest(name: &str, needs: &str) -> String {
        format!(
            r#"{{ "name": "{name}", "summary": "", "kinds": ["container"], "needs": [{needs}] }}"#
        )
    }

    #[test]
    fn the_first_of_a_name_hides_the_others_and_a_wrong_one_hides_them_too() {
        let folder = tempfile::tempdir().unwrap();
        let (own, shipped) = (folder.path().join("own"), folder.path().join("shipped"));
        put(&own, "redis", &manifest("redis", ""));
        put(&own, "wrong", "{ \"name\": 7 }");
        put(&own, "other", &manifest("another", ""));
        put(&shipped, "redis", &manifest("redis", ""));
        put(&shipped, "wrong", &manifest("wrong", ""));

        let shelf = Shelf::of(&[own.clone(), shipped.clone()]).unwrap();

        let redis = shelf.feature("redis").unwrap();
        assert_eq!(redis.at, Shelving::Folder(own.join("redis")));
        assert_eq!(redis.hides, [shipped.join("redis")]);
        let wrong = shelf.feature("wrong").unwrap();
        assert!(wrong.manifest.as_ref().unwrap_err().contains("line 1"), "{wrong:?}");
        assert_eq!(wrong.hides, [shipped.join("wrong")]);
        assert!(shelf.feature("other").unwrap().manifest.is_err());
        assert_eq!(shelf.feature("qdrant").unwrap().at, Shelving::BuiltIn);
        assert_eq!(shelf.near("rdis"), ["redis"]);
    }

    #[test]
    fn what_a_feature_needs_comes_in_the_order_in_which_it_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "a", &manifest("a", r#""b", "c""#));
        put(folder.path(), "b", &manifest("b", r#""d""#));
        put(folder.path(), "c", &manifest("c", r#""d", "nowhere""#));
        put(folder.path(), "d", &manifest("d", r#""a""#));

        let shelf = Shelf::of(&[folder.path().to_owned()]).unwrap();

        let names: Vec<_> = shelf.foundations("a").iter().map(ToString::to_string).collect();
        assert_eq!(names, ["d", "b", "nowhere", "c"]);
    }
}
