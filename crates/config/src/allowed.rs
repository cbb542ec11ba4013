//! Which words a place takes, by its JSON Schema.

use serde_json::Value;

use crate::rules::listed;

/// Says which words a schema takes, where it takes nothing else. `schema_path` leads from the document to
/// the keyword that was not met.
pub(crate) fn allowed(document: &Value, schema_path: &str) -> Option<String> {
    let (holder, _) = schema_path.rsplit_once('/')?;
    let mut words = Vec::new();
    collect(document, document.pointer(holder)?, &mut words)?;
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    (!words.is_empty()).then(|| format!("it is one of {}", listed(words)))
}

/// Adds the words of a schema; nothing where it takes something that is no word of a list.
fn collect<'d>(document: &'d Value, schema: &'d Value, words: &mut Vec<&'d str>) -> Option<()> {
    if schema.get("type").is_some_and(|kind| kind == "null") {
        return Some(());
    }
    if let Some(word) = schema.get("const") {
        words.push(word.as_str()?);
        return Some(());
    }
    if let Some(options) = schema.get("enum") {
        let options = options.as_array()?.iter().filter(|option| !option.is_null());
        words.extend(options.map(Value::as_str).collect::<Option<Vec<_>>>()?);
        return Some(());
    }
    if let Some(way) = schema.get("$ref") {
        return collect(document, document.pointer(way.as_str()?.strip_prefix('#')?)?, words);
    }
    let several = schema.get("oneOf").or_else(|| schema.get("anyOf"))?;
    several.as_array()?.iter().try_for_each(|one| collect(document, one, words))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_words_of_a_list_are_named_wherever_they_stand() {
        let document = json!({
            "properties": {
                "kind": { "anyOf": [{ "$ref": "#/$defs/Kind" }, { "type": "null" }] },
                "free": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            },
            "$defs": { "Kind": { "oneOf": [{ "const": "a" }, { "enum": ["b", "c", null] }] } },
        });

        let said = |path| allowed(&document, path);

        assert_eq!(
            said("/properties/kind/anyOf").as_deref(),
            Some("it is one of `a`, `b` and `c`")
        );
        assert_eq!(said("/properties/free/anyOf"), None);
        assert_eq!(said("/$defs/Kind/oneOf").as_deref(), Some("it is one of `a`, `b` and `c`"));
    }
}
