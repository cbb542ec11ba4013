//! What is checked once the files can be read: one rule a file.
//!
//! A rule looks at the [`Scene`] and adds what it finds. It never stops at the first thing, never
//! says what another rule says already, and says nothing about a guest that could not be read.
//! To add one: a file here, a line in [`RULES`], a page in `docs/errors/`, and two fixtures.

mod apparmor;
mod features_known;
mod files;
mod firewall_misplaced;
mod firewall_open;
mod firewall_rules;
mod ids_unique;
mod images;
mod inert_keys;
mod keys;
mod ports;
mod privileged;
mod proxmox_features;
mod raw_lines;
mod routes;
mod secrets_in_clear;
mod unknown_keys;
mod users;

use crate::code::Code;
use crate::finding::Findings;
use crate::place::Place;
use crate::scene::{Guest, Scene};

/// A rule.
pub(crate) struct Rule {
    /// What it may find.
    codes: &'static [&'static Code],
    /// Looks, and adds what it finds.
    check: fn(&Scene<'_>, &Findings),
}

/// All rules, by the names of their files.
const RULES: &[Rule] = &[
    apparmor::RULE,
    features_known::RULE,
    files::RULE,
    firewall_misplaced::RULE,
    firewall_open::RULE,
    firewall_rules::RULE,
    ids_unique::RULE,
    images::RULE,
    inert_keys::RULE,
    ports::RULE,
    privileged::RULE,
    proxmox_features::RULE,
    raw_lines::RULE,
    routes::RULE,
    secrets_in_clear::RULE,
    unknown_keys::RULE,
    users::RULE,
];

/// Runs every rule.
pub(crate) fn run(scene: &Scene<'_>, findings: &Findings) {
    for rule in RULES {
        (rule.check)(scene, findings);
    }
}

/// Returns the codes of all rules.
pub(crate) fn codes() -> impl Iterator<Item = &'static Code> {
    RULES.iter().flat_map(|rule| rule.codes.iter().copied())
}

/// Returns the word that was probably meant.
pub(crate) fn did_you_mean<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(written, word), word))
        // Two strokes of a short word make another word.
        .filter(|(strokes, word)| *strokes <= 2 && *strokes * 3 <= word.len().max(written.len()))
        .min()
        .map(|(_, word)| word)
}

/// Lists things as people do: `a`, `a and b`, `a, b and c`.
pub(crate) fn listed<T: ToString>(things: impl IntoIterator<Item = T>) -> String {
    let things: Vec<_> = things.into_iter().map(|thing| thing.to_string()).collect();
    match things.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// Guests of which the same is to be said, so that it is said once.
#[derive(Default)]
pub(crate) struct Together<'s> {
    guests: Vec<&'s Guest>,
    first: Option<Place>,
}

impl<'s> Together<'s> {
    /// Adds a guest; `place` is asked where it stands for the first one only.
    pub(crate) fn add(&mut self, guest: &'s Guest, place: impl FnOnce() -> Place) {
        if self.guests.last().is_some_and(|last| std::ptr::eq(*last, guest)) {
            return;
        }
        self.first.get_or_insert_with(place);
        self.guests.push(guest);
    }

    /// Returns the first place and how the guests are called, if there are any.
    pub(crate) fn called(&self) -> Option<(Place, String)> {
        Some((self.first.clone()?, some_of(&self.guests)))
    }
}

/// Names guests, and of many only a few: `22 guests (900, 901, 902 and 19 more)`.
pub(crate) fn some_of(guests: &[&Guest]) -> String {
    const NAMED: usize = 6;
    let id = |guest: &&Guest| guest.spec.vmid.to_string();
    match guests {
        [] => "no guest".to_owned(),
        [one] => one.called(),
        few if few.len() <= NAMED => {
            format!("{} guests ({})", few.len(), listed(few.iter().map(id)))
        }
        many => {
            let named: Vec<_> = many.iter().take(NAMED / 2).map(id).collect();
            let more = many.len() - named.len();
            format!("{} guests ({} and {more} more)", many.len(), named.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_meant_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("dokcer", ["docker", "nvidia"]), Some("docker"));
        assert_eq!(did_you_mean("nvidai", ["docker", "nvidia"]), Some("nvidia"));
        assert_eq!(did_you_mean("gw", ["ip", "gpu"]), None);
        assert_eq!(did_you_mean("kubernetes", ["docker"]), None);
    }

    #[test]
    fn things_are_listed_as_people_do() {
        assert_eq!(listed(["a", "b", "c"]), "a, b and c");
        assert_eq!(listed([1, 2]), "1 and 2");
        assert_eq!(listed(["a"]), "a");
    }
}
