//! Whether a value has the shape its place asks for, and every way in which it has not.
//!
//! A value is read straight into its type, which is what costs least. Only one that does not fit
//! is looked at again, slowly: for keys written twice, and by its JSON Schema for everything else
//! that is wrong, so that all of it is told at once.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::OnceLock;

use jsonschema::Validator;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::types::JsonType;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::allowed::allowed;
use crate::code::{Code, code};
use crate::finding::Finding;
use crate::members::{Elements, Members, offset_in};
use crate::place::{Place, Segment};
use crate::secrets;
use crate::source::offset_of;

pub(crate) static SYNTAX: Code = code!("0004", Error, "this is not JSON");
pub(crate) static TWICE: Code = code!("0005", Error, "a key is written twice");
pub(crate) static SHAPE: Code = code!("0006", Error, "a value has the wrong shape");

/// A schema that is made when it is needed first: usually never.
pub(crate) struct Schema {
    pub(crate) document: fn() -> Value,
    made: OnceLock<Option<Made>>,
}

/// A schema and what checks by it.
struct Made {
    document: Value,
    validator: Validator,
}

impl Schema {
    pub(crate) const fn of(document: fn() -> Value) -> Self {
        Self { document, made: OnceLock::new() }
    }

    fn made(&self) -> Option<&Made> {
        let make = || {
            let document = (self.document)();
            let validator = jsonschema::validator_for(&document).ok()?;
            Some(Made { document, validator })
        };
        self.made.get_or_init(make).as_ref()
    }
}

/// What was read out of a value.
pub(crate) struct Read<T> {
    /// The value; what did not fit is left out of it.
    pub(crate) value: Option<T>,
    /// Ways to keys that no type asks for.
    pub(crate) ignored: Vec<Vec<Segment>>,
    /// What did not fit.
    pub(crate) findings: Vec<Finding>,
}

/// Reads a value. `at` is its place, and `offset` its first byte in its file where that is known.
pub(crate) fn read<T: DeserializeOwned>(
    json: &str,
    schema: &Schema,
    at: &Place,
    offset: Option<usize>,
) -> Read<T> {
    let mut ignored = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    match serde_ignored::deserialize(&mut deserializer, |path| ignored.push(segments(&path))) {
        Ok(value) => Read { value: Some(value), ignored, findings: Vec::new() },
        Err(err) => read_slowly(json, schema, at, offset, &err),
    }
}

fn read_slowly<T: DeserializeOwned>(
    json: &str,
    schema: &Schema,
    at: &Place,
    offset: Option<usize>,
    err: &serde_json::Error,
) -> Read<T> {
    let mut findings = Vec::new();
    repeated_keys(json, at, offset, &mut findings);
    let mut value = match serde_json::from_str::<Value>(json) {
        Ok(value) => value,
        Err(err) => {
            findings.push(syntax(json, at, offset, &err));
            return Read { value: None, ignored: Vec::new(), findings };
        }
    };
    let mut wrong = Vec::new();
    if let Some(Made { document, validator }) = schema.made() {
        for error in validator.iter_errors(&value) {
            let path = pointer(&value, error.instance_path().as_str());
            if let Some(message) = misfit(error.kind(), error.instance()) {
                let expected = expected(document, error.schema_path().as_str());
                let finding = shape(at, &path, &message, expected);
                findings.push(match number_alone(error.kind(), &path, error.instance()) {
                    Some(number) => finding
                        .help(format!("write the number alone, in the unit of the key: {number}")),
                    None => match allowed(document, error.schema_path().as_str()) {
                        Some(words) => finding.help(words),
                        None => finding,
                    },
                });
                wrong.push(path);
            }
        }
    }
    for path in &wrong {
        clear(&mut value, path);
    }
    let mut ignored = Vec::new();
    let read = serde_ignored::deserialize(&value, |path| ignored.push(segments(&path)));
    if findings.is_empty() || (read.is_err() && wrong.is_empty()) {
        findings.push(unfit(json, at, offset, err));
    }
    Read { value: read.ok(), ignored, findings }
}

