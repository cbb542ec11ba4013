//! What a change changes, as people read it: how it is, and how it is wanted.

use std::collections::BTreeSet;
use std::mem::discriminant;

use phoenix_bus::Difference;
use phoenix_domain::{Change, Property, Run, Seen, SeenGuest, Volume, VolumeSource, is_gateway};
use serde_json::Value;

/// What is said where there is nothing.
const NOTHING: &str = "none";

/// Returns what a change makes otherwise.
pub(crate) fn differences(before: &Seen, change: &Change) -> Vec<Difference> {
    let guest = before.guest.as_ref();
    let mounted = |place: &str| {
        let mut volumes = guest.iter().flat_map(|guest| &guest.volumes);
        volumes.find(|volume| volume.place.place() == place)
    };
    let is = |have: &str, wanted: &str| vec![difference("it", have, wanted)];
    match change {
        Change::Create { .. } => is("not there", "there"),
        Change::RemoveHalfMade => is("half made", "made to its end"),
        Change::SetProperties { to } => to.iter().flat_map(|to| property(guest, to)).collect(),
        Change::Attach { volume: wanted } => {
            let have = mounted(wanted.place.place()).map_or_else(|| NOTHING.to_owned(), volume);
            vec![difference(&wanted.place.to_string(), &have, &volume(wanted))]
        }
        Change::Detach { place } => {
            let have = mounted(place.place()).map_or_else(|| NOTHING.to_owned(), volume);
            vec![difference(&place.to_string(), &have, NOTHING)]
        }
        Change::GrowVolume { place, to } => {
            let have = mounted(place.place()).map(|volume| &volume.source);
            let have = match have {
                Some(VolumeSource::Storage { size, .. }) => size.to_string(),
                Some(VolumeSource::Host { .. } | VolumeSource::Nfs { .. }) | None => {
                    "less".to_owned()
                }
            };
            vec![difference(&place.to_string(), &have, &to.to_string())]
        }
        Change::GrowRootDisk { to } => {
            let have = guest.map_or_else(String::new, |guest| guest.root_disk.size.to_string());
            vec![difference("root disk", &have, &to.to_string())]
        }
        Change::Start => is(run(guest), "running"),
        Change::Restart => is(run(guest), "started anew"),
        Change::Stop => is(run(guest), "stopped"),
        Change::InstallFeature { feature } if is_gateway(feature) => {
            let have = "not installed, or leads elsewhere than the routes";
            vec![difference(&format!("feature {feature}"), have, "leads to where they are now")]
        }
        Change::InstallFeature { feature } => {
            vec![difference(
                &format!("feature {feature}"),
                "not installed as it is now",
                "installed",
            )]
        }
        Change::SetUpService { feature } => {
            vec![difference(&format!("service of {feature}"), "not set up as it is now", "set up")]
        }
        Change::RunApplicationScript { script } => {
            vec![difference(&format!("script {script}"), "not run as it is now", "run")]
        }
        Change::RestartServices => is("not restarted since that was asked for", "restarted"),
        Change::ForgetApplication => is("set up before that was asked for", "set up anew"),
        Change::TakeSnapshot { name, .. } => {
            vec![difference(&format!("snapshot {name}"), "not there", "there")]
        }
        Change::RemoveSnapshot { name } => {
            vec![difference(&format!("snapshot {name}"), "there", "taken anew")]
        }
        Change::RollBack { .. } => is("what was given up", "what it was"),
        Change::ConvertToTemplate { .. } => is("no template", "a template"),
        Change::Adopt => is("somebody else's", "ours"),
        Change::SetAside { .. } => is("there", "there under another number, and nobody's"),
        Change::Destroy { .. } => is("there", "gone"),
        Change::AwaitAgent | Change::AwaitHealthy | Change::CleanForTemplate => Vec::new(),
    }
}

fn difference(what: &str, have: &str, wanted: &str) -> Difference {
    Difference { what: what.to_owned(), have: have.to_owned(), wanted: wanted.to_owned() }
}

fn run(guest: Option<&SeenGuest>) -> &'static str {
    match guest.map(|guest| guest.run) {
        None => "not there",
        Some(Run::Stopped) => "stopped",
        Some(Run::Running) => "running",
        Some(Run::RunningStale) => "running, and waits for a restart",
    }
}

fn volume(volume: &Volume) -> String {
    match &volume.source {
        VolumeSource::Storage { name, storage, size } => {
            format!("the volume {name}, {size} on {storage}")
        }
        VolumeSource::Host { path, owner: None, group: None } => {
            format!("the directory {path} of the host")
        }
        VolumeSource::Host { path, owner, group } => {
            let id = |id: &Option<u32>| id.map_or_else(|| "any".to_owned(), |id| id.to_string());
            format!("the directory {path} of the host, of {}:{}", id(owner), id(group))
        }
        VolumeSource::Nfs { server, path } => format!("{server}:{path} over NFS"),
    }
}

/// Returns where a property differs: all of a plain one, and of others only what does.
fn property(guest: Option<&SeenGuest>, wanted: &Property) -> Vec<Difference> {
    let mut properties = guest.iter().flat_map(|guest| &guest.properties);
    let have = properties.find(|have| discriminant(*have) == discriminant(wanted));
    let plain = |text: &dyn Fn(&Property) -> String| {
        let have = have.map_or_else(|| NOTHING.to_owned(), text);
        vec![difference(wanted.kind(), &have, &text(wanted))]
    };
    match wanted {
        Property::Memory(_) | Property::Swap(_) => plain(&size),
        Property::Cores(_) => plain(&cores),
        // Such a line may set a password in the environment of the guest.
        Property::RawLines(_) => plain(&keys),
        Property::Name(_)
        | Property::Nics(_)
        | Property::Boot(_)
        | Property::Gpus(_)
        | Property::Firewall(_)
        | Property::Options(_)
        | Property::Confinement { .. }
        | Property::IdMaps(_)
        | Property::User(_)
        | Property::Spec(_) => {
            let mut found = Vec::new();
            leaves(
                wanted.kind(),
                have.and_then(value).as_ref(),
                value(wanted).as_ref(),
                &mut found,
            );
            found
        }
    }
}

