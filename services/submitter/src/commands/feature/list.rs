//! `phoenix feature list`: which features there are, and from where.

use phoenix_config::{GuestKind, Manifest, Shelved, Shelving};
use serde_json::{Value, json};

use super::{place, shelf};
use crate::cli::{FeatureListArgs, ListFormat};
use crate::error::CommandError;
use crate::output::Output;
use crate::table::table;

pub(super) fn run(args: &FeatureListArgs, output: &mut Output) -> Result<u8, CommandError> {
    let shelf = shelf(&args.features)?;
    match args.output {
        ListFormat::Text => {
            let rows: Vec<_> = shelf.features().map(row).collect();
            output.data(&table(["NAME", "KINDS", "FROM", "SUMMARY"], &rows))?;
            if shelf.features().any(|feature| feature.at == Shelving::BuiltIn) {
                output.remark(
                    "of those that are built in only the manifests are here: `phoenix check` knows them",
                )?;
            }
        }
        ListFormat::Json => {
            let features: Vec<_> = shelf.features().map(document).collect();
            let document = json!({
                "apiVersion": "phoenix.dev/v1",
                "kind": "FeatureList",
                "features": features,
            });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    Ok(0)
}

fn row(feature: &Shelved) -> [String; 4] {
    let (kinds, summary) = match &feature.manifest {
        Ok(manifest) => (kinds(manifest), manifest.summary.clone()),
        Err(err) => ("?".to_owned(), format!("WRONG: {err}")),
    };
    let hidden: Vec<_> = feature.hides.iter().map(|folder| folder.display().to_string()).collect();
    let from = if hidden.is_empty() {
        place(&feature.at)
    } else {
        format!("{} (hides {})", place(&feature.at), hidden.join(", "))
    };
    [feature.name.clone(), kinds, from, summary]
}

pub(super) fn kinds(manifest: &Manifest) -> String {
    let words: Vec<_> = manifest
        .kinds
        .iter()
        .map(|kind| match kind {
            GuestKind::Container => "container",
            GuestKind::Machine => "machine",
        })
        .collect();
    words.join(", ")
}

/// Returns a feature for programs: its manifest, where it is, and what is wrong with it.
pub(super) fn document(feature: &Shelved) -> Value {
    let folder = match &feature.at {
        Shelving::Folder(folder) => Some(folder),
        Shelving::BuiltIn => None,
    };
    json!({
        "name": feature.name,
        "folder": folder,
        "hides": feature.hides,
        "manifest": feature.manifest.as_ref().ok(),
        "error": feature.manifest.as_ref().err(),
    })
}
