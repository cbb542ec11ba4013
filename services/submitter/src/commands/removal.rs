//! What a removal takes away: who must not be left without it, and what a person is shown before.

use std::fmt::Write as _;

use phoenix_bus::{Bus, Forecast};
use phoenix_domain::{Fate, Owner, Record, Vmid, VolumeSource};

use crate::ahead::{self, Subject, Unknown};
use crate::asking::{How, Links, Turn};
use crate::confirm;
use crate::error::CommandError;
use crate::output::Output;
use crate::states::States;
use crate::words;

/// Refuses to remove what guests stand on that stay.
pub(super) fn refuse_what_is_stood_on(named: &[Vmid], links: &Links) -> Result<(), CommandError> {
    let reasons: Vec<_> = named.iter().flat_map(|vmid| reasons(*vmid, named, links)).collect();
    if reasons.is_empty() {
        return Ok(());
    }
    let all: Vec<_> =
        links.downwards_with_all_above(named).iter().map(ToString::to_string).collect();
    Err(CommandError::StoodOn { reasons, all: all.join(" ") })
}

fn reasons(vmid: Vmid, named: &[Vmid], links: &Links) -> Vec<String> {
    let left = links.left_behind(vmid, named);
    let of = |how: How| -> Vec<String> {
        let of_that = left.iter().filter(|(_, one)| *one == how);
        of_that.map(|(guest, _)| guest.to_string()).collect()
    };
    let (clones, dependants) = (of(How::Clone), of(How::Dependency));
    let are = |guests: &[String], one, many| if guests.len() == 1 { one } else { many };
    let clones = (!clones.is_empty()).then(|| {
        let verb = are(&clones, "is", "are");
        format!("{vmid} is what {} {verb} cloned from", words::list(&clones))
    });
    let dependants = (!dependants.is_empty()).then(|| {
        let verb = are(&dependants, "depends", "depend");
        format!("{vmid} is what {} {verb} on", words::list(&dependants))
    });
    clones.into_iter().chain(dependants).collect()
}

/// Shows what goes and what stays, and asks a person unless one has agreed beforehand.
pub(super) async fn is_agreed(
    bus: &Bus,
    turns: &[Turn],
    states: &States,
    fate: Fate,
    is_agreed: bool,
    output: &mut Output,
) -> Result<bool, CommandError> {
    let subjects: Vec<_> =
        turns.iter().filter_map(|turn| subject(turn, states.record(turn.guest)?)).collect();
    if subjects.is_empty() {
        // All of them are gone already.
        return Ok(true);
    }
    let silence = ahead::silence(bus, &subjects).await;
    let known = if silence.is_none() { ahead::ask(bus, &subjects).await } else { Vec::new() };
    let mut text = String::new();
    for (nth, subject) in subjects.iter().enumerate() {
        let said = match (known.get(nth), &silence) {
            (Some(known), _) => known.said.as_ref(),
            (None, Some(silence)) => Err(silence),
            (None, None) => continue,
        };
        text.push_str(&shown(subject, said, fate));
    }
    output.remark(text.trim_end())?;
    if is_agreed {
        return Ok(true);
    }
    let ids: Vec<_> = subjects.iter().map(|subject| subject.guest.vmid.to_string()).collect();
    let ids = ids.join(" ");
    let question = format!("this cannot be undone; type `yes` or `{ids}` to remove for good:");
    confirm::is_agreed(&format!("remove {ids}"), &question, &["yes", &ids], output)
}

/// Returns a guest that is to be removed, as its worker can be asked about it.
fn subject(turn: &Turn, record: &Record) -> Option<Subject> {
    let is_gone = record.is_complete() && !record.desired.goal.leaves_a_guest();
    let spec = record.desired.spec.read().ok().filter(|_| !is_gone)?;
    Some(Subject {
        guest: turn.guest,
        name: words::name(record),
        host: record.desired.host.clone(),
        spec: Box::new(spec),
        goal: turn.goal,
        parent: None,
    })
}

/// Says what becomes of a guest: of what is on the host, or of what should be where that is not
/// known.
fn shown(subject: &Subject, said: Result<&Forecast, &Unknown>, fate: Fate) -> String {
    let mut text = format!("{} on {}", words::guest(subject.guest, &subject.name), subject.host);
    let spec = &subject.spec;
    let (disk, volumes, snapshots) = match said {
        Ok(Forecast { owner: None, .. }) => {
            text.push_str("\n  it is not there any more\n");
            return text;
        }
        Ok(Forecast { owner: Some(Owner::Somebody), .. }) => {
            text.push_str("\n  stays  all of it: Phoenix did not make it\n");
            return text;
        }
        Ok(forecast) => {
            let snapshots = forecast.snapshots.iter().map(ToString::to_string).collect();
            let disk = forecast.root_disk.as_ref().unwrap_or(&spec.root_disk);
            (disk, &forecast.volumes, snapshots)
        }
        Err(unknown) => {
            text.push_str(", as it should be; the host was not asked: ");
            text.push_str(&words::line(&unknown.why));
            (&spec.root_disk, &spec.volumes, Vec::<String>::new())
        }
    };
    // A String takes everything that is written to it.
    let _written = writeln!(text, "\n  goes   its root disk, {} on {}", disk.size, disk.storage);
    for snapshot in snapshots {
        let _written = writeln!(text, "  goes   its snapshot {snapshot}");
    }
    for volume in volumes {
        let place = &volume.place;
        let _written = match (&volume.source, fate) {
            (VolumeSource::Storage { name, storage, size }, Fate::Kept) => {
                writeln!(text, "  stays  {place}: the volume {name}, {size} on {storage}")
            }
            (VolumeSource::Storage { name, storage, size }, Fate::Destroyed) => {
                writeln!(text, "  goes   {place}: the volume {name}, {size} on {storage}")
            }
            (VolumeSource::Host { path, .. }, _) => {
                writeln!(text, "  stays  {place}: the directory {path} of the host")
            }
            (VolumeSource::Nfs { .. }, _) => {
                writeln!(text, "  stays  {place}: what is mounted there over NFS")
            }
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use phoenix_domain::{Goal, GuestKey, Run};

    use super::*;

    #[test]
    fn what_goes_and_what_stays_is_shown_by_its_place_and_size() {
        let guest = phoenix_testkit::guest(950).name("qdrant").volume("data", "/var/lib/q", 20);
        let spec = guest.directory("/srv/shared", "/shared").build();
        let subject = Subject {
            guest: GuestKey::from(&spec),
            name: "qdrant".to_owned(),
            host: "pve1".parse().unwrap(),
            spec: Box::new(spec.clone()),
            goal: Goal::Absent { volumes: Fate::Kept },
            parent: None,
        };
        let forecast = Forecast {
            owner: Some(Owner::Phoenix),
            run: Some(Run::Running),
            root_disk: Some(spec.root_disk.clone()),
            volumes: spec.volumes,
            snapshots: vec!["ready".parse().unwrap()],
            changes: Vec::new(),
            refusal: None,
        };
        let unknown = Unknown { why: "nobody is there".to_owned(), advice: String::new() };
        let foreign = Forecast { owner: Some(Owner::Somebody), ..forecast.clone() };
        let all = [
            shown(&subject, Ok(&forecast), Fate::Kept),
            shown(&subject, Ok(&forecast), Fate::Destroyed),
            shown(&subject, Ok(&foreign), Fate::Destroyed),
            shown(&subject, Err(&unknown), Fate::Kept),
        ];

        insta::assert_snapshot!(all.join("\n"));
    }
}
