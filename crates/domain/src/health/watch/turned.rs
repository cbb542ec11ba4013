//! What follows when a probe has turned, or is looked at anew.

use super::super::{Condition, Ground, Judge, Reason, Told, Turn};
use super::{PieceKey, Watch};
use crate::GuestKey;

impl Watch {
    /// Looks at a guest anew, as what excused it is over: it has all of its time once more.
    pub(super) fn look_anew(
        &mut self,
        guest: GuestKey,
        told: &mut Vec<Told>,
        turn: impl FnMut(&mut Judge) -> Option<Turn>,
    ) {
        if let Some(watched) = self.guests.get_mut(&guest) {
            watched.file.anew = Some(self.now);
            self.changed.insert(PieceKey::Guest(guest));
        }
        self.turn_all(guest, told, turn);
    }

    /// Makes something of all judges of a guest.
    pub(super) fn turn_all(
        &mut self,
        guest: GuestKey,
        told: &mut Vec<Told>,
        mut turn: impl FnMut(&mut Judge) -> Option<Turn>,
    ) {
        let count = self.guests.get(&guest).map_or(0, |watched| watched.ends.len());
        for index in 0..count {
            let end = self.guests.get_mut(&guest).and_then(|watched| watched.ends.get_mut(index));
            let Some(end) = end else { continue };
            let turned = turn(&mut end.judge);
            self.changed.insert(PieceKey::Probe(guest, end.probe.name.clone()));
            if let Some(turned) = turned {
                self.turned(guest, index, turned, told);
            }
        }
    }

    /// Tells that a probe has turned, and counts a guest that fell.
    pub(super) fn turned(
        &mut self,
        guest: GuestKey,
        index: usize,
        turn: Turn,
        told: &mut Vec<Told>,
    ) {
        let now = self.now;
        let Some(watched) = self.guests.get_mut(&guest) else { return };
        let Some(end) = watched.ends.get_mut(index) else { return };
        if turn.to == Condition::Healthy {
            end.evidence = None;
        }
        let probe = end.probe.name.clone();
        self.changed.insert(PieceKey::Probe(guest, probe.clone()));
        let told_evidence = match turn.to {
            Condition::Starting | Condition::Healthy => None,
            Condition::Degraded(_) | Condition::Failed(_) | Condition::Unknown(_) => {
                end.evidence.clone()
            }
        };
        told.push(Told::Turned {
            guest,
            probe,
            from: turn.from,
            to: turn.to,
            evidence: told_evidence,
            since: end.judge.since(),
        });
        self.exhibit(guest, index, turn.to);
        let is_parent = self.members.contains_key(&Ground::Guest(guest));
        if is_parent {
            let is_down = self.is_unfit(guest);
            self.flip(&Ground::Guest(guest), is_down, told);
        }
        if falls(turn) {
            self.fall(guest, now);
        }
        if turn.to == Condition::Failed(Reason::Hung)
            && let Some(watched) = self.guests.get(&guest)
        {
            self.guards.hung(&watched.patient, now);
            self.changed.insert(PieceKey::Guards);
        }
    }

    /// Says whether those who need this guest cannot be well because of it. Once that is so it stays
    /// so until it serves: a start is not the end of it.
    fn is_unfit(&self, guest: GuestKey) -> bool {
        let ground = Ground::Guest(guest);
        let was_unfit = self.guards.down.iter().any(|(one, _)| *one == ground);
        let ends = self.guests.get(&guest).into_iter().flat_map(|watched| &watched.ends);
        ends.map(|end| end.judge.condition()).any(|condition| match condition {
            Condition::Failed(_) | Condition::Degraded(Reason::Flapping) => true,
            Condition::Starting => was_unfit,
            // That the monitor is not let in says nothing about anybody else.
            Condition::Unknown(reason) => {
                let is_out_of_reach =
                    matches!(reason, Reason::Unreachable | Reason::HostSilent | Reason::Foundation);
                is_out_of_reach || (was_unfit && reason == Reason::Unjudged)
            }
            Condition::Healthy | Condition::Degraded(_) => false,
        })
    }
}

/// Says whether a guest that turned like this may be one of many: where the way to it is lost, the way to
/// its neighbours often is. One to which no way was ever known has lost none.
fn falls(turn: Turn) -> bool {
    let unreachable = Condition::Unknown(Reason::Unreachable);
    let fell = |condition: Condition| condition.is_failed() || condition == unreachable;
    let was_never_found =
        turn.from == Condition::Unknown(Reason::Unjudged) && turn.to == unreachable;
    fell(turn.to) && !fell(turn.from) && !was_never_found
}