/// Says what does not fit, for the kinds of error that are about shape. What a value may be beyond
/// its shape (a pattern, a range) is said better where it is read into a word of the domain.
#[expect(clippy::wildcard_enum_match_arm, reason = "the validator knows dozens of other keywords")]
fn misfit(kind: &ValidationErrorKind, instance: &Value) -> Option<String> {
    let found = match instance {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(number) if number.is_i64() && !number.is_u64() => "a negative number",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    match kind {
        ValidationErrorKind::Type { kind } => {
            Some(format!("{} is wanted, and this is {found}", wanted(kind)))
        }
        ValidationErrorKind::AnyOf { .. }
        | ValidationErrorKind::Enum { .. }
        | ValidationErrorKind::OneOfNotValid { .. }
        | ValidationErrorKind::Minimum { .. } => Some(format!("this is {found}")),
        ValidationErrorKind::Pattern { .. } => Some("this text has no number in it".to_owned()),
        _ => None,
    }
}

/// Returns how a number is written that has a unit behind it, where that can be told.
fn number_alone(kind: &ValidationErrorKind, path: &[Segment], instance: &Value) -> Option<String> {
    let ValidationErrorKind::Pattern { .. } = kind else { return None };
    let text = instance.as_str()?.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text.get(..text.len() - unit.len())?.parse().ok()?;
    let mebibytes = match unit.trim().to_ascii_lowercase().as_str() {
        "m" | "mb" | "mib" => number,
        "g" | "gb" | "gib" => number.checked_mul(1024)?,
        "t" | "tb" | "tib" => number.checked_mul(1024 * 1024)?,
        _ => return None,
    };
    let Some(Segment::Key(key)) = path.last() else { return None };
    let number = if key.ends_with("_mb") {
        mebibytes
    } else if key.ends_with("_gb") && mebibytes % 1024 == 0 {
        mebibytes / 1024
    } else {
        return None;
    };
    Some(format!("`{number}`"))
}

fn wanted(kind: &TypeKind) -> String {
    let word = |kind: JsonType| match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a text",
    };
    match kind {
        TypeKind::Single(kind) => word(*kind).to_owned(),
        TypeKind::Multiple(kinds) => {
            let words: Vec<_> =
                kinds.iter().filter(|kind| *kind != JsonType::Null).map(word).collect();
            words.join(" or ")
        }
    }
}

/// Returns the title of the schema that was not met, which says in words what is expected.
fn expected(schema: &Value, schema_path: &str) -> Option<String> {
    let (holder, _) = schema_path.rsplit_once('/')?;
    let title = schema.pointer(holder)?.get("title")?.as_str()?;
    // Types have the names of our code where nobody gave them better ones.
    (!title.starts_with("Raw")).then(|| title.to_owned())
}

fn shape(at: &Place, path: &[Segment], message: &str, expected: Option<String>) -> Finding {
    let place = at.clone().along(path.iter().cloned());
    let mut name = String::new();
    let mut is_given = false;
    for segment in &place.path {
        let separator = if name.is_empty() { "" } else { "." };
        // A String takes everything that is written to it.
        let _written = match segment {
            Segment::Key(key) => write!(name, "{separator}{}", shown(key, is_given)),
            Segment::Index(index) => write!(name, "{separator}{index}"),
        };
        is_given |= matches!(segment, Segment::Key(key) if secrets::gives_secrets(key));
    }
    let name = match (name.as_str(), at.entry) {
        ("", None) => "the file".to_owned(),
        ("", Some(_)) => "this guest".to_owned(),
        (name, _) => format!("`{name}`"),
    };
    let finding = Finding::new(&SHAPE, place, format!("{name} has the wrong shape: {message}"));
    match expected {
        Some(title) => finding.label(format!("{title} is expected here")),
        None => finding,
    }
}

/// Returns a key as it may be shown: where secrets are given, what is no name may be one of them.
fn shown(key: &str, is_given: bool) -> &str {
    if is_given && !secrets::is_name(key) { "(not shown)" } else { key }
}

fn unfit(json: &str, at: &Place, offset: Option<usize>, err: &serde_json::Error) -> Finding {
    let text = err.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    let place = spot(json, at, offset, err);
    Finding::new(&SHAPE, place, format!("this does not fit: {message}"))
}

/// Makes the finding for text that is no JSON.
pub(crate) fn syntax(
    json: &str,
    at: &Place,
    offset: Option<usize>,
    err: &serde_json::Error,
) -> Finding {
    if json.trim_ascii().is_empty() {
        return Finding::new(&SYNTAX, at.clone(), "there is nothing in this file but comments")
            .help("write at least `{}` into it");
    }
    if let (Some(offset), Some(comma)) = (offset, trailing_comma(json, err)) {
        let place = Place::span(at.file, offset + comma..offset + comma + 1);
        return Finding::new(&SYNTAX, place, "there is a comma behind the last element")
            .help("JSON has none there: remove it");
    }
    let text = err.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
    let finding = Finding::new(&SYNTAX, spot(json, at, offset, err), message.clone());
    let wrong = json.get(offset_of(json, err.line(), err.column())..).unwrap_or_default();
    if wrong.starts_with('\'') {
        finding.help("JSON has texts and keys in double quotes: `\"`")
    } else if message.contains("key must be a string") {
        finding.help("JSON has keys in double quotes: `\"name\"`")
    } else if message.contains("out of range") {
        finding.help("no key of ours takes a number of this size")
    } else if message.contains("recursion limit") {
        finding.help("nothing of ours is nested more than a few levels deep")
    } else if err.is_eof() {
        finding.help("a bracket or quote was opened and never closed, or the file was cut off")
    } else {
        finding
    }
}

