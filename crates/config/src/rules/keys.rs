//! What rules about keys share: which keys nobody asked for, and which there are.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use serde_json::{Map, Value};

use super::some_of;
use crate::place::{File, Place, Segment};
use crate::scene::{Guest, Ignored, Scene};
use crate::schema::{self, Schema};

/// Where a way of keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Level {
    /// The host's file.
    Host,
    /// The containers' file, outside of the containers.
    LxcHead,
    /// A container.
    Container,
    /// The machines' file, outside of the machines.
    VmHead,
    /// A machine.
    Machine,
    /// The inventory.
    Inventory,
    /// The channels.
    Channels,
}

impl Level {
    pub(super) const ALL: [Self; 5] =
        [Self::Host, Self::LxcHead, Self::Container, Self::VmHead, Self::Machine];

    /// Returns where the way to a place begins.
    pub(super) fn of(place: &Place) -> Self {
        match (place.file, place.entry) {
            (File::Hypervisor, _) => Self::Host,
            (File::Lxc, None) => Self::LxcHead,
            (File::Lxc, Some(_)) => Self::Container,
            (File::Vm, None) => Self::VmHead,
            (File::Vm, Some(_)) => Self::Machine,
            (File::Inventory, _) => Self::Inventory,
            (File::Channels, _) => Self::Channels,
        }
    }

    /// Returns the schema of what begins here.
    pub(super) fn schema(self) -> Value {
        let schema: &Schema = match self {
            Self::Host => &schema::HYPERVISOR,
            Self::LxcHead => &schema::LXC_HEAD,
            Self::Container => &schema::CONTAINER,
            Self::VmHead => &schema::VM_HEAD,
            Self::Machine => &schema::MACHINE,
            Self::Inventory => &schema::INVENTORY,
            Self::Channels => &schema::CHANNELS,
        };
        (schema.document)()
    }

    /// Says what it is, behind "belongs into".
    pub(super) fn called(self) -> &'static str {
        match self {
            Self::Host => "the top level of phoenix_hypervisor_config.json",
            Self::LxcHead => "the top level of phoenix_lxc_configs.json",
            Self::Container => "a container of phoenix_lxc_configs.json",
            Self::VmHead => "the top level of phoenix_vm_configs.json",
            Self::Machine => "a machine of phoenix_vm_configs.json",
            Self::Inventory => "inventory.json",
            Self::Channels => "the channels file",
        }
    }
}

/// The same ignored key at all its places.
pub(super) struct Alike<'s> {
    /// The first.
    pub(super) first: &'s Ignored,
    /// Whose it is.
    pub(super) holders: Holders<'s>,
}

/// Guests that have a key, or the file that has it outside of its guests.
#[derive(Default)]
pub(super) struct Holders<'s> {
    places: Option<&'s Place>,
    guests: Vec<&'s Guest>,
}

impl<'s> Holders<'s> {
    /// Takes over those of another key.
    pub(super) fn join(&mut self, other: Alike<'s>) {
        self.places = self.places.or(other.holders.places);
        for guest in other.holders.guests {
            if !self.guests.iter().rev().take(1).any(|last| std::ptr::eq(*last, guest)) {
                self.guests.push(guest);
            }
        }
    }

    /// Returns the first place.
    pub(super) fn first(&self) -> Option<&'s Place> {
        self.places
    }

    /// Names the guests, if it is guests that have it.
    pub(super) fn called(&self) -> Option<String> {
        (!self.guests.is_empty()).then(|| some_of(&self.guests))
    }
}

/// Two ways are alike when they differ only in positions.
struct Way<'s>(Level, &'s [Segment]);

impl PartialEq for Way<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
            && self.1.len() == other.1.len()
            && self.1.iter().zip(other.1).all(|(a, b)| match (a, b) {
                (Segment::Key(a), Segment::Key(b)) => a == b,
                (Segment::Index(_), Segment::Index(_)) => true,
                (Segment::Key(_), Segment::Index(_)) | (Segment::Index(_), Segment::Key(_)) => {
                    false
                }
            })
    }
}

impl Eq for Way<'_> {}

impl Hash for Way<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        for segment in self.1 {
            match segment {
                Segment::Key(key) => key.hash(state),
                Segment::Index(_) => 0.hash(state),
            }
        }
    }
}

/// Returns the keys that nobody asks for, each once.
pub(super) fn alike<'s>(scene: &'s Scene<'_>) -> Vec<Alike<'s>> {
    let mut nth_of: HashMap<Way<'s>, usize> = HashMap::new();
    let mut all: Vec<Alike<'s>> = Vec::new();
    for ignored in scene.ignored {
        let way = Way(Level::of(&ignored.place), &ignored.place.path);
        let nth = *nth_of.entry(way).or_insert_with(|| {
            let holders = Holders { places: Some(&ignored.place), guests: Vec::new() };
            all.push(Alike { first: ignored, holders });
            all.len() - 1
        });
        let Some(alike) = all.get_mut(nth) else { continue };
        let guest = ignored.place.entry.and_then(|entry| scene.guest_at(ignored.place.file, entry));
        if let Some(guest) = guest
            && !alike.holders.guests.last().is_some_and(|last| std::ptr::eq(*last, guest))
        {
            alike.holders.guests.push(guest);
        }
    }
    all
}

/// Returns the keys there are at the end of a way.
pub(super) fn known<'v>(schema: &'v Value, path: &[Segment]) -> Option<&'v Map<String, Value>> {
    // One value or a list of them: the way tells which.
    if let Some(either) = schema.get("anyOf").and_then(Value::as_array) {
        return either.iter().find_map(|schema| known(schema, path));
    }
    let Some((segment, rest)) = path.split_first() else {
        return schema.get("properties").and_then(Value::as_object);
    };
    let next = match segment {
        Segment::Key(key) => schema
            .get("properties")
            .and_then(|properties| properties.get(key.as_ref()))
            .or_else(|| schema.get("additionalProperties"))?,
        Segment::Index(_) => schema.get("items")?,
    };
    known(next, rest)
}

/// Returns the ways to all objects of a schema that have a key: `firewall.rules.[]`.
pub(super) fn ways_to(schema: &Value, key: &str) -> Vec<String> {
    fn walk(schema: &Value, key: &str, way: &str, found: &mut Vec<String>) {
        let below =
            |part: &str| if way.is_empty() { part.to_owned() } else { format!("{way}.{part}") };
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            if properties.contains_key(key) {
                found.push(way.to_owned());
            }
            for (name, property) in properties {
                walk(property, key, &below(name), found);
            }
        }
        for schema in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
            walk(schema, key, way, found);
        }
        if let Some(items) = schema.get("items") {
            walk(items, key, way, found);
        }
        if let Some(any) = schema.get("additionalProperties") {
            walk(any, key, &below("…"), found);
        }
    }

    let mut found = Vec::new();
    walk(schema, key, "", &mut found);
    found.dedup();
    found
}
