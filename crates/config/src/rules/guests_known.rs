//! A guest can only stand on guests that are in the files.

use phoenix_domain::Vmid;

use super::groups::{Groups, per};
use super::{Rule, listed, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::scene::{Guest, Scene};

static PARENT: Code = code!("0103", Error, "a parent does not exist");
static DEPENDENCY: Code = code!("0107", Error, "a dependency does not exist");

pub(super) const RULE: Rule = Rule { codes: &[&PARENT, &DEPENDENCY], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut parents: Groups<Vmid, &Guest> = Groups::new();
    let mut dependencies: Groups<Vmid, (&Guest, usize)> = Groups::new();
    for guest in scene.guests {
        if let Some(parent) = guest.spec.parent().filter(|parent| !scene.knows(*parent)) {
            parents.add(parent, guest);
        }
        for (nth, dependency) in guest.spec.dependencies.iter().enumerate() {
            if !scene.knows(*dependency) {
                dependencies.add(*dependency, (guest, nth));
            }
        }
    }
    for (nth_missing, (missing, guests)) in parents.into_iter().enumerate() {
        let what = per(&guests, "is cloned", "are cloned");
        let message =
            format!("{} {what} from guest {missing}, which does not exist", some_of(&guests));
        let mut places = guests.iter().map(|guest| guest.at("clone_from_ctid"));
        let near = near(scene, missing, nth_missing);
        let remedy = "correct the id, or describe the parent in one of the files";
        findings.extend(told(&PARENT, message, &mut places, &near, remedy));
    }
    for (nth_missing, (missing, needs)) in dependencies.into_iter().enumerate() {
        let guests: Vec<_> = needs.iter().map(|(guest, _)| *guest).collect();
        let what = per(&guests, "depends", "depend");
        let message =
            format!("{} {what} on guest {missing}, which does not exist", some_of(&guests));
        let mut places = needs.iter().map(|(guest, nth)| guest.at("dependencies").index(*nth));
        let near = near(scene, missing, nth_missing);
        let remedy = "correct the id, take it out, or describe the guest in one of the files";
        findings.extend(told(&DEPENDENCY, message, &mut places, &near, remedy));
    }
}

fn told(
    code: &'static Code,
    message: String,
    places: &mut dyn Iterator<Item = Place>,
    near: &[&Guest],
    remedy: &str,
) -> Option<Finding> {
    /// Places of one finding that are shown; who has more of them knows what is meant.
    const SHOWN: usize = 3;
    let mut finding = Finding::new(code, places.next()?, message).label("not in any of the files");
    for place in places.take(SHOWN - 1) {
        finding = finding.also(place, "nor here");
    }
    if !near.is_empty() {
        let names = near.iter().map(|guest| format!("{} ({})", guest.spec.vmid, guest.spec.name));
        finding = finding.help(format!("near it there {} {}", are(near.len()), listed(names)));
    }
    Some(finding.help(remedy))
}

/// Returns the verb of so many.
pub(super) fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// Returns up to three guests whose id is one stroke away.
///
/// The ids one stroke away are few, so asking for each of them costs the same in any fleet.
pub(super) fn near<'a>(scene: &'a Scene<'_>, missing: Vmid, nth_missing: usize) -> Vec<&'a Guest> {
    const SUGGESTED: usize = 3;
    // Where so many ids are wrong, it was not somebody's finger.
    const MISTYPED: usize = 20;
    if nth_missing >= MISTYPED {
        return Vec::new();
    }
    let typed = missing.to_string();
    let mut strokes = Vec::new();
    for at in 0..=typed.len() {
        let (front, back) = typed.split_at(at);
        let mut rest = back.chars();
        let first = rest.next();
        let rest = rest.as_str();
        strokes.extend(('0'..='9').map(|digit| format!("{front}{digit}{back}")));
        if let Some(first) = first {
            strokes.push(format!("{front}{rest}"));
            strokes.extend(('0'..='9').map(|digit| format!("{front}{digit}{rest}")));
            let mut behind = rest.chars();
            if let Some(second) = behind.next() {
                strokes.push(format!("{front}{second}{first}{}", behind.as_str()));
            }
        }
    }
    let ids = strokes.iter().filter_map(|id| id.parse().ok());
    let mut near: Vec<_> = ids.filter_map(|id| scene.guest(id)).collect();
    near.sort_unstable_by_key(|guest| {
        let id = guest.spec.vmid.number();
        (id.abs_diff(missing.number()), id)
    });
    near.dedup_by_key(|guest| guest.spec.vmid);
    near.truncate(SUGGESTED);
    near
}
