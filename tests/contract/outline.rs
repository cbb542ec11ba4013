//! What a schema promises, as a list of fields: where each is, what it holds, and whether it is always there.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The fields by their paths: `data.state.work.failure.what`, `data.fact.way[]`.
pub(crate) type Outline = BTreeMap<String, Field>;

/// What is promised of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    /// Whether what it is a part of never lacks it.
    pub(crate) is_always_there: bool,
    /// What it may hold: `string`, `null`, ...; `any` where nothing is said.
    pub(crate) types: BTreeSet<String>,
    /// The texts it may hold, where those can be counted.
    pub(crate) values: BTreeSet<String>,
}

impl Field {
    /// Returns it in a line, as the frozen contract has it.
    pub(crate) fn line(&self) -> String {
        let types = self.types.iter().map(String::as_str).collect::<Vec<_>>().join(" or ");
        let values = self.values.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let always = if self.is_always_there { "" } else { "maybe " };
        let of = if values.is_empty() { "" } else { ": " };
        format!("{always}{types}{of}{values}")
    }

    /// Takes in what another alternative says of it.
    fn take_in(&mut self, other: Self) {
        // Where one alternative can be any text, the texts of the other cannot be counted either.
        let is_open = |field: &Self| field.types.contains("string") && field.values.is_empty();
        let is_either_open = is_open(self) || is_open(&other);
        self.is_always_there &= other.is_always_there;
        self.types.extend(other.types);
        self.values.extend(other.values);
        if is_either_open {
            self.values.clear();
        }
    }

    /// Reads what `line` has written.
    pub(crate) fn read(line: &str) -> Self {
        let (types, values) = line.split_once(": ").unwrap_or((line, ""));
        let types = types.strip_prefix("maybe ").unwrap_or(types);
        let words = |text: &str, between: &str| {
            text.split(between).filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect()
        };
        Self {
            is_always_there: !line.starts_with("maybe "),
            types: words(types, " or "),
            values: words(values, ", "),
        }
    }
}

/// Returns the outline of a schema.
pub(crate) fn of(schema: &Value) -> Outline {
    let mut outline = Outline::new();
    let mut top = Field::default();
    walk(schema, schema, "", &mut top, &mut outline);
    outline
}

/// Adds what a schema says of the field at `path` to `field`, and what it says of its parts to `outline`.
fn walk(root: &Value, schema: &Value, path: &str, field: &mut Field, outline: &mut Outline) {
    if let Some(reference) = schema["$ref"].as_str() {
        return walk(root, root.pointer(&reference[1..]).unwrap(), path, field, outline);
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(alternatives) = schema[choice].as_array() {
            return walk_choice(root, alternatives, path, field, outline);
        }
    }
    match &schema["type"] {
        Value::String(one) => drop(field.types.insert(one.clone())),
        Value::Array(several) => {
            field.types.extend(several.iter().map(|one| one.as_str().unwrap().to_owned()));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            field.types.insert("any".to_owned());
        }
    }
    let counted = schema["enum"].as_array().into_iter().flatten().chain(schema.get("const"));
    field.values.extend(counted.filter_map(Value::as_str).map(ToOwned::to_owned));

    let required =
        |name: &str| schema["required"].as_array().is_some_and(|all| all.contains(&name.into()));
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let mut field = Field { is_always_there: required(name), ..Field::default() };
        walk(root, part, &path, &mut field, outline);
        add(outline, path, field);
    }
    let items = schema["prefixItems"].as_array().into_iter().flatten().chain(schema.get("items"));
    for item in items.filter(|item| item.is_object()) {
        let path = format!("{path}[]");
        let mut field = Field { is_always_there: true, ..Field::default() };
        walk(root, item, &path, &mut field, outline);
        add(outline, path, field);
    }
}

/// A part is always there where every alternative that has parts has it always.
fn walk_choice(
    root: &Value,
    alternatives: &[Value],
    path: &str,
    field: &mut Field,
    outline: &mut Outline,
) {
    let mut wholes = 0;
    let mut parts: BTreeMap<String, (usize, Field)> = BTreeMap::new();
    for alternative in alternatives {
        let mut of_this = Field { is_always_there: field.is_always_there, ..Field::default() };
        let mut outline = Outline::new();
        walk(root, alternative, path, &mut of_this, &mut outline);
        wholes += usize::from(of_this.types.contains("object"));
        field.take_in(of_this);
        for (path, part) in outline {
            match parts.entry(path) {
                Entry::Vacant(entry) => drop(entry.insert((1, part))),
                Entry::Occupied(mut entry) => {
                    let (count, known) = entry.get_mut();
                    *count += 1;
                    known.take_in(part);
                }
            }
        }
    }
    for (part, (count, mut known)) in parts {
        // Whether a part of a part is there was settled where that one is.
        let is_own = part.strip_prefix(path).is_some_and(|rest| rest.rfind('.') == Some(0));
        known.is_always_there &= !is_own || count == wholes;
        add(outline, part, known);
    }
}

fn add(outline: &mut Outline, path: String, field: Field) {
    match outline.entry(path) {
        Entry::Vacant(entry) => drop(entry.insert(field)),
        Entry::Occupied(mut entry) => entry.get_mut().take_in(field),
    }
}
