//! What is checked once the files can be read: one rule a file.
//!
//! A rule looks at the [`Scene`] and adds what it finds. It never stops at the first thing, never
//! says what another rule says already, and says nothing about a guest that could not be read.
//! To add one: a file here, a line in [`RULES`], a page in `docs/errors/`, and two fixtures.

mod addresses_unique;
mod apparmor;
mod boot_order;
mod bridges_known;
mod circles;
mod clones_fit;
mod core_paths;
mod datasets;
mod disk_sizes;
mod driver_version;
mod feature_conflicts;
mod feature_needs;
mod feature_options;
mod feature_order;
mod feature_parameters;
mod features_inherited;
mod features_known;
mod files;
mod firewall_misplaced;
mod firewall_open;
mod firewall_rules;
mod gateway_routes;
mod gateways;
mod gpu_features;
mod gpu_shares;
mod gpus_exist;
mod groups;
mod guests_known;
mod host_mounts;
mod host_networks;
mod host_packages;
mod ids_unique;
mod images;
mod inert_keys;
mod keys;
mod memory_at_boot;
mod memory_sense;
mod model_keys;
mod mounts_unique;
mod names_unique;
mod networks;
mod origin_unused;
mod pools;
mod ports;
mod privileged;
mod probes_off;
mod proxmox_features;
mod raw_lines;
mod routes;
mod sdn;
mod seals;
mod secrets_asked_for;
mod secrets_in_clear;
mod shared_volumes;
mod shares;
mod shares_possible;
mod snapshots_possible;
mod state_on_volume;
mod stateless_data;
mod storage_content;
mod storage_ids;
mod storage_known;
mod storage_room;
mod storages_possible;
mod template_dependencies;
mod tensor_parallel;
mod time_zone;
mod unknown_keys;
mod users;
mod webhooks;
mod zfs_volumes;

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::code::Code;
use crate::finding::{Finding, Findings};
use crate::load::NOT_CHECKED;
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
    addresses_unique::RULE,
    apparmor::RULE,
    boot_order::RULE,
    bridges_known::RULE,
    circles::RULE,
    clones_fit::RULE,
    core_paths::RULE,
    datasets::RULE,
    disk_sizes::RULE,
    driver_version::RULE,
    feature_conflicts::RULE,
    feature_needs::RULE,
    feature_options::RULE,
    feature_order::RULE,
    feature_parameters::RULE,
    features_inherited::RULE,
    features_known::RULE,
    files::RULE,
    firewall_misplaced::RULE,
    firewall_open::RULE,
    firewall_rules::RULE,
    gateway_routes::RULE,
    gateways::RULE,
    gpu_features::RULE,
    gpu_shares::RULE,
    gpus_exist::RULE,
    guests_known::RULE,
    host_mounts::RULE,
    host_networks::RULE,
    host_packages::RULE,
    ids_unique::RULE,
    images::RULE,
    inert_keys::RULE,
    memory_at_boot::RULE,
    memory_sense::RULE,
    model_keys::RULE,
    mounts_unique::RULE,
    names_unique::RULE,
    networks::RULE,
    origin_unused::RULE,
    pools::RULE,
    ports::RULE,
    privileged::RULE,
    probes_off::RULE,
    proxmox_features::RULE,
    raw_lines::RULE,
    routes::RULE,
    sdn::RULE,
    seals::RULE,
    secrets_asked_for::RULE,
    secrets_in_clear::RULE,
    shared_volumes::RULE,
    shares::RULE,
    shares_possible::RULE,
    snapshots_possible::RULE,
    state_on_volume::RULE,
    stateless_data::RULE,
    storage_content::RULE,
    storage_ids::RULE,
    storage_known::RULE,
    storage_room::RULE,
    storages_possible::RULE,
    template_dependencies::RULE,
    tensor_parallel::RULE,
    time_zone::RULE,
    unknown_keys::RULE,
    users::RULE,
    webhooks::RULE,
    zfs_volumes::RULE,
];

/// Runs every rule, on every core: whichever is free takes the next.
pub(crate) fn run(scene: &Scene<'_>, findings: &Findings) {
    // A small fleet is checked before a thread has started.
    const WORTH_A_THREAD: usize = 2000;
    let next = AtomicUsize::new(0);
    let take = || {
        while let Some(rule) = RULES.get(next.fetch_add(1, Ordering::Relaxed)) {
            (rule.check)(scene, findings);
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let helpers = cores.min(scene.guests.len() / WORTH_A_THREAD).saturating_sub(1);
    thread::scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(take);
        }
        take();
    });
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
    let known: Vec<_> = known.into_iter().collect();
    // `memory` is `memory_mb` to whoever forgot the unit.
    let is_longer = |word: &&str| {
        word.strip_prefix(written).is_some_and(|rest| rest.starts_with('_')) && written.len() > 3
    };
    if let Some(longer) = known.iter().copied().find(is_longer) {
        return Some(longer);
    }
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
    if let [one] = guests {
        return one.called();
    }
    let mut ids: Vec<_> = guests.iter().map(|guest| guest.spec.vmid).collect();
    ids.sort_unstable();
    let count = ids.len();
    if count <= NAMED {
        return format!("{count} guests ({})", listed(ids));
    }
    let named: Vec<_> = ids.iter().take(NAMED / 2).map(ToString::to_string).collect();
    format!("{count} guests ({} and {} more)", named.join(", "), count - named.len())
}

/// Names GPUs: `GPU 0`, `GPUs 0 and 1`.
pub(crate) fn gpus(indices: &[u8]) -> String {
    match indices {
        [] => "no GPU".to_owned(),
        [one] => format!("GPU {one}"),
        several => format!("GPUs {}", listed(several)),
    }
}

/// Says that nobody knows, without facts of the host, whether something is so.
pub(crate) fn not_checked(place: Place, whether: &str) -> Finding {
    Finding::new(&NOT_CHECKED, place, format!("not checked: whether {whether}")).help(
        "this takes facts of the host: put an `inventory.json` beside the config \
         (`phoenix schema inventory` prints what it may contain)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_meant_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("dokcer", ["docker", "nvidia"]), Some("docker"));
        assert_eq!(did_you_mean("nvidai", ["docker", "nvidia"]), Some("nvidia"));
        assert_eq!(did_you_mean("memory", ["memory_mb", "cores"]), Some("memory_mb"));
        assert_eq!(did_you_mean("gw", ["ip", "gpu"]), None);
        assert_eq!(did_you_mean("kubernetes", ["docker"]), None);
    }

    #[test]
    fn gpus_are_named_one_by_one() {
        assert_eq!(gpus(&[0]), "GPU 0");
        assert_eq!(gpus(&[0, 1]), "GPUs 0 and 1");
        assert_eq!(gpus(&[]), "no GPU");
    }

    #[test]
    fn things_are_listed_as_people_do() {
        assert_eq!(listed(["a", "b", "c"]), "a, b and c");
        assert_eq!(listed([1, 2]), "1 and 2");
        assert_eq!(listed(["a"]), "a");
    }
}
