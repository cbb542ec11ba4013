//! `docs/features.md`: what each feature brings and needs and what can be set of it, out of their manifests.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::page::{self, line};

const PAGE: &str = "docs/features.md";
const LIBRARY: &str = "features";
const MANIFEST: &str = "feature.json";

/// Writes the page.
pub(crate) fn write() -> Result<()> {
    page::write(PAGE, &text()?)
}

/// Fails when the page is not what the manifests say.
pub(crate) fn check() -> Result<()> {
    page::check(PAGE, &text()?, "the manifests of the features")
}

fn text() -> Result<String> {
    let manifests = manifests()?;
    let mut text = String::from(HEAD);
    for manifest in &manifests {
        let name = name(manifest);
        let cells = [summary(manifest), needs(manifest), list(manifest, "ports")];
        line(&mut text, &format!("| [`{name}`](#{name}) | {} |", cells.join(" | ")));
    }
    for manifest in &manifests {
        section(manifest, &mut text);
    }
    Ok(text)
}

/// Returns the manifests of the library, by their names.
fn manifests() -> Result<Vec<Value>> {
    let mut manifests = Vec::new();
    for folder in fs::read_dir(LIBRARY).with_context(|| format!("cannot read {LIBRARY}"))? {
        let path = folder?.path().join(MANIFEST);
        if path.exists() {
            manifests.push(read(&path)?);
        }
    }
    manifests.sort_by(|one, other| name(one).cmp(name(other)));
    Ok(manifests)
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))
}

fn section(manifest: &Value, text: &mut String) {
    line(text, &format!("\n## {}\n\n{}.\n", name(manifest), summary(manifest)));
    let kinds = list(manifest, "kinds").replace("machine", "virtual machine");
    line(text, &format!("* for a guest that is a {}", kinds.replace(", ", " or a ")));
    let known = [
        ("needs", needs(manifest)),
        ("comes after, where a guest has both,", list(manifest, "after")),
        ("listens on", list(manifest, "ports")),
        ("keeps its state in", list(manifest, "state")),
        ("may ask for the secrets", list(manifest, "secrets")),
        ("runs as", pointed(manifest, "/service/unit")),
        ("is healthy where this answers:", pointed(manifest, "/health/http")),
        ("is healthy where this succeeds:", pointed(manifest, "/health/command")),
    ];
    for (what, is) in known.iter().filter(|(_, is)| !is.is_empty()) {
        line(text, &format!("* {what} {is}"));
    }
    let parameters = manifest.get("parameters").and_then(Value::as_object);
    let parameters: Vec<_> = parameters.into_iter().flatten().collect();
    if parameters.is_empty() {
        line(text, "\nNothing can be set of it.");
        return;
    }
    line(text, "\n| can be set | is | where nothing is said | meaning |\n|---|---|---|---|");
    for (name, parameter) in parameters {
        let of = |key| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
        let default = parameter.get("default").map(code).unwrap_or_default();
        let meaning = cell(of("description"));
        line(text, &format!("| `{name}` | {} | {default} | {meaning} |", of("type")));
    }
}

fn needs(manifest: &Value) -> String {
    let has_gpu = manifest.get("needs_gpu").and_then(Value::as_bool).unwrap_or_default();
    let options = manifest.pointer("/needs_options").and_then(Value::as_object);
    let options = options.into_iter().flatten();
    let features = items(manifest, "needs").map(code);
    let options = options.map(|(key, value)| {
        format!("`{key}={}` in a container", value.as_str().unwrap_or_default())
    });
    let gpu = has_gpu.then(|| "a GPU".to_owned());
    features.chain(options).chain(gpu).collect::<Vec<_>>().join(", ")
}

fn list(manifest: &Value, key: &str) -> String {
    let word = |item: &Value| match (key, item) {
        ("kinds" | "ports", Value::String(text)) => text.clone(),
        ("ports", item) => item.to_string(),
        (_, item) => code(item),
    };
    items(manifest, key).map(word).collect::<Vec<_>>().join(", ")
}

fn items<'m>(manifest: &'m Value, key: &str) -> impl Iterator<Item = &'m Value> {
    manifest.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn pointed(manifest: &Value, place: &str) -> String {
    manifest.pointer(place).map(code).unwrap_or_default()
}

fn name(manifest: &Value) -> &str {
    manifest.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn summary(manifest: &Value) -> String {
    cell(manifest.get("summary").and_then(Value::as_str).unwrap_or_default())
}

fn code(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.is_empty() { "nothing".to_owned() } else { format!("`{}`", cell(&text)) }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

const HEAD: &str = "# The features there are

Generated by `cargo xtask docs` from the manifests in [features](../features). A guest asks for features by their
names, in the order in which they are installed; a clone has those of its template.
[features/README.md](../features/README.md) says how that is written, what a manifest is, and how each feature was
tried; `phoenix feature show NAME` says of one what is here.

| feature | a guest has afterwards | needs | ports |
|---|---|---|---|
";
