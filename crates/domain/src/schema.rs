//! The schemas of events, made of the types that are written.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

/// Returns the schema of an event of this type.
pub(crate) fn of<T: JsonSchema>(type_name: &str, meaning: &str) -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(Tolerant)
        .into_generator()
        .into_root_schema_for::<T>();
    schema.insert("title".to_owned(), type_name.into());
    schema.insert("description".to_owned(), meaning.trim().into());
    let mut schema = schema.to_value();
    for (attribute, value) in
        [("type", type_name), ("specversion", "1.0"), ("datacontenttype", "application/json")]
    {
        if let Some(property) = schema.pointer_mut(&format!("/properties/{attribute}")) {
            let description = property.get("description").cloned();
            *property = json!({ "description": description, "type": "string", "const": value });
        }
    }
    without_what_nobody_names(&mut schema);
    schema
}

/// Lets in what was written before a field came, and what will be written once others have come.
#[derive(Clone)]
struct Tolerant;

impl Transform for Tolerant {
    fn transform(&mut self, schema: &mut Schema) {
        schema.remove("additionalProperties");
        // What has a default came later: an event from before is without it.
        let properties = schema.get("properties").and_then(Value::as_object);
        let came_later: Vec<_> = properties
            .into_iter()
            .flatten()
            .filter(|(_, property)| property.get("default").is_some())
            .map(|(name, _)| Value::from(name.as_str()))
            .collect();
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|name| !came_later.contains(name));
        }
        transform_subschemas(self, schema);
    }
}

/// Takes away definitions that only the attributes had that are constants now.
fn without_what_nobody_names(schema: &mut Value) {
    let text = schema.to_string();
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        definitions.retain(|name, _| text.contains(&format!("\"#/$defs/{name}\"")));
    }
}
