//! What is brought into guests: features, application scripts, AppArmor profiles.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use phoenix_domain::{
    Change, FeatureName, FileName, GuestSpec, ModelServer, ProfileName, SecretRef, Setting,
};
use serde_json::Value;

use crate::kit::{Manifest, Parameter};
use crate::recipe::{Recipe, RecipeFile, collect};
use crate::repair;
use crate::vault::Vault;
use crate::{HostError, gateway};

/// The folders in which it is looked for; the first that has it wins.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// Folders with features: `NAME/install.sh`, and `lib` for what features share.
    pub features: Vec<PathBuf>,
    /// Folders with application scripts.
    pub scripts: Vec<PathBuf>,
    /// Folders with the scripts of tests.
    pub tests: Vec<PathBuf>,
    /// The folder with what was brought along with guests: a pack a file, each by its name. What is
    /// brought along comes before what is in the other folders.
    pub packs: Option<PathBuf>,
    /// Folders with AppArmor profiles.
    pub profiles: Vec<PathBuf>,
    /// Who has the secrets that guests are given.
    pub vault: Option<Arc<dyn Vault>>,
}

/// What a recipe can ask about where its guest lives.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// The version of NVIDIA's driver on the host.
    pub(crate) driver: Option<String>,
    /// The GPUs of the guest.
    pub(crate) gpus: String,
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
        let kit = self.kit(want, feature)?;
        let manifest = kit.manifest()?;
        let mut files = kit.own;
        let mut surroundings = String::new();
        for (variable, value) in Surroundings::of(proc, want).said() {
            // Who asks for it has to be asked again when it is another one.
            if files.iter().any(|file| file.mentions(variable)) {
                let _written = writeln!(surroundings, "{variable}={}", quoted(value));
            }
        }
        // Where it leads to is part of it as well.
        let mut written = Vec::new();
        if files.iter().any(|file| file.mentions(gateway::VARIABLE)) {
            let texts = gateway::files(&want.upstreams, |feature| self.streams(feature));
            written.extend(texts.into_iter().map(|(name, text)| RecipeFile::written(name, text)));
        }
        files.extend(kit.shared);
        Ok(Recipe {
            name: called(feature),
            receipt: format!("feature-{feature}"),
            entry: "feature/install.sh".to_owned(),
            parameters: parameters(&manifest, want.parameters.get(feature)),
            surroundings,
            written,
            secrets: asked_for(&manifest, want),
            files,
        })
    }

    /// Returns the recipe by which a feature serves what a guest is for.
    pub(crate) fn service(
        &self,
        want: &GuestSpec,
        feature: &FeatureName,
    ) -> Result<Recipe, HostError> {
        let kit = self.kit(want, feature)?;
        let name = format!("the service of {feature}");
        if !kit.has("serve.sh") {
            return Err(kit.lacks(name, "serve.sh"));
        }
        let secrets = asked_for(&kit.manifest()?, want);
        Ok(Recipe {
            name,
            receipt: format!("service-{feature}"),
            entry: "feature/serve.sh".to_owned(),
            parameters: want
                .model_server
                .as_ref()
                .map(|server| served(server, want.model_port()))
                .unwrap_or_default(),
            surroundings: String::new(),
            written: Vec::new(),
            secrets,
            files: [kit.own, kit.shared].concat(),
        })
    }

    /// Returns the recipe of the application script of a guest. It is given the spec, so another
    /// model is another version of it.
    pub(crate) fn script(&self, want: &GuestSpec, script: &FileName) -> Result<Recipe, HostError> {
        let name = format!("the script {script}");
        let files = match &want.brings.script {
            Some(pack) => self.pack(pack)?,
            None => found(&name, "scripts", &self.scripts, script)?,
        };
        let model = want.model_server.as_ref();
        Ok(Recipe {
            name,
            receipt: "application".to_owned(),
            entry: entry(script),
            parameters: String::new(),
            surroundings: model.map(|model| served(model, want.model_port())).unwrap_or_default(),
            written: Vec::new(),
            secrets: want.secrets.clone(),
            files,
        })
    }

    /// Returns the files of a test.
    pub(crate) fn test(&self, test: &FileName) -> Result<Vec<RecipeFile>, HostError> {
        found(&format!("the test {test}"), "tests", &self.tests, test)
    }

    /// Says what a guest that is to be made asks for and is not there.
    pub(crate) fn check(&self, want: &GuestSpec) -> Result<(), HostError> {
        for feature in &want.features {
            self.kit(want, feature)?;
        }
        if let Some(feature) = want.server() {
            self.service(want, &feature)?;
        }
        want.application_script
            .as_ref()
            .map_or(Ok(()), |script| self.script(want, script).map(drop))
    }

    /// Says what a change needs of the library and of the vault, and is not to be had.
    pub(crate) async fn has_all(
        &self,
        proc: &Path,
        want: &GuestSpec,
        change: &Change,
    ) -> Result<(), HostError> {
        match self.recipe(proc, want, change)? {
            Some(recipe) => self.open(&recipe.secrets).await.map(drop),
            None => Ok(()),
        }
    }

    /// Returns what is run inside of a guest for a change, where something is.
    pub(crate) fn recipe(
        &self,
        proc: &Path,
        want: &GuestSpec,
        change: &Change,
    ) -> Result<Option<Recipe>, HostError> {
        Ok(match change {
            Change::InstallFeature { feature } => Some(self.feature(proc, want, feature)?),
            Change::SetUpService { feature } => Some(self.service(want, feature)?),
            Change::RunApplicationScript { script } => Some(self.script(want, script)?),
            Change::RestartServices => Some(repair::restart(&self.services(want)?)),
            Change::ForgetApplication => Some(repair::forget()),
            Change::Create { .. }
            | Change::RemoveHalfMade
            | Change::SetProperties { .. }
            | Change::Attach { .. }
            | Change::Detach { .. }
            | Change::GrowVolume { .. }
            | Change::GrowRootDisk { .. }
            | Change::Start
            | Change::Restart
            | Change::Stop
            | Change::AwaitAgent
            | Change::AwaitHealthy
            | Change::TakeSnapshot { .. }
            | Change::RemoveSnapshot { .. }
            | Change::RollBack { .. }
            | Change::CleanForTemplate
            | Change::ConvertToTemplate { .. }
            | Change::Adopt
            | Change::SetAside { .. }
            | Change::Destroy { .. } => None,
        })
    }

    /// Returns what sees whether a feature works, in a folder of its name; nothing where there is
    /// nothing to see with. One that is in the guest and no longer in the library cannot be looked
    /// at.
    pub(crate) fn check_of(
        &self,
        want: &GuestSpec,
        feature: &FeatureName,
    ) -> Result<Vec<RecipeFile>, HostError> {
        let Some(kit) = self.known(want, feature)?.filter(|kit| kit.has("check.sh")) else {
            return Ok(Vec::new());
        };
        let below = |mut file: RecipeFile| {
            file.name = format!("{feature}/{}", file.name);
            file
        };
        Ok(kit.own.into_iter().chain(kit.shared).map(below).collect())
    }

    /// Returns the secrets that a feature may ask for, of those a guest is given.
    pub(crate) fn secrets_of(
        &self,
        want: &GuestSpec,
        feature: &FeatureName,
    ) -> Result<BTreeMap<Box<str>, SecretRef>, HostError> {
        match self.known(want, feature)? {
            Some(kit) => Ok(asked_for(&kit.manifest()?, want)),
            None => Ok(BTreeMap::new()),
        }
    }

    /// Returns what tells the present version of a feature from every other one, whatever is set
    /// of it; nothing where there is none.
    pub(crate) fn version(
        &self,
        want: &GuestSpec,
        feature: &FeatureName,
    ) -> Result<Option<String>, HostError> {
        let kit = self.known(want, feature)?;
        Ok(kit.map(|kit| RecipeFile::digest(&[kit.own, kit.shared].concat())))
    }

    /// Returns the text of an AppArmor profile, if there is one of this name.
    pub(crate) fn profile(&self, name: &ProfileName) -> Option<PathBuf> {
        let found = self.profiles.iter().map(|folder| folder.join(name.as_str()));
        found.into_iter().find(|path| path.is_file())
    }
}

