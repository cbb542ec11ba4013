//! How Proxmox spells what the domain has words for, one kind of key a module: each reads a
//! section and writes the value of an option.

pub(super) mod boot;
pub(super) mod firewall;
pub(super) mod gpu;
pub(super) mod mount;
pub(super) mod net;
pub(super) mod options;
pub(super) mod raw;

use std::collections::BTreeMap;

/// Splits `a=1,b=2` into its pairs; a part without `=` is the value of `first`.
pub(super) fn pairs<'t>(text: &'t str, first: &'t str) -> BTreeMap<&'t str, &'t str> {
    text.split(',')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((first, part)))
        .collect()
}
