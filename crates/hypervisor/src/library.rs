//! What is brought into guests: features, application scripts, AppArmor profiles.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use phoenix_domain::{FeatureName, FileName, GuestSpec, ProfileName, Setting};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{HostError, gateway};

/// The folders in which it is looked for; the first that has it wins.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// Folders with a folder for each feature.
    pub features: Vec<PathBuf>,
    /// Folders with application scripts.
    pub scripts: Vec<PathBuf>,
    /// Folders with AppArmor profiles.
    pub profiles: Vec<PathBuf>,
}

/// What is brought into a guest to be run there once.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// What people call it.
    pub(crate) name: String,
    /// The name of its receipt.
    pub(crate) receipt: String,
    /// What is run, relative to the folder it is unpacked in.
    pub(crate) entry: String,
    /// What is set of it, as a shell reads it.
    pub(crate) parameters: String,
    /// What it was told of its surroundings, where it asks for that.
    surroundings: String,
    /// What was written for it, by where it is unpacked.
    written: Vec<(String, String)>,
    /// The files, by where they are unpacked.
    files: Vec<RecipeFile>,
}

#[derive(Clone, Debug)]
struct RecipeFile {
    name: String,
    path: PathBuf,
}

/// What a recipe can ask about where its guest lives.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// The version of NVIDIA's driver on the host.
    pub(crate) driver: Option<String>,
    /// The GPUs of the guest.
    pub(crate) gpus: String,
}

/// What is read of the manifest of a feature.
#[derive(Debug, Default, Deserialize)]
struct Manifest {
    #[serde(default)]
    streams: bool,
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
}

#[derive(Debug, Deserialize)]
struct Parameter {
    default: Option<Value>,
}

impl Surroundings {
    /// Looks around; `proc` is the process file system of the host.
    pub(crate) fn of(proc: &Path, want: &GuestSpec) -> Self {
        let driver = fs::read_to_string(proc.join("driver/nvidia/version")).unwrap_or_default();
        let is_version = |word: &&str| {
            word.contains('.') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        };
        let driver = driver.lines().next().and_then(|line| line.split(' ').find(is_version));
        let gpus: Vec<_> = want.gpus.indices().iter().map(ToString::to_string).collect();
        Self { driver: driver.map(str::to_owned), gpus: gpus.join(" ") }
    }

    /// Returns what is said of them to scripts, variable by variable.
    pub(crate) fn said(&self) -> [(&'static str, &str); 2] {
        [
            ("PHOENIX_HOST_DRIVER", self.driver.as_deref().unwrap_or_default()),
            ("PHOENIX_GPUS", &self.gpus),
        ]
    }
}

impl Library {
    /// Returns the recipe of a feature of a guest.
    pub(crate) fn feature(
        &self,
        proc: &Path,
        want: &GuestSpec,
        feature: &FeatureName,
    ) -> Result<Recipe, HostError> {
        let folder = self.folder(feature)?;
        let own = folder.join(feature.as_str());
        let mut files = Vec::new();
        collect(&own, "feature", &mut files)?;
        let mut surroundings = String::new();
        for (variable, value) in Surroundings::of(proc, want).said() {
            // Who asks for it has to be asked again when it is another one.
            if mentions(&files, variable)? {
                let _written = writeln!(surroundings, "{variable}={value}");
            }
        }
        // Where it leads to is part of it as well.
        let written = if mentions(&files, gateway::VARIABLE)? {
            gateway::files(&want.upstreams, |feature| self.streams(feature))
        } else {
            Vec::new()
        };
        let shared = folder.join("lib");
        if shared.is_dir() {
            collect(&shared, "lib", &mut files)?;
        }
        Ok(Recipe {
            name: called(feature),
            receipt: format!("feature-{feature}"),
            entry: "feature/install.sh".to_owned(),
            parameters: parameters(&own, want.parameters.get(feature))?,
            surroundings,
            written,
            files,
        })
    }

    /// Says whether what a feature answers takes minutes, and comes piece by piece.
    fn streams(&self, feature: &FeatureName) -> bool {
        let Ok(folder) = self.folder(feature) else { return false };
        manifest(&folder.join(feature.as_str())).is_ok_and(|manifest| manifest.streams)
    }

    /// Returns the folder in which a feature is.
    fn folder(&self, feature: &FeatureName) -> Result<&Path, HostError> {
        let what = || called(feature);
        let mut folders = self.features.iter();
        let Some(folder) = folders.find(|folder| folder.join(feature.as_str()).is_dir()) else {
            let why =
                format!("it is in none of the folders of features ({})", list(&self.features));
            return Err(HostError::Impossible { what: what(), why });
        };
        let own = folder.join(feature.as_str());
        if own.join("install.sh").is_file() {
            return Ok(folder);
        }
        let why = format!("{} has no install.sh", own.display());
        Err(HostError::Impossible { what: what(), why })
    }