/// Reads a script, and the files that it brings along: those in a folder beside it.
fn found(
    what: &str,
    kind: &str,
    folders: &[PathBuf],
    script: &FileName,
) -> Result<Vec<RecipeFile>, HostError> {
    let mut found = folders.iter().map(|folder| folder.join(script.as_str()));
    let Some(path) = found.find(|path| path.is_file()) else {
        let why = format!("it is in none of the folders of {kind} ({})", list(folders));
        return Err(HostError::Impossible { what: what.to_owned(), why });
    };
    let mut files = vec![RecipeFile::read(entry(script), &path)?];
    let mut beside = path.into_os_string();
    beside.push(".d");
    let beside = PathBuf::from(beside);
    if beside.is_dir() {
        files.extend(collect(&beside, "script")?);
    }
    Ok(files)
}

/// Returns where a script is unpacked: its own files are beside it, whatever folder it came from.
pub(crate) fn entry(script: &FileName) -> String {
    let name = script.as_str().rsplit('/').next().unwrap_or_default();
    format!("script/{name}")
}

/// Returns those secrets of a guest that a feature asks for.
fn asked_for(manifest: &Manifest, want: &GuestSpec) -> BTreeMap<Box<str>, SecretRef> {
    let is_asked_for = |name: &str| manifest.secrets.iter().any(|asked| asked == name);
    let secrets = want.secrets.iter().filter(|(name, _)| is_asked_for(name));
    secrets.map(|(name, secret)| (name.clone(), secret.clone())).collect()
}

