//! What is noted of a fleet, and how it changes. Plain functions over values.

use chrono::{DateTime, Utc};
use phoenix_bus::{CommitState, CommitStatus, FleetNote, ToldPush};
use phoenix_domain::Vmid;

use crate::approvals::short;

/// How many pushes may wait; beyond that the oldest goes, as the newest is what counts.
const MOST: usize = 100;
/// How many statuses are kept that no forge takes.
const STATUSES: usize = 32;

/// Returns what is noted; what is noted of another repository is of no use.
pub(super) fn of(there: Option<FleetNote>, about: &str) -> FleetNote {
    there
        .filter(|note| note.about == about)
        .unwrap_or_else(|| FleetNote { about: about.to_owned(), ..FleetNote::default() })
}

/// Notes a push, once. Returns the one that goes for it.
pub(super) fn tell(note: &mut FleetNote, push: &ToldPush) -> Option<ToldPush> {
    if note.told.iter().any(|told| told.id == push.id) {
        return None;
    }
    note.told.push(push.clone());
    (note.told.len() > MOST).then(|| note.told.remove(0))
}

/// Has the forge shown how a commit stands.
pub(super) fn show(
    note: &mut FleetNote,
    commit: &str,
    state: CommitState,
    text: &str,
    guest: Option<Vmid>,
    now: DateTime<Utc>,
) {
    let (commit, text) = (commit.to_owned(), text.to_owned());
    let status = CommitStatus { commit, state, text, guest, since: now, is_told: false };
    match note.statuses.iter_mut().find(|there| there.commit == status.commit) {
        Some(there) if is_same(there, &status) => {}
        Some(there) => *there = status,
        None => note.statuses.push(status),
    }
    if note.statuses.len() > STATUSES {
        note.statuses.remove(0);
    }
}

/// Says of commits that still wait, and are none of these, that another one took their place.
pub(super) fn supersede(note: &mut FleetNote, tip: &str, now: DateTime<Utc>) {
    let is_open = |commit: &str| {
        commit == tip
            || note.open.iter().any(|run| run.commit == commit)
            || note.told.iter().any(|told| told.commit == commit)
    };
    let stale: Vec<String> = note
        .statuses
        .iter()
        .filter(|status| status.state == CommitState::Pending && !is_open(&status.commit))
        .map(|status| status.commit.clone())
        .collect();
    for commit in stale {
        let text = format!("{} took its place", short(tip));
        show(note, &commit, CommitState::Success, &text, None, now);
    }
}

/// Notes that the forge has a status. What is over is not kept.
pub(super) fn told(note: &mut FleetNote, status: &CommitStatus) {
    note.statuses.retain(|there| !is_same(there, status) || there.state == CommitState::Pending);
    for there in note.statuses.iter_mut().filter(|there| is_same(there, status)) {
        there.is_told = true;
    }
}

fn is_same(there: &CommitStatus, status: &CommitStatus) -> bool {
    (&there.commit, there.state, &there.text, there.guest)
        == (&status.commit, status.state, &status.text, status.guest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(id: &str) -> ToldPush {
        let (commit, by) = (format!("commit-{id}"), "kim".to_owned());
        ToldPush {
            id: id.to_owned(),
            at: DateTime::UNIX_EPOCH,
            commit,
            by,
            waits: false,
            traceparent: None,
        }
    }

    fn states(note: &FleetNote) -> Vec<(&str, &str, bool)> {
        let all = note.statuses.iter();
        all.map(|one| (one.commit.as_str(), one.text.as_str(), one.is_told)).collect()
    }

    #[test]
    fn a_push_waits_once_and_of_very_many_the_newest_do() {
        let mut note = of(None, "a");
        for nth in 0..MOST {
            assert_eq!(tell(&mut note, &push(&nth.to_string())), None);
        }

        assert_eq!(tell(&mut note, &push("0")), None, "it waits already");
        assert_eq!(tell(&mut note, &push("one more")), Some(push("0")));
        assert_eq!(note.told.len(), MOST);
        assert_eq!(of(Some(note), "b").told, [], "another branch is another matter");
    }

    #[test]
    fn a_status_is_told_until_the_forge_has_it_and_again_when_it_changes() {
        let (mut note, now) = (of(None, "a"), DateTime::UNIX_EPOCH);
        show(&mut note, "c1", CommitState::Pending, "taken", None, now);
        let first = note.statuses[0].clone();
        told(&mut note, &first);
        assert_eq!(states(&note), [("c1", "taken", true)]);

        show(&mut note, "c1", CommitState::Pending, "taken", None, now);
        assert_eq!(states(&note), [("c1", "taken", true)], "nothing new");
        show(&mut note, "c1", CommitState::Success, "done", None, now);
        told(&mut note, &first);
        assert_eq!(states(&note), [("c1", "done", false)], "what was told late is not this");
        let last = note.statuses[0].clone();
        told(&mut note, &last);
        assert_eq!(states(&note), []);
    }

    #[test]
    fn what_waited_for_a_window_and_was_overtaken_waits_no_more() {
        let (mut note, now) = (of(None, "a"), DateTime::UNIX_EPOCH);
        show(&mut note, "c1", CommitState::Pending, "waits", None, now);
        show(&mut note, "c2", CommitState::Pending, "waits", None, now);

        supersede(&mut note, "c2", now);

        assert_eq!(states(&note), [("c1", "c2 took its place", false), ("c2", "waits", false)]);
    }
}
