//! The JSON Schemas of the files, generated from the types that read them.

use phoenix_hooks::RawWebhooks;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use crate::channels::RawChannels;
use crate::inventory::Inventory;
use crate::library::Manifest;
use crate::raw::{RawContainer, RawHypervisor, RawLxcHead, RawMachine, RawVmHead};
pub(crate) use crate::shape::Schema;

/// The documents that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Described {
    /// `phoenix_lxc_configs.json`.
    Lxc,
    /// `phoenix_vm_configs.json`.
    Vm,
    /// `phoenix_hypervisor_config.json`.
    Hypervisor,
    /// `inventory.json`.
    Inventory,
    /// A feature's `feature.json`.
    Feature,
    /// `channels.json`.
    Channels,
    /// `hooks.json`: what stands under `webhooks` of the host's file, alone.
    Webhooks,
}

/// Returns the schema of a document, JSON Schema 2020-12.
pub fn schema(document: Described) -> Value {
    match document {
        Described::Lxc => lxc(),
        Described::Vm => vm(),
        Described::Hypervisor => hypervisor(),
        Described::Inventory => of::<Inventory>(),
        Described::Feature => of::<Manifest>(),
        Described::Channels => of::<RawChannels>(),
        Described::Webhooks => of::<RawWebhooks>(),
    }
}

// The parts that are read one by one.
pub(crate) static HYPERVISOR: Schema = Schema::of(of::<RawHypervisor>);
pub(crate) static WEBHOOKS: Schema = Schema::of(of::<RawWebhooks>);
pub(crate) static LXC_HEAD: Schema = Schema::of(of::<RawLxcHead>);
pub(crate) static VM_HEAD: Schema = Schema::of(of::<RawVmHead>);
pub(crate) static CONTAINER: Schema = Schema::of(of::<RawContainer>);
pub(crate) static MACHINE: Schema = Schema::of(of::<RawMachine>);
pub(crate) static INVENTORY: Schema = Schema::of(of::<Inventory>);
pub(crate) static CHANNELS: Schema = Schema::of(of::<RawChannels>);

fn generator() -> SchemaGenerator {
    // Without references, so that the place of an error in the schema is a path into it.
    SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
}

fn of<T: JsonSchema>() -> Value {
    generator().into_root_schema_for::<T>().to_value()
}

fn hypervisor() -> Value {
    let mut schema = of::<RawHypervisor>();
    let mut webhooks = without_dialect(of::<RawWebhooks>());
    let described = schema.pointer("/properties/webhooks/description").cloned();
    if let (Some(webhooks), Some(described)) = (webhooks.as_object_mut(), described) {
        webhooks.insert("description".to_owned(), described);
        webhooks.insert("type".to_owned(), json!(["object", "null"]));
        webhooks.remove("title");
    }
    if let Some(properties) = schema.pointer_mut("/properties").and_then(Value::as_object_mut) {
        properties.insert("webhooks".to_owned(), webhooks);
    }
    schema
}

fn lxc() -> Value {
    let containers = json!({
        "description": "The containers by their id.",
        "type": ["object", "null"],
        "propertyNames": { "pattern": "^[1-9][0-9]{2,8}$" },
        "additionalProperties": without_dialect(of::<RawContainer>()),
    });
    with_guests(of::<RawLxcHead>(), "phoenix_lxc_configs.json", "lxc_configs", containers)
}

fn vm() -> Value {
    let machine = without_dialect(of::<RawMachine>());
    let machines = json!({
        "description": "The machines: a list in which each has its `vmid`, or a map by id.",
        "type": ["array", "object", "null"],
        "items": machine,
        "additionalProperties": machine,
    });
    with_guests(of::<RawVmHead>(), "phoenix_vm_configs.json", "vms", machines)
}

fn with_guests(mut head: Value, title: &str, key: &str, guests: Value) -> Value {
    if let Some(properties) = head.pointer_mut("/properties").and_then(Value::as_object_mut) {
        properties.insert(key.to_owned(), guests);
    }
    if let Some(head) = head.as_object_mut() {
        head.insert("title".to_owned(), title.into());
    }
    head
}

fn without_dialect(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$schema");
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_one() {
        for document in [
            Described::Lxc,
            Described::Vm,
            Described::Hypervisor,
            Described::Inventory,
            Described::Feature,
            Described::Channels,
            Described::Webhooks,
        ] {
            let schema = schema(document);
            assert!(jsonschema::draft202012::meta::is_valid(&schema), "{document:?}");
        }
    }

    #[test]
    fn every_key_is_described() {
        fn walk(schema: &Value, path: &str) {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let path = format!("{path}/{name}");
                assert!(property["description"].is_string(), "{path} has no description");
                walk(property, &path);
                walk(&property["items"], &path);
                walk(&property["additionalProperties"], &path);
            }
        }
        walk(&lxc(), "lxc");
        walk(&vm(), "vm");
        walk(&hypervisor(), "hypervisor");
        walk(&of::<RawChannels>(), "channels");
    }
}
