//! A config is copied, kept and shown: no place for a secret.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

use super::{Rule, listed};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::{File, Place};
use crate::read::{SECRET_CARRIED, SECRET_LITERAL};
use crate::scene::Scene;
use crate::secrets;

static CODE: Code = code!("0608", Warning, "a secret stands in clear");

pub(super) const RULE: Rule = Rule { codes: &[&CODE, &SECRET_CARRIED], check };

/// Secrets that the same key asks for in one file.
#[derive(Default)]
struct Alike {
    places: Vec<Place>,
    holders: Vec<String>,
}

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut alike: BTreeMap<(File, Option<&str>, bool), Alike> = BTreeMap::new();
    // Some are told already where a name of a secret is read.
    let told: HashSet<_> = [&SECRET_LITERAL, &SECRET_CARRIED]
        .into_iter()
        .flat_map(|code| findings.places(code))
        .map(|place| (place.file, scene.sources.span(&place).start + 1))
        .collect();
    for file in [File::Hypervisor, File::Lxc, File::Vm] {
        let Some(source) = scene.sources.get(file) else { continue };
        let json = source.json();
        for part in parts_worth_a_look(scene, file, json) {
            let start = part.start;
            for secret in secrets::find(json.get(part).unwrap_or_default()) {
                let span = start + secret.span.start..start + secret.span.end;
                if told.contains(&(file, span.start)) || names_a_file(json, &span) {
                    continue;
                }
                let is_carried = is_carried(scene, file, &span, json);
                let group = alike.entry((file, secret.owner, is_carried)).or_default();
                let holder = holder(scene, file, span.start);
                if !group.holders.contains(&holder) {
                    group.holders.push(holder);
                }
                group.places.push(Place::span(file, span));
            }
        }
    }
    for ((_, owner, is_carried), group) in alike {
        report(owner, is_carried, group, findings);
    }
}

fn report(owner: Option<&str>, is_carried: bool, mut group: Alike, findings: &Findings) {
    const SHOWN: usize = 3;
    let holders = match group.holders.len() {
        count if count > SHOWN => {
            group.holders.truncate(SHOWN);
            format!("{} and {} more", group.holders.join(", "), count - SHOWN)
        }
        _ => listed(group.holders),
    };
    let message = match owner {
        Some(owner) => format!("`{owner}` holds a secret in clear in {holders}"),
        None => format!("what looks like a secret stands in clear in {holders}"),
    };
    let mut places = group.places.into_iter();
    let Some(first) = places.next() else { return };
    let code = if is_carried { &SECRET_CARRIED } else { &CODE };
    let finding = Finding::new(code, first, message).label("the value is not shown");
    let finding =
        places.take(SHOWN - 1).fold(finding, |finding, place| finding.also(place, "another one"));
    findings.add(finding.help(
        "put it into a secret store and write its name instead (`secret://path/of/it`), then change it: it was in a file",
    ));
}

/// Returns the parts of a file that have something in them which may give a secret away: whole
/// guests, and what stands between them.
fn parts_worth_a_look(scene: &Scene<'_>, file: File, json: &str) -> Vec<Range<usize>> {
    // What is shorter is read before a thread has started.
    const WORTH_A_THREAD: usize = 4 * 1024 * 1024;
    // A telltale may lie across the end of a share.
    const OVERLAP: usize = 32;
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = json.len().div_ceil(cores).max(WORTH_A_THREAD);
    let parts = |from: usize| {
        let bytes = json.as_bytes();
        let end = (from + share + OVERLAP).min(bytes.len());
        let mut parts: Vec<Range<usize>> = Vec::new();
        secrets::each_telltale(bytes.get(from..end).unwrap_or_default(), |at| {
            let at = from + at;
            if parts.last().is_none_or(|part| part.end <= at) && is_telling(json, at) {
                parts.push(scene.sources.part_around(file, at));
            }
        });
        parts
    };
    if json.len() <= share {
        return parts(0);
    }
    let mut all: Vec<_> = thread::scope(|scope| {
        let shares: Vec<_> = (0..json.len())
            .step_by(share)
            .map(|from| {
                let parts = &parts;
                scope.spawn(move || parts(from))
            })
            .collect();
        shares
            .into_iter()
            .flat_map(|share| share.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    // A guest may lie across it too.
    all.dedup();
    all
}

/// Says whether the string around an offset asks for a secret or has one in it.
fn is_telling(json: &str, at: usize) -> bool {
    let bytes = json.as_bytes();
    let is_end = |byte: &u8| matches!(byte, b'"' | b'\n');
    let start = bytes.get(..at).unwrap_or_default().iter().rposition(is_end).map_or(0, |at| at + 1);
    let behind = bytes.get(at..).unwrap_or_default();
    let end = behind.iter().position(is_end).map_or(bytes.len(), |length| at + length);
    let text = json.get(start..end).unwrap_or_default();
    secrets::asks_for_secret(text)
        || secrets::gives_secrets(text)
        || !secrets::inside(text).is_empty()
}

/// Says whether a secret is part of what is wanted of its guest, and would be published with it.
fn is_carried(scene: &Scene<'_>, file: File, span: &Range<usize>, json: &str) -> bool {
    let guest = scene.sources.entry_around(file, span.start);
    let guest = guest.and_then(|nth| scene.guest_at(file, nth));
    let secret = json.get(span.clone()).unwrap_or_default();
    guest.is_some_and(|guest| {
        serde_json::to_string(&guest.spec).is_ok_and(|spec| spec.contains(secret))
    })
}

/// Says whether a value is the path of a file and no secret.
fn names_a_file(json: &str, span: &Range<usize>) -> bool {
    json.get(span.clone()).is_some_and(|value| {
        value.starts_with('/')
            && value.matches('/').count() > 1
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
    })
}

fn holder(scene: &Scene<'_>, file: File, at: usize) -> String {
    let nth = scene.sources.entry_around(file, at);
    match nth.and_then(|nth| scene.guest_at(file, nth)) {
        Some(guest) => guest.called(),
        None if nth.is_some() => "a guest".to_owned(),
        None => file.name().to_owned(),
    }
}