/// Returns where the comma is that has nothing but blanks between it and a closing bracket, if that
/// is what the parser stumbled over.
fn trailing_comma(json: &str, err: &serde_json::Error) -> Option<usize> {
    let at = offset_of(json, err.line(), err.column());
    let is_closing = json.get(at..)?.starts_with(['}', ']']);
    let before = json.get(..at)?.trim_ascii_end();
    (is_closing && before.ends_with(',')).then(|| before.len() - 1)
}

fn spot(json: &str, at: &Place, offset: Option<usize>, err: &serde_json::Error) -> Place {
    let Some(offset) = offset else { return at.clone() };
    let within = offset_of(json, err.line(), err.column());
    let rest = json.get(within..).unwrap_or_default();
    let length = rest.chars().next().map_or(0, char::len_utf8);
    Place::span(at.file, offset + within..offset + within + length)
}

/// Finds keys that are written twice in one object, at any depth.
fn repeated_keys(json: &str, at: &Place, offset: Option<usize>, findings: &mut Vec<Finding>) {
    let mut open = vec![(json.trim_ascii(), 0, false)];
    while let Some((value, depth, is_given)) = open.pop() {
        // Deeper than any key of ours; what is nested further is refused as a whole.
        if depth > 16 {
            continue;
        }
        if value.starts_with('[') {
            let elements = Elements::of(value).0;
            open.extend(elements.iter().map(|element| (element.get(), depth + 1, is_given)));
        } else if value.starts_with('{') {
            let mut seen = HashMap::new();
            for member in Members::of(value).0 {
                let gives = is_given || secrets::gives_secrets(&member.key());
                open.push((member.value.get(), depth + 1, gives));
                let Some(first) = seen.insert(member.key(), member.quoted_key()) else { continue };
                let place = |key: &str| match offset {
                    Some(offset) => {
                        let start = offset + offset_in(json, key);
                        Place::span(at.file, start..start + key.len())
                    }
                    None => at.clone().key(member.key().into_owned()).named(),
                };
                findings.push(
                    Finding::new(
                        &TWICE,
                        place(member.quoted_key()),
                        format!(
                            "`{}` is written twice in one object",
                            shown(&member.key(), is_given)
                        ),
                    )
                    .label("the second time")
                    .also(place(first), "the first time")
                    .help("remove one of the two: most programs silently take the last"),
                );
            }
        }
    }
}

/// Sets what is wrong to null, which is the same as absent; of a list, the whole of it.
fn clear(value: &mut Value, path: &[Segment]) {
    let Some(last_key) = path.iter().rposition(|segment| matches!(segment, Segment::Key(_))) else {
        // Nothing of the whole is of use; what has no value is not read any further.
        *value = Value::Null;
        return;
    };
    let mut at = value;
    for segment in path.iter().take(last_key + 1) {
        let next = match segment {
            Segment::Key(key) => at.get_mut(key.as_ref()),
            Segment::Index(index) => at.get_mut(index),
        };
        let Some(next) = next else { return };
        at = next;
    }
    *at = Value::Null;
}

/// Turns a JSON Pointer into a path, with the help of the value it points into.
fn pointer(value: &Value, pointer: &str) -> Vec<Segment> {
    let mut at = Some(value);
    let mut path = Vec::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        match (at, part.parse::<usize>()) {
            (Some(Value::Array(list)), Ok(index)) => {
                at = list.get(index);
                path.push(Segment::Index(index));
            }
            (now, _) => {
                at = now.and_then(|value| value.get(&part));
                path.push(Segment::Key(part.into()));
            }
        }
    }
    path
}

fn segments(path: &serde_ignored::Path<'_>) -> Vec<Segment> {
    use serde_ignored::Path;

    fn collect(path: &Path<'_>, segments: &mut Vec<Segment>) {
        match path {
            Path::Root => {}
            Path::Seq { parent, index } => {
                collect(parent, segments);
                segments.push(Segment::Index(*index));
            }
            Path::Map { parent, key } => {
                collect(parent, segments);
                segments.push(Segment::Key(key.clone().into()));
            }
            Path::Some { parent }
            | Path::NewtypeStruct { parent }
            | Path::NewtypeVariant { parent } => collect(parent, segments),
        }
    }

    let mut segments_of = Vec::new();
    collect(path, &mut segments_of);
    segments_of
}
