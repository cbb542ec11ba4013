//! `phoenix feature outdated`: where a feature was installed by a recipe that is another one now.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use phoenix_domain::{FeatureName, GuestKey, GuestSpec};
use serde_json::json;

use crate::ahead::{self, Known};
use crate::cli::{FeatureOutdatedArgs, ListFormat};
use crate::commands::drift;
use crate::error::{CommandError, EXIT_DIFFERS, EXIT_UNAVAILABLE};
use crate::output::Output;
use crate::session;
use crate::states::States;
use crate::words;

/// Guests by the number of the one they are cloned from.
type Specs = BTreeMap<GuestKey, GuestSpec>;

/// A feature whose recipe has changed since it was installed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Outdated {
    feature: FeatureName,
    /// The guest that lists it; absent where nobody above does any more.
    of: Option<GuestKey>,
    /// The guests that have it as it was, that guest among them where it could be looked into.
    guests: BTreeSet<GuestKey>,
}

pub(super) fn run(args: &FeatureOutdatedArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(look(args, output))
}

async fn look(args: &FeatureOutdatedArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.connect, output).await?;
    let states = States::read(&session.bus).await?;
    let present: Vec<_> = states.records().filter(|record| !drift::is_gone(record)).collect();
    let specs: Specs =
        present.iter().filter_map(|one| Some((one.guest, one.desired.spec.read().ok()?))).collect();
    let subjects: Vec<_> =
        present.into_iter().filter_map(|record| drift::subject(record).ok()).collect();
    let known = ahead::ask(&session.bus, &subjects).await;
    let outdated = outdated(&known, &specs);
    match args.output {
        ListFormat::Text => {
            output.data(&text(&outdated, &specs))?;
            for one in &known {
                if let Err(unknown) = &one.said {
                    let title = words::guest(one.guest, &one.name);
                    let why = words::line(&unknown.why);
                    output.remark(&format!("warning: {title} was not looked at: {why}"))?;
                }
            }
        }
        ListFormat::Json => {
            let list: Vec<_> = outdated
                .iter()
                .map(|one| json!({ "feature": one.feature, "of": one.of, "guests": one.guests }))
                .collect();
            let unknown: Vec<_> =
                known.iter().filter(|one| one.said.is_err()).map(|one| one.guest).collect();
            let document = json!({
                "apiVersion": "phoenix.dev/v1", "kind": "OutdatedFeatureList",
                "outdated": list, "notLookedAt": unknown,
            });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    Ok(match (outdated.is_empty(), ahead::silence(&known)) {
        (false, _) => EXIT_DIFFERS,
        (true, Some(_)) => EXIT_UNAVAILABLE,
        (true, None) => 0,
    })
}

/// Sorts what is outdated by the guest that brought it.
fn outdated(known: &[Known], specs: &Specs) -> Vec<Outdated> {
    let mut found: BTreeMap<(FeatureName, Option<GuestKey>), BTreeSet<GuestKey>> = BTreeMap::new();
    for one in known {
        let Ok(forecast) = &one.said else { continue };
        for feature in &forecast.outdated {
            let of = brought_by(one.guest, feature, specs);
            found.entry((feature.clone(), of)).or_default().insert(one.guest);
        }
    }
    found.into_iter().map(|((feature, of), guests)| Outdated { feature, of, guests }).collect()
}

/// Returns the nearest guest above, or this one, that lists a feature.
fn brought_by(guest: GuestKey, feature: &FeatureName, specs: &Specs) -> Option<GuestKey> {
    let mut at = guest;
    // No chain is longer than there are guests; a log could say that one goes round.
    for _ in 0..=specs.len() {
        let spec = specs.get(&at)?;
        if spec.features.contains(feature) {
            return Some(at);
        }
        at = GuestKey { vmid: spec.parent()?, ..at };
    }
    None
}

fn text(outdated: &[Outdated], specs: &Specs) -> String {
    if outdated.is_empty() {
        return "no feature was installed by an older recipe, as far as guests run\n".to_owned();
    }
    let title = |guest: &GuestKey| {
        let name = specs.get(guest).map(|spec| spec.name.to_string()).unwrap_or_default();
        words::guest(*guest, &name)
    };
    let mut text = String::new();
    for Outdated { feature, of, guests } in outdated {
        let followers: Vec<_> = guests.iter().filter(|one| Some(**one) != *of).collect();
        let ids: Vec<_> = followers.iter().map(|one| one.vmid.to_string()).collect();
        let verb = if ids.len() == 1 { "has" } else { "have" };
        let whose = of.as_ref().map_or_else(|| "a guest that is gone".to_owned(), title);
        let who = if ids.is_empty() {
            String::new()
        } else {
            format!(": {} {verb} the old one from there", words::list(&ids))
        };
        // A String takes everything that is written to it.
        let _written = writeln!(text, "{feature} of {whose} has changed{who}");
        if let Some(of) = of.filter(|of| guests.contains(of)) {
            let _written = writeln!(text, "  `phoenix submit {}` installs it anew there", of.vmid);
        }
        if !ids.is_empty() {
            let _written = writeln!(
                text,
                "  a clone gets it anew when it lists {feature} itself, or when it is made anew"
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use phoenix_testkit::guest;

    use super::*;

    fn specs() -> Specs {
        let all = [
            guest(900).build(),
            guest(901).of(900).features(&["nvidia"]).build(),
            guest(920).of(901).features(&["vllm"]).build(),
            guest(950).of(920).build(),
            guest(955).of(901).build(),
        ];
        all.into_iter().map(|spec| (GuestKey::from(&spec), spec)).collect()
    }

    #[test]
    fn what_is_outdated_is_told_by_whom_it_came_from() {
        let key = |text: &str| text.parse::<GuestKey>().unwrap();
        let nvidia: FeatureName = "nvidia".parse().unwrap();
        assert_eq!(brought_by(key("lxc-950"), &nvidia, &specs()), Some(key("lxc-901")));
        assert_eq!(brought_by(key("lxc-900"), &nvidia, &specs()), None);

        let guests = ["lxc-950", "lxc-955"].map(key).into();
        let inherited = Outdated { feature: nvidia, of: Some(key("lxc-901")), guests };
        let own = Outdated {
            feature: "vllm".parse().unwrap(),
            of: Some(key("lxc-920")),
            guests: [key("lxc-920")].into(),
        };
        assert_eq!(
            text(&[inherited, own], &specs()),
            "nvidia of 901 guest-901 has changed: 950 and 955 have the old one from there\n  \
             a clone gets it anew when it lists nvidia itself, or when it is made anew\n\
             vllm of 920 guest-920 has changed\n  `phoenix submit 920` installs it anew there\n"
        );
    }
}