fn size(property: &Property) -> String {
    if let Property::Memory(size) | Property::Swap(Some(size)) = property {
        size.to_string()
    } else {
        "the usual".to_owned()
    }
}

fn cores(property: &Property) -> String {
    if let Property::Cores(Some(cores)) = property {
        cores.to_string()
    } else {
        "all of the host".to_owned()
    }
}

fn keys(property: &Property) -> String {
    let Property::RawLines(lines) = property else { return NOTHING.to_owned() };
    let keys: Vec<_> = lines.iter().map(|line| format!("{} = …", line.key)).collect();
    if keys.is_empty() { NOTHING.to_owned() } else { keys.join(", ") }
}

/// Returns the value of a property, without its name around it.
fn value(property: &Property) -> Option<Value> {
    let mut value = serde_json::to_value(property).ok()?;
    let members = value.as_object_mut()?;
    std::mem::take(members).into_iter().next().map(|(_, value)| value)
}

/// Finds where two values differ, and calls each place by the way that leads there.
fn leaves(what: &str, have: Option<&Value>, wanted: Option<&Value>, found: &mut Vec<Difference>) {
    if have == wanted {
        return;
    }
    match (have, wanted) {
        (Some(Value::Object(have)), Some(Value::Object(wanted))) => {
            let keys: BTreeSet<_> = have.keys().chain(wanted.keys()).collect();
            for key in keys {
                let what = format!("{what} {}", key.replace('_', " "));
                leaves(&what, have.get(key), wanted.get(key), found);
            }
        }
        (Some(Value::Array(have)), Some(Value::Array(wanted))) => {
            for nth in 0..have.len().max(wanted.len()) {
                leaves(&format!("{what} {nth}"), have.get(nth), wanted.get(nth), found);
            }
        }
        (have, wanted) => found.push(difference(what, &text(have), &text(wanted))),
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => NOTHING.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(is_so)) => if *is_so { "yes" } else { "no" }.to_owned(),
        Some(Value::Array(parts)) if parts.is_empty() => NOTHING.to_owned(),
        Some(Value::Object(members)) if members.is_empty() => NOTHING.to_owned(),
        Some(value @ (Value::Number(_) | Value::Array(_) | Value::Object(_))) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use phoenix_domain::{GibiBytes, MebiBytes, Owner};

    use super::*;

    /// Returns what is said of a change of a guest that was made as this says.
    fn said(spec: &phoenix_domain::GuestSpec, change: &Change) -> Vec<String> {
        let guest = SeenGuest {
            owner: Owner::Phoenix,
            made: phoenix_domain::Made::Whole,
            run: Run::Running,
            boot: None,
            addresses: Vec::new(),
            properties: spec.properties(),
            unprivileged: Some(true),
            root_disk: spec.root_disk.clone(),
            volumes: spec.volumes.clone(),
            snapshots: std::collections::BTreeMap::new(),
            template: None,
            parent: None,
            is_protected: false,
            is_rigid: false,
            is_clean: false,
            freezes_volumes: false,
            inside: None,
        };
        let seen = Seen { guest: Some(guest), ..Seen::default() };
        let all = differences(&seen, change).into_iter();
        all.map(|one| format!("{}: {}, wanted {}", one.what, one.have, one.wanted)).collect()
    }

    #[test]
    fn what_differs_is_told_as_it_is_and_as_it_is_wanted() {
        let spec = phoenix_testkit::guest(950).volume("data", "/var/lib/q", 20).build();
        let Property::Memory(have) = Property::Memory(spec.memory) else { return };
        let options = [("nesting".into(), "1".into())].into();
        let to = vec![
            Property::Memory(MebiBytes(8192)),
            Property::Cores(Some(3)),
            Property::Options(options),
            Property::Boot(phoenix_domain::Boot { order: Some(7), ..spec.boot }),
        ];

        let set = said(&spec, &Change::SetProperties { to });

        assert_eq!(set.first(), Some(&format!("memory: {have}, wanted 8192 MiB")));
        assert!(set.iter().any(|line| line.ends_with(", wanted 3")), "{set:?}");
        assert!(set.contains(&"options nesting: none, wanted 1".to_owned()), "{set:?}");
        assert!(set.contains(&"start at boot order: none, wanted 7".to_owned()), "{set:?}");
        let place = spec.volumes.first().unwrap().place.clone();
        assert_eq!(
            said(&spec, &Change::GrowVolume { place, to: GibiBytes(30) }),
            ["/var/lib/q: 20 GiB, wanted 30 GiB"]
        );
    }

    #[test]
    fn what_a_raw_line_sets_is_not_shown() {
        let spec = phoenix_testkit::guest(950).build();
        let (key, value) = ("lxc.environment".into(), "TOKEN=s3cret".into());
        let lines = vec![phoenix_domain::RawLine { key, value }];

        let set = said(&spec, &Change::SetProperties { to: vec![Property::RawLines(lines)] });

        assert_eq!(set, ["raw LXC lines: none, wanted lxc.environment = …"]);
    }
}
