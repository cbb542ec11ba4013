//! The host is in a time zone that there is.

use super::{Rule, did_you_mean};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::read::is_zone;
use crate::scene::Scene;

static CODE: Code = code!("0916", Warning, "a time zone is not known here");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// The names of the tz database, release 2025b. The host may have a newer one, which has the last word.
const KNOWN: &str = include_str!("time_zones.txt");

fn check(scene: &Scene<'_>, findings: &Findings) {
    let zone = scene.hypervisor.timezone.as_deref().unwrap_or_default().trim();
    // What cannot be one at all is told where it is read.
    if zone.is_empty() || !is_zone(zone) || KNOWN.lines().any(|known| known == zone) {
        return;
    }
    let message = format!("the time zone `{zone}` is not known here");
    let finding = Finding::new(&CODE, Place::of_host("timezone"), message);
    let alike = KNOWN.lines().find(|known| known.eq_ignore_ascii_case(zone));
    // Most people know the city and not the continent.
    let city = || KNOWN.lines().find(|known| known.rsplit('/').next() == Some(zone));
    let near = alike.or_else(city).or_else(|| did_you_mean(zone, KNOWN.lines()));
    findings.add(match near {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help(
            "`timedatectl list-timezones` on the host lists those it has, and `phoenix setup` \
             refuses any other",
        ),
    });
}