    /// Returns the recipe of an application script.
    pub(crate) fn script(&self, script: &FileName) -> Result<Recipe, HostError> {
        let what = format!("the script {script}");
        let found = self.scripts.iter().map(|folder| folder.join(script.as_str()));
        let Some(path) = found.clone().find(|path| path.is_file()) else {
            let why = format!("it is in none of the folders of scripts ({})", list(&self.scripts));
            return Err(HostError::Impossible { what, why });
        };
        let entry = format!("script/{script}");
        Ok(Recipe {
            name: what,
            receipt: "application".to_owned(),
            files: vec![RecipeFile { name: entry.clone(), path }],
            entry,
            parameters: String::new(),
            surroundings: String::new(),
            written: Vec::new(),
        })
    }

    /// Says what a guest that is to be made asks for and is not there.
    pub(crate) fn check(&self, want: &GuestSpec) -> Result<(), HostError> {
        for feature in &want.features {
            self.check_feature(feature)?;
        }
        want.application_script.as_ref().map_or(Ok(()), |script| self.script(script).map(drop))
    }

    /// Says whether a feature is there.
    pub(crate) fn check_feature(&self, feature: &FeatureName) -> Result<(), HostError> {
        self.folder(feature).map(drop)
    }

    /// Returns what sees whether features work, as an archive with a folder for each of them, and
    /// the names of those that have something to see with.
    pub(crate) fn checks(
        &self,
        features: &[FeatureName],
        texts: &[(&str, &str)],
    ) -> Result<(Vec<FeatureName>, Vec<u8>), HostError> {
        let (mut checked, mut files) = (Vec::new(), Vec::new());
        for feature in features {
            // One that is in the guest and no longer in the library cannot be looked at.
            let Ok(folder) = self.folder(feature) else { continue };
            let own = folder.join(feature.as_str());
            if !own.join("check.sh").is_file() {
                continue;
            }
            collect(&own, &format!("{feature}/feature"), &mut files)?;
            let shared = folder.join("lib");
            if shared.is_dir() {
                collect(&shared, &format!("{feature}/lib"), &mut files)?;
            }
            checked.push(feature.clone());
        }
        Ok((checked, pack(&files, texts)?))
    }

    /// Returns the text of an AppArmor profile, if there is one of this name.
    pub(crate) fn profile(&self, name: &ProfileName) -> Option<PathBuf> {
        let found = self.profiles.iter().map(|folder| folder.join(name.as_str()));
        found.into_iter().find(|path| path.is_file())
    }
}

impl Recipe {
    /// Returns what tells this version of it, with what is set of it, from every other one.
    pub(crate) fn digest(&self) -> Result<String, HostError> {
        let mut hash = Sha256::new();
        let mut part = |name: &str, bytes: &[u8]| {
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(bytes);
        };
        for file in &self.files {
            part(&file.name, &fs::read(&file.path).map_err(unreachable)?);
        }
        for (name, text) in &self.written {
            part(name, text.as_bytes());
        }
        part("parameters", self.parameters.as_bytes());
        part("surroundings", self.surroundings.as_bytes());
        let mut digits = String::with_capacity(64);
        for byte in hash.finalize() {
            // A String takes everything that is written to it.
            let _written = write!(digits, "{byte:02x}");
        }
        Ok(digits)
    }

    /// Returns it as an archive, with these texts beside it.
    pub(crate) fn archive(&self, texts: &[(&str, &str)]) -> Result<Vec<u8>, HostError> {
        let written = self.written.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let texts: Vec<_> = written.chain(texts.iter().copied()).collect();
        pack(&self.files, &texts)
    }
}

fn pack(files: &[RecipeFile], texts: &[(&str, &str)]) -> Result<Vec<u8>, HostError> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let bytes = fs::read(&file.path).map_err(unreachable)?;
        let mode = fs::metadata(&file.path).map_err(unreachable)?.permissions().mode();
        add(&mut archive, &file.name, mode & 0o777, &bytes).map_err(unreachable)?;
    }
    for (name, text) in texts {
        add(&mut archive, name, 0o600, text.as_bytes()).map_err(unreachable)?;
    }
    archive.into_inner().map_err(unreachable)
}

/// Reads the manifest of a feature.
fn manifest(own: &Path) -> Result<Manifest, HostError> {
    let path = own.join("feature.json");
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map_err(|err| HostError::Unreadable {
            what: path.display().to_string(),
            why: err.to_string(),
        }),
        // A folder of somebody's own that needs none.
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
        Err(err) => Err(unreachable(err)),
    }
}

