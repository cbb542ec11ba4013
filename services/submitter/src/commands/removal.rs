//! What a removal takes away: who must not be left without it, and what a person is shown before.

use std::fmt::Write as _;

use phoenix_bus::Bus;
use phoenix_domain::{Fate, Goal, GuestSpec, Vmid, Volume, VolumeSource};

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
    _bus: &Bus,
    turns: &[Turn],
    states: &States,
    goal: Goal,
    is_agreed: bool,
    output: &mut Output,
) -> Result<bool, CommandError> {
    let Goal::Absent { volumes } = goal else { return Ok(true) };
    let mut text = String::new();
    for turn in turns {
        let Some(record) = states.record(turn.guest) else { continue };
        let Ok(spec) = record.desired.spec.read() else { continue };
        // A String takes everything that is written to it.
        let _written = writeln!(
            text,
            "{} on {}",
            words::guest(turn.guest, &words::name(record)),
            record.desired.host
        );
        text.push_str(&shown(&spec, &spec.volumes, volumes));
    }
    output.remark(text.trim_end())?;
    if is_agreed {
        return Ok(true);
    }
    let ids: Vec<_> = turns.iter().map(|turn| turn.guest.vmid.to_string()).collect();
    let ids = ids.join(" ");
    let what = format!("remove {ids}");
    let question = format!("this cannot be undone; type `yes` or `{ids}` to remove for good:");
    confirm::is_agreed(&what, &question, &["yes", &ids], output)
}

fn shown(spec: &GuestSpec, volumes: &[Volume], fate: Fate) -> String {
    let mut text = String::new();
    let disk = &spec.root_disk;
    let _written = writeln!(
        text,
        "  goes   its root disk, {} on {}, with its snapshots",
        disk.size, disk.storage
    );
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
            (VolumeSource::Nfs { .. }, _) => writeln!(text, "  stays  {place}: what NFS exports"),
        };
    }
    text
}
