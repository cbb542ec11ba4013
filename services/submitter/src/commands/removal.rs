//! What a removal takes away: who must not be left without it, and what a person is shown before.

use std::fmt::Write as _;

use phoenix_bus::{Bus, Forecast};
use phoenix_domain::{Fate, Goal, Owner, Record, Vmid, VolumeSource};

use crate::ahead::{self, Known, Subject, Unknown};
use crate::asking::{How, Links, Turn};
use crate::confirm::{self, By};
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

/// Returns the guests above these that are not ours, as their hosts say: they keep nothing of ours.
pub(super) async fn foreign(
    bus: &Bus,
    named: &[Vmid],
    links: &Links,
    states: &States,
    output: &mut Output,
) -> Result<Vec<Vmid>, CommandError> {
    let above = links.downwards_with_all_above(named);
    let records = above
        .into_iter()
        .filter(|vmid| !named.contains(vmid))
        .filter_map(|vmid| states.with_number(vmid));
    let goal = Goal::Absent { volumes: Fate::Kept };
    let subjects: Vec<_> = records.filter_map(|record| subject(record, goal)).collect();
    let mut foreign = Vec::new();
    for one in ahead::ask(bus, &subjects).await {
        if is_foreign(&one) {
            let title = words::guest(one.guest, &one.name);
            output.remark(&format!("{title} is not a guest of Phoenix, and keeps nothing here"))?;
            foreign.push(one.guest.vmid);
        }
    }
    Ok(foreign)
}

fn is_foreign(known: &Known) -> bool {
    known.said.as_ref().is_ok_and(|forecast| forecast.owner == Some(Owner::Somebody))
}

/// Shows what goes and what stays, and asks a person unless one has agreed beforehand. What is not
/// ours is refused.
pub(super) async fn is_agreed(
    bus: &Bus,
    turns: &[Turn],
    states: &States,
    fate: Fate,
    is_agreed: bool,
    output: &mut Output,
) -> Result<bool, CommandError> {
    let subjects: Vec<_> =
        turns.iter().filter_map(|turn| subject(states.record(turn.guest)?, turn.goal)).collect();
    let is_gone = |guest| {
        let record = states.record(guest);
        record.is_none_or(|record| record.is_complete() && !record.desired.goal.leaves_a_guest())
    };
    let known = ahead::ask(bus, &subjects).await;
    let (left, foreign): (Vec<_>, Vec<_>) =
        known.iter().filter(|one| !is_gone(one.guest)).partition(|one| !is_foreign(one));
    if !foreign.is_empty() {
        let guests = foreign.iter().map(|one| (one.guest.vmid, one.host.clone())).collect();
        let others = left.iter().map(|one| one.guest.vmid).collect();
        return Err(CommandError::NotOurs { guests, others });
    }
    let mut text = String::new();
    for (subject, one) in subjects.iter().zip(&known) {
        let said = one.said.as_ref();
        let has_left_something =
            said.is_ok_and(|forecast| forecast.owner.is_none() && !forecast.kept.is_empty());
        if !is_gone(one.guest) || has_left_something {
            text.push_str(&shown(subject, said, fate));
        }
    }
    if !text.is_empty() {
        output.remark(text.trim_end())?;
    }
    // What is gone already needs nobody to agree.
    if is_agreed || left.is_empty() {
        return Ok(true);
    }
    let ids: Vec<_> = left.iter().map(|one| one.guest.vmid.to_string()).collect();
    let ids = ids.join(" ");
    let (what, by) = match fate {
        Fate::Kept => (format!("remove {ids} for good"), By::Yes),
        Fate::Destroyed => {
            (format!("remove {ids} and what is stored there for good"), By::Numbers(ids))
        }
    };
    confirm::is_agreed(&what, &by, output)
}

/// Returns a guest that is to be removed, as its worker can be asked about it.
fn subject(record: &Record, goal: Goal) -> Option<Subject> {
    Some(Subject {
        guest: record.guest,
        name: words::name(record),
        host: record.desired.host.clone(),
        spec: Box::new(record.desired.spec.read().ok()?),
        goal,
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
            left_over(&mut text, said, fate);
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
    left_over(&mut text, said, fate);
    text
}

/// Says what becomes of volumes that are mounted no longer: nothing takes them away.
fn left_over(text: &mut String, said: Result<&Forecast, &Unknown>, fate: Fate) {
    let by_hand = match fate {
        Fate::Kept => "",
        Fate::Destroyed => "; it can be removed by hand only",
    };
    for volume in said.iter().flat_map(|forecast| &forecast.kept) {
        if let VolumeSource::Storage { name, storage, size } = &volume.source {
            let place = &volume.place;
            let _written = writeln!(
                text,
                "  stays  the volume {name}, {size} on {storage}, once mounted at {place}{by_hand}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use phoenix_domain::{GuestKey, Run};

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
            addresses: Vec::new(),
            root_disk: Some(spec.root_disk.clone()),
            volumes: spec.volumes.clone(),
            kept: Vec::new(),
            snapshots: vec!["ready".parse().unwrap()],
            outdated: std::collections::BTreeSet::new(),
            changes: Vec::new(),
            refusal: None,
        };
        let (why, advice) = ("nobody is there".to_owned(), String::new());
        let unknown = Unknown { why, advice, is_silence: true };
        let gone = Forecast { owner: None, kept: spec.volumes, ..forecast.clone() };
        let all = [
            shown(&subject, Ok(&forecast), Fate::Kept),
            shown(&subject, Ok(&forecast), Fate::Destroyed),
            shown(&subject, Ok(&gone), Fate::Kept),
            shown(&subject, Ok(&gone), Fate::Destroyed),
            shown(&subject, Err(&unknown), Fate::Kept),
        ];

        insta::assert_snapshot!(all.join("\n"));
    }
}