/// Returns what is set of a feature, declared parameter by declared parameter, as a shell reads it.
fn parameters(
    own: &Path,
    given: Option<&BTreeMap<Box<str>, Setting>>,
) -> Result<String, HostError> {
    let mut text = String::new();
    for (name, Parameter { default }) in manifest(own)?.parameters {
        let value = match given.and_then(|given| given.get(name.as_str())) {
            Some(Setting::Text(text)) => text.to_string(),
            Some(Setting::Number(number)) => number.to_string(),
            Some(Setting::Truth(truth)) => truth.to_string(),
            Some(Setting::List(list)) => list.join("\n"),
            None => default.as_ref().map(spoken).unwrap_or_default(),
        };
        let _written = writeln!(text, "parameter_{name}={}", quoted(&value));
    }
    Ok(text)
}

/// Returns a default as scripts are told it: a list is one value a line.
fn spoken(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(spoken).collect::<Vec<_>>().join("\n"),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// Quotes a value so that no shell finds anything in it.
pub(crate) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

fn mentions(files: &[RecipeFile], variable: &str) -> Result<bool, HostError> {
    for file in files {
        let bytes = fs::read(&file.path).map_err(unreachable)?;
        if bytes.windows(variable.len()).any(|window| window == variable.as_bytes()) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn called(feature: &FeatureName) -> String {
    format!("the feature {feature}")
}

fn add(archive: &mut tar::Builder<Vec<u8>>, name: &str, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    header.set_mode(mode);
    archive.append_data(&mut header, name, bytes)
}

/// Collects the files of a folder, in one order.
fn collect(folder: &Path, name: &str, files: &mut Vec<RecipeFile>) -> Result<(), HostError> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.map_err(unreachable)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        // What is for people and for the tests of a feature stays outside.
        if ["feature", "lib"].iter().any(|part| name.rsplit('/').next() == Some(part))
            && (entry.file_name() == "README.md" || entry.file_name() == "test")
        {
            continue;
        }
        let (path, below) = (entry.path(), format!("{name}/{}", entry.file_name().display()));
        if path.is_dir() {
            collect(&path, &below, files)?;
        } else {
            files.push(RecipeFile { name: below, path });
        }
    }
    Ok(())
}

fn list(folders: &[PathBuf]) -> String {
    let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    if folders.is_empty() { "there is none".to_owned() } else { folders.join(", ") }
}

fn unreachable(err: io::Error) -> HostError {
    HostError::Unreachable { err }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use phoenix_testkit::guest;

    use super::*;

    #[test]
    fn what_is_set_is_told_to_the_shell_and_changes_the_digest() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("features/redis");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("install.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(own.join("install.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        let manifest = r#"{ "name": "redis", "parameters": {
            "bind": { "type": "array", "default": ["*", "::1"], "description": "" },
            "mb": { "type": "integer", "default": 64, "description": "" },
            "on": { "type": "boolean", "default": true, "description": "" },
            "word": { "type": "string", "description": "" } } }"#;
        fs::write(own.join("feature.json"), manifest).unwrap();
        let library = Library { features: vec![dir.path().join("features")], ..Library::default() };
        let recipe =
            |want: &GuestSpec, proc: &Path| library.feature(proc, want, &want.features[0]).unwrap();

        let mut want = guest(950).features(&["redis"]).build();
        let plain = recipe(&want, dir.path());
        let told =
            "parameter_bind='*\n::1'\nparameter_mb='64'\nparameter_on='true'\nparameter_word=''\n";
        assert_eq!(plain.parameters, told);

        let set =
            [("mb".into(), Setting::Number(32)), ("word".into(), Setting::Text("it's".into()))];
        want.parameters.insert("redis".parse().unwrap(), set.into());
        let set = recipe(&want, dir.path());
        assert!(set.parameters.contains("parameter_mb='32'"), "{}", set.parameters);
        assert!(set.parameters.contains(r"parameter_word='it'\''s'"), "{}", set.parameters);
        assert_ne!(set.digest().unwrap(), plain.digest().unwrap());

        // The driver of the host matters to those alone who ask for it.
        let version = dir.path().join("driver/nvidia/version");
        fs::create_dir_all(version.parent().unwrap()).unwrap();
        fs::write(&version, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.76.05  Wed\n")
            .unwrap();
        assert_eq!(recipe(&want, dir.path()).digest().unwrap(), set.digest().unwrap());
        fs::write(own.join("install.sh"), "#!/bin/sh\n: $PHOENIX_HOST_DRIVER\n").unwrap();
        let with = recipe(&want, dir.path()).digest().unwrap();
        assert_ne!(recipe(&want, Path::new("/nonexistent")).digest().unwrap(), with);
    }
}