/// Returns what is set of a feature, declared parameter by declared parameter, as a shell reads it.
fn parameters(manifest: &Manifest, given: Option<&BTreeMap<Box<str>, Setting>>) -> String {
    let mut text = String::new();
    for (name, Parameter { default }) in &manifest.parameters {
        let value = match given.and_then(|given| given.get(name.as_str())) {
            Some(Setting::Text(text)) => text.to_string(),
            Some(Setting::Number(number)) => number.to_string(),
            Some(Setting::Truth(truth)) => truth.to_string(),
            Some(Setting::List(list)) => list.join("\n"),
            None => default.as_ref().map(spoken).unwrap_or_default(),
        };
        let _written = writeln!(text, "parameter_{name}={}", quoted(&value));
    }
    text
}

/// Returns the model that is to be served, as a shell reads it.
fn served(server: &ModelServer, port: u16) -> String {
    let ModelServer { model, served_name, model_type, arguments, port: _ } = server;
    let mut text = String::new();
    for (name, value) in [
        ("model", &**model),
        ("name", served_name.as_deref().unwrap_or(model)),
        ("type", model_type.as_deref().unwrap_or_default()),
        ("port", &port.to_string()),
        ("arguments", &arguments.join("\n")),
    ] {
        let _written = writeln!(text, "serve_{name}={}", quoted(value));
    }
    text
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

pub(crate) fn called(feature: &FeatureName) -> String {
    format!("the feature {feature}")
}

pub(crate) fn list(folders: &[PathBuf]) -> String {
    let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    if folders.is_empty() { "there is none".to_owned() } else { folders.join(", ") }
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
        assert_ne!(set.digest(), plain.digest());

        // Who has no shell files beside it shares those of others.
        let shipped = dir.path().join("shipped");
        fs::create_dir_all(shipped.join("lib")).unwrap();
        fs::write(shipped.join("lib/phoenix.sh"), "").unwrap();
        let mut both = library.clone();
        both.features.push(shipped);
        let with = both.feature(dir.path(), &want, &want.features[0]).unwrap();
        assert!(with.files.iter().any(|file| file.name == "lib/phoenix.sh"), "{with:?}");

        // The driver of the host matters to those alone who ask for it.
        let version = dir.path().join("driver/nvidia/version");
        fs::create_dir_all(version.parent().unwrap()).unwrap();
        fs::write(&version, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.76.05  Wed\n")
            .unwrap();
        assert_eq!(recipe(&want, dir.path()).digest(), set.digest());
        fs::write(own.join("install.sh"), "#!/bin/sh\n: $PHOENIX_HOST_DRIVER\n").unwrap();
        let with = recipe(&want, dir.path()).digest();
        assert_ne!(recipe(&want, Path::new("/nonexistent")).digest(), with);
    }
}
