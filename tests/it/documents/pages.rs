//! What stands in the documents.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::repository;

/// Returns every document with its name.
pub(super) fn all() -> Vec<(String, String)> {
    let root = repository(".");
    let mut files = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    for folder in ["docs", "features", "deploy", "examples"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    // The README is read first, and whoever types along has what it made.
    files.sort_by_key(|file| *file != root.join("README.md"));
    let name = |file: &Path| file.strip_prefix(&root).unwrap().display().to_string();
    files.iter().map(|file| (name(file), fs::read_to_string(file).unwrap())).collect()
}

/// Returns each command that a reader would type, with the document it stands in.
pub(super) fn commands() -> Vec<(String, String)> {
    let mut commands = Vec::new();
    for (name, text) in all() {
        let mut in_console = false;
        for line in text.lines() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                in_console = !in_console && language == "console";
            } else if in_console
                && let Some(command) = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# "))
            {
                // What stands far to the right is said to the reader.
                let command = command.split("  #").next().unwrap().trim_end();
                commands.push((name.clone(), command.to_owned()));
            }
        }
    }
    commands
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
}
