//! What becomes of a guest that is not well before anybody is told of it: what was found, and what follows.

use super::super::{Evidence, Hold, Next, Probe, Root};
use super::Watch;
use super::weigh::{Illness, Stance, Weighed};
use crate::GuestKey;

impl Watch {
    /// Returns what the probes of a guest came upon that do not find it well.
    pub fn evidence(&self, guest: GuestKey) -> impl Iterator<Item = (&Probe, &Evidence)> {
        let ends = self.guests.get(&guest).into_iter().flat_map(|watched| &watched.ends);
        let ill = ends.filter(|end| end.judge.condition().reason().is_some());
        ill.filter_map(|end| Some((&end.probe, &**end.evidence.as_ref()?)))
    }

    /// Returns what comes next of a guest that is not well and in no incident of its own: such an incident
    /// says that itself.
    pub fn prospect(&self, guest: GuestKey) -> Option<Next> {
        if self.by_root.contains_key(&Root::Guest(guest)) {
            return None;
        }
        match self.weigh(self.guests.get(&guest)?) {
            Weighed::Rest | Weighed::Well(_) => None,
            Weighed::Coming { until, .. } => {
                let why = "it counts as failed unless it serves by then".to_owned();
                Some(Next::Look { at: until, why, then: None })
            }
            Weighed::Dim { until, .. } => {
                let why = "an incident is opened unless more is known of it by then".to_owned();
                Some(Next::Look { at: until, why, then: None })
            }
            Weighed::Ill(illness) => Some(self.before_told(&illness)),
        }
    }

    fn before_told(&self, illness: &Illness) -> Next {
        let gathering = self.guards.gathering.as_ref().map(|gathering| gathering.until);
        let (after, then) = match &illness.stance {
            Stance::Silent(Hold::Gathering) => {
                let why = "it is told what failed together with others, and what alone".to_owned();
                return Next::Look { at: gathering.unwrap_or(self.now), why, then: None };
            }
            Stance::Silent(hold) => return Next::None { why: hold.words() },
            Stance::Ask(hold) => (format!("; nothing is repaired: {}", hold.words()), None),
            Stance::GiveUp(why) | Stance::Spent(why) => {
                (format!("; nothing is repaired: {why}"), None)
            }
            Stance::Notify => ("; nothing is repaired, as it serves".to_owned(), None),
            Stance::UnderRepair { rung, .. }
            | Stance::Wait { rung, .. }
            | Stance::Go { rung, .. } => (String::new(), Some(*rung)),
        };
        let why = format!("an incident is opened unless it serves by then{after}");
        Next::Look { at: (illness.since + self.limits.settle).max(self.now), why, then }
    }
}
