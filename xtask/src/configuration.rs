//! `docs/configuration.md`: every key of every file that is written by hand, out of the schemas, which are made of
//! the types.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::page::{self, line};

const PAGE: &str = "docs/configuration.md";

/// The files in the order in which they are met, and their schemas.
const FILES: [&str; 7] = [
    "phoenix_hypervisor_config",
    "phoenix_lxc_configs",
    "phoenix_vm_configs",
    "phoenix_inventory",
    "webhooks",
    "channels",
    "feature",
];

/// Writes the page.
pub(crate) fn write() -> Result<()> {
    page::write(PAGE, &text()?)
}

/// Fails when the page is not what the schemas say.
pub(crate) fn check() -> Result<()> {
    page::check(PAGE, &text()?, "the schemas")
}

fn text() -> Result<String> {
    let mut text = String::from(HEAD);
    for file in FILES {
        let path = Path::new("schemas").join(format!("{file}.schema.json"));
        let schema = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let schema: Value = serde_json::from_slice(&schema)
            .with_context(|| format!("{} is no JSON", path.display()))?;
        let mut sections = Vec::new();
        let name = text_of(&schema, "title").map_or(file, |title| title);
        let name = if file == "webhooks" { "the file of webhooks" } else { name };
        sections.push(Section::of(format!("## {name}"), "", &schema));
        while let Some(section) = sections.pop() {
            let more = section.write(&mut text);
            sections.extend(more.into_iter().rev());
        }
    }
    Ok(text)
}

/// A table of its own: a file, or what stands in it under names that its author chooses.
struct Section<'s> {
    heading: String,
    prefix: String,
    schema: &'s Value,
}

impl<'s> Section<'s> {
    fn of(heading: String, prefix: &str, schema: &'s Value) -> Self {
        Self { heading, prefix: prefix.to_owned(), schema }
    }

    /// Writes it, and returns what stands below it.
    fn write(self, text: &mut String) -> Vec<Self> {
        let (mut rows, mut below) = (String::new(), Vec::new());
        keys(&self.prefix, "", self.schema, &mut rows, &mut below);
        let meaning = text_of(self.schema, "description").map(one_line).unwrap_or_default();
        line(text, &format!("\n{}\n\n{meaning}\n", self.heading));
        if !rows.is_empty() {
            line(text, "| key | is | meaning |\n|---|---|---|");
            text.push_str(&rows);
        }
        below
    }
}

/// Writes a row for each key of an object, and of what is in it.
fn keys<'s>(
    place: &str,
    prefix: &str,
    schema: &'s Value,
    rows: &mut String,
    below: &mut Vec<Section<'s>>,
) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (key, value) in properties.iter().filter(|(key, _)| *key != "$schema") {
        let name = format!("{prefix}{key}");
        let meaning = text_of(value, "description").map(one_line).unwrap_or_default();
        line(rows, &format!("| `{name}` | {} | {meaning} |", kind(value).replace('|', "\\|")));
        for shape in shapes(value) {
            keys(place, &format!("{name}."), shape, rows, below);
            if let Some(item) = shape.get("items") {
                for item in shapes(item) {
                    keys(place, &format!("{name}[]."), item, rows, below);
                }
            }
            let named = shape.get("additionalProperties").filter(|named| named.is_object());
            for named in named.into_iter().flat_map(shapes) {
                if named.get("properties").is_some() {
                    let inner = format!("{place}{name}.NAME.");
                    let heading = format!("### `{}`", inner.trim_end_matches('.'));
                    below.push(Section::of(heading, &inner, named));
                }
            }
        }
    }
}

/// Returns what a value may look like: itself, or each of what it may be.
fn shapes(schema: &Value) -> Vec<&Value> {
    let some = ["anyOf", "oneOf"].iter().find_map(|some| schema.get(*some)?.as_array());
    match some {
        Some(some) => some.iter().flat_map(shapes).chain([schema]).collect(),
        None => vec![schema],
    }
}

/// Says in words what a value is.
fn kind(schema: &Value) -> String {
    if let Some(title) = text_of(schema, "title") {
        return title.to_owned();
    }
    if let Some(only) = schema.get("const") {
        return format!("`{only}`");
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values = values.iter().filter(|value| !value.is_null());
        return values.map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    if let Some(some) = ["anyOf", "oneOf"].iter().find_map(|some| schema.get(*some)?.as_array()) {
        let mut kinds: Vec<_> = some.iter().map(kind).filter(|kind| !kind.is_empty()).collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    let types = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => Vec::new(),
    };
    let words = types.into_iter().filter_map(|one| match one {
        "string" => Some("text".to_owned()),
        "integer" => Some("a whole number".to_owned()),
        "number" => Some("a number".to_owned()),
        "boolean" => Some("`true` or `false`".to_owned()),
        "array" => Some("a list".to_owned()),
        "object" => Some("an object".to_owned()),
        _ => None,
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn text_of<'s>(schema: &'s Value, what: &str) -> Option<&'s str> {
    schema.get(what)?.as_str()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

const HEAD: &str = "# Configuration

Generated by `cargo xtask docs` from [the schemas](../schemas), which are made of the types. `phoenix schema` prints
one; an editor that is given it completes keys and shows what they mean. `phoenix check` says what is wrong with the
files, with line and remedy, and `phoenix config show ID` what a guest is with every default filled in.

The three files lie in one folder: the one you are in, `/etc/phoenix`, or where `--config` says. Keys of the scripts
that Phoenix goes by in another way are named by `phoenix check`.
";
