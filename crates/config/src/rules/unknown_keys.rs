//! A key that nobody asks for was meant to do something.

use std::collections::BTreeMap;

use serde_json::Value;

use super::keys::{self, Alike, Level};
use super::{Rule, did_you_mean, firewall_misplaced, inert_keys, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::{File, Segment};
use crate::scene::Scene;
use crate::secrets;

static UNKNOWN: Code = code!("0801", Warning, "a key is unknown");
static MISPLACED: Code = code!("0803", Warning, "a key stands in the wrong place");

pub(super) const RULE: Rule = Rule { codes: &[&UNKNOWN, &MISPLACED], check };

/// Words that others have for keys of ours, where the key is one of those that are known.
const SYNONYMS: &[(&str, &str)] = &[
    ("address", "ip"),
    ("dns", "nameservers"),
    ("dns_servers", "nameservers"),
    ("gateway", "gw"),
    ("ip_address", "ip"),
    ("mac", "hwaddr"),
    ("mac_address", "hwaddr"),
    ("user", "username"),
];

fn check(scene: &Scene<'_>, findings: &Findings) {
    if scene.ignored.is_empty() {
        return;
    }
    let schemas: BTreeMap<Level, Value> =
        Level::ALL.into_iter().map(|level| (level, level.schema())).collect();
    for group in keys::alike(scene) {
        let Some((Segment::Key(key), above)) = group.first.place.path.split_last() else {
            continue;
        };
        // People write remarks like this where comments are not allowed.
        let is_remark = key.starts_with('_') || key.starts_with("//");
        if is_remark
            || inert_keys::is_inert(group.first)
            || firewall_misplaced::is_firewall(group.first)
        {
            continue;
        }
        findings.add(finding(&group, key, above, &schemas));
    }
}

fn finding(
    group: &Alike<'_>,
    key: &str,
    above: &[Segment],
    schemas: &BTreeMap<Level, Value>,
) -> Finding {
    let level = Level::of(&group.first.place);
    let within: Vec<_> = above
        .iter()
        .filter_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_ref()),
            Segment::Index(_) => None,
        })
        .collect();
    let holder = group.holders.called().unwrap_or_else(|| group.first.place.file.name().to_owned());
    let holder = match within.as_slice() {
        [] => holder,
        within => format!("`{}` of {holder}", within.join(".")),
    };
    let place = group.first.place.clone().named();

    let known = schemas.get(&level).and_then(|schema| keys::known(schema, above));
    let synonym = SYNONYMS.iter().find(|(other, ours)| {
        *other == key && known.is_some_and(|known| known.contains_key(*ours))
    });
    if let Some((_, ours)) = synonym {
        let message = format!("`{key}` in {holder} is unknown and has no effect");
        return Finding::new(&UNKNOWN, place, message).help(format!("write `{ours}`"));
    }
    if let Some(belongs) = elsewhere(level, key, schemas) {
        let message = format!("`{key}` has no effect in {holder}: it does not belong there");
        return Finding::new(&MISPLACED, place, message).help(format!(
            "`{key}` belongs into {belongs}: move it there, or remove it if that says it already"
        ));
    }
    // The guests stand under a key that no type of the head has.
    let guests = match (above, group.first.place.entry, group.first.place.file) {
        ([], None, File::Lxc) => Some("lxc_configs"),
        ([], None, File::Vm) => Some("vms"),
        (_, _, _) => None,
    };
    let known =
        || known.into_iter().flat_map(|known| known.keys().map(String::as_str)).chain(guests);
    let shown = if secrets::inside(key).is_empty() { key } else { "(not shown)" };
    let message = format!("`{shown}` in {holder} is unknown and has no effect");
    let finding = Finding::new(&UNKNOWN, place, message);
    match did_you_mean(key, known()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None if known().count() <= 12 && known().count() > 0 => {
            finding.help(format!("remove it, or take one of the keys here: {}", listed(known())))
        }
        None => finding.help(match group.first.place.file {
            File::Hypervisor => "`phoenix schema hypervisor` prints the keys there are",
            File::Lxc => "`phoenix schema lxc` prints the keys there are",
            File::Vm => "`phoenix schema vm` prints the keys there are",
            File::Inventory => "`phoenix schema inventory` prints the keys there are",
            File::Channels => "`phoenix schema channels` prints the keys there are",
        }),
    }
}

/// Returns where a key belongs that is known elsewhere, if that is one place or two: a key like
/// `name` is known in so many that none of them was meant.
fn elsewhere(level: Level, key: &str, schemas: &BTreeMap<Level, Value>) -> Option<String> {
    const MOST: usize = 2;
    let ways = |level: Level| {
        schemas.get(&level).map(|schema| keys::ways_to(schema, key)).unwrap_or_default()
    };
    let own = ways(level);
    if !own.is_empty() {
        let named = own.iter().map(|way| match way.as_str() {
            "" => level.called().to_owned(),
            way => format!("`{way}`"),
        });
        return (own.len() <= MOST).then(|| listed(named).replace(" and ", " or "));
    }
    let others: Vec<_> = Level::ALL
        .into_iter()
        .filter(|other| *other != level)
        .flat_map(|other| ways(other).into_iter().map(move |way| (other, way)))
        .collect();
    let named = others.iter().map(|(other, way)| match way.as_str() {
        "" => other.called().to_owned(),
        way => format!("`{way}` of {}", other.called()),
    });
    (1..=MOST).contains(&others.len()).then(|| listed(named).replace(" and ", " or "))
}
