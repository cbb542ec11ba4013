//! `phoenix feature show`: everything about a feature, and how a guest asks for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use phoenix_config::{Health, Manifest, Parameter, ParameterKind, Shelf, Shelved, Shelving};
use phoenix_domain::FeatureName;
use serde_json::{Map, Value, json};

use super::list::{document, kinds};
use super::{place, shelf};
use crate::cli::{FeatureShowArgs, ListFormat};
use crate::error::CommandError;
use crate::output::Output;
use crate::table::{rows, table};

/// How many parameters an example sets.
const SHOWN: usize = 2;

pub(super) fn run(args: &FeatureShowArgs, output: &mut Output) -> Result<u8, CommandError> {
    let shelf = shelf(&args.features)?;
    let Some(feature) = shelf.feature(&args.name) else {
        let near = shelf.near(&args.name).into_iter().map(str::to_owned).collect();
        return Err(CommandError::NoSuchFeature { asked: args.name.clone(), near });
    };
    let manifest = match &feature.manifest {
        Ok(manifest) => manifest,
        Err(why) => {
            return Err(CommandError::WrongFeature { at: place(&feature.at), why: why.clone() });
        }
    };
    match args.output {
        ListFormat::Text => output.data(&text(&shelf, feature, manifest))?,
        ListFormat::Json => {
            let mut document = document(feature);
            if let Value::Object(members) = &mut document {
                members.insert("apiVersion".to_owned(), json!("phoenix.dev/v1"));
                members.insert("kind".to_owned(), json!("Feature"));
                members.insert("neededBy".to_owned(), json!(needed_by(&shelf, manifest)));
                members.insert("example".to_owned(), Value::Object(example(&shelf, manifest)));
            }
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    Ok(0)
}

fn text(shelf: &Shelf, feature: &Shelved, manifest: &Manifest) -> String {
    let readme = match &feature.at {
        Shelving::Folder(folder) => Some(folder.join("README.md")).filter(|path| path.is_file()),
        Shelving::BuiltIn => None,
    };
    let hides: Vec<_> = feature.hides.iter().map(|folder| folder.display().to_string()).collect();
    let options: Vec<_> =
        manifest.needs_options.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let ports: Vec<_> = manifest.ports.iter().map(ToString::to_string).collect();
    let mut text = format!("{}: {}\n\n", manifest.name, manifest.summary);
    text.push_str(&rows(&[
        ("for", kinds(manifest)),
        ("folder", place(&feature.at)),
        ("hides", hides.join("\n")),
        ("needs", list(&manifest.needs)),
        ("stands behind", list(&manifest.after)),
        ("conflicts with", list(&manifest.conflicts)),
        ("needs a GPU", if manifest.needs_gpu { "yes".to_owned() } else { String::new() }),
        ("needs options", options.join(", ")),
        ("ports", ports.join(", ")),
        ("keeps data in", manifest.state.join("\n")),
        ("asks for secrets", manifest.secrets.join(", ")),
        ("is well when", manifest.health.as_ref().map(health).unwrap_or_default()),
        ("needed by", needed_by(shelf, manifest).join(", ")),
        ("more", readme.map(|path| path.display().to_string()).unwrap_or_default()),
    ]));
    if !manifest.parameters.is_empty() {
        let parameters: Vec<_> = manifest.parameters.iter().map(parameter).collect();
        text.push('\n');
        text.push_str(&table(["PARAMETER", "TYPE", "DEFAULT", ""], &parameters));
    }
    // A String takes everything that is written to it.
    let _written = write!(text, "\nIn the configuration of a guest:\n{}", snippet(shelf, manifest));
    text
}

fn list(names: &[FeatureName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn health(health: &Health) -> String {
    match health {
        Health::Http(address) => format!("{address} answers"),
        Health::Command(command) => format!("`{command}` ends with 0"),
    }
}

fn parameter((name, parameter): (&String, &Parameter)) -> [String; 4] {
    let kind = match parameter.kind {
        ParameterKind::String => "string",
        ParameterKind::Integer => "integer",
        ParameterKind::Boolean => "boolean",
        ParameterKind::Array => "array",
    };
    let default = parameter.default.as_ref().map(ToString::to_string).unwrap_or_default();
    [name.clone(), kind.to_owned(), default, parameter.description.clone()]
}

/// Returns the features that need it.
fn needed_by(shelf: &Shelf, manifest: &Manifest) -> Vec<String> {
    let needs = |feature: &&Shelved| {
        feature.manifest.as_ref().is_ok_and(|other| other.needs.contains(&manifest.name))
    };
    shelf.features().filter(needs).map(|feature| feature.name.clone()).collect()
}

/// Returns what a guest says that is to have it, and nothing else yet.
fn example(shelf: &Shelf, manifest: &Manifest) -> Map<String, Value> {
    let mut features: Vec<_> =
        shelf.foundations(manifest.name.as_str()).iter().map(ToString::to_string).collect();
    features.push(manifest.name.to_string());
    let there = |name: &String| shelf.feature(name)?.manifest.as_ref().ok();
    let manifests: Vec<_> = features.iter().filter_map(there).collect();
    let mut members = Map::new();
    members.insert("features".to_owned(), json!(features));
    let options: BTreeMap<_, _> =
        manifests.iter().flat_map(|manifest| &manifest.needs_options).collect();
    if !options.is_empty() {
        let options = options.iter().map(|(key, value)| format!("{key}={value}"));
        members.insert("pct_options".to_owned(), options.collect());
    }
    if manifests.iter().any(|manifest| manifest.needs_gpu) {
        members.insert("gpu_assignment".to_owned(), json!("0"));
    }
    let set: Map<_, _> = manifest
        .parameters
        .iter()
        .filter_map(|(name, parameter)| Some((name.clone(), parameter.default.clone()?)))
        .filter(|(_, default)| default.as_str() != Some("") && !default.is_null())
        .take(SHOWN)
        .collect();
    if !set.is_empty() {
        let own = manifest.name.as_str();
        members.insert("feature_parameters".to_owned(), json!({ own: set }));
    }
    if !manifest.secrets.is_empty() {
        let secrets = manifest
            .secrets
            .iter()
            .map(|name| (name.clone(), Value::String(format!("secret://phoenix/prod/{name}"))));
        members.insert("secrets".to_owned(), Value::Object(secrets.collect()));
    }
    members
}

/// Returns the same as lines to be put between others.
fn snippet(shelf: &Shelf, manifest: &Manifest) -> String {
    let example = example(shelf, manifest);
    let lines: Vec<_> =
        example.iter().map(|(key, value)| format!("  {}: {}", json!(key), spaced(value))).collect();
    format!("{}\n", lines.join(",\n"))
}

/// Returns a value on one line, as people write it.
fn spaced(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(key, value)| format!("{}: {}", json!(key), spaced(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(spaced).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}
