//! What is found of several guests and told once.

use std::collections::HashMap;
use std::hash::Hash;

/// Things by what they have in common, in the order in which they were found.
pub(super) struct Groups<K, T> {
    groups: Vec<(K, Vec<T>)>,
    by_key: HashMap<K, usize>,
}

impl<K: Clone + Eq + Hash, T> Groups<K, T> {
    /// Returns no groups yet; nothing is allocated before there is one.
    pub(super) fn new() -> Self {
        Self { groups: Vec::new(), by_key: HashMap::new() }
    }

    /// Adds a thing to those that have the same in common.
    pub(super) fn add(&mut self, key: K, thing: T) {
        let nth = *self.by_key.entry(key.clone()).or_insert_with(|| {
            self.groups.push((key, Vec::new()));
            self.groups.len() - 1
        });
        if let Some((_, things)) = self.groups.get_mut(nth) {
            things.push(thing);
        }
    }

    /// Returns the groups.
    pub(super) fn into_iter(self) -> impl Iterator<Item = (K, Vec<T>)> {
        self.groups.into_iter()
    }
}

/// Returns `one` for a single thing and `many` for several.
pub(super) fn per<'a, T>(things: &[T], one: &'a str, many: &'a str) -> &'a str {
    match things {
        [_] => one,
        [] | [_, _, ..] => many,
    }
}
