//! `features`: Proxmox's own switches of a container.

use std::collections::BTreeMap;

use super::pairs;

/// Reads the switches.
pub(crate) fn read(features: &str) -> BTreeMap<Box<str>, Box<str>> {
    let pairs = pairs(features, "");
    pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
}

/// Returns the value of `features`; nothing where no switch is set.
pub(crate) fn write(options: &BTreeMap<Box<str>, Box<str>>) -> Option<String> {
    let parts: Vec<_> = options.iter().map(|(key, value)| format!("{key}={value}")).collect();
    (!parts.is_empty()).then(|| parts.join(","))
}
