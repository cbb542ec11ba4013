//! Humans who say that they have seen an incident.

use super::super::{Incident, IncidentId, Told};
use super::Watch;

impl Watch {
    /// Takes in that somebody has seen an incident. What is said twice is heard once.
    pub(super) fn acknowledge(
        &mut self,
        id: &IncidentId,
        by: String,
        why: Option<String>,
        told: &mut Vec<Told>,
    ) {
        let what = format!("the acknowledgement of {id}");
        let Some(mut draft) = self.open_incident(id, &what, told) else { return };
        if let Some(ack) = draft.acked() {
            if ack.by != by {
                let (who, at) = (&ack.by, ack.at.format("%H:%M:%SZ"));
                let why = format!(
                    "{who} has acknowledged it at {at}; `phoenix ack --undo {id}` takes that back"
                );
                told.push(Told::Declined { what, why });
            }
            return;
        }
        draft.acknowledge(by, why, self.now);
        self.put(draft, told);
    }

    /// Takes in that nobody is at an incident after all.
    pub(super) fn take_back_ack(&mut self, id: &IncidentId, by: String, told: &mut Vec<Told>) {
        let what = format!("taking back the acknowledgement of {id}");
        let Some(mut draft) = self.open_incident(id, &what, told) else { return };
        if draft.acked().is_none() {
            let why = "nobody has acknowledged it as it is now".to_owned();
            return told.push(Told::Declined { what, why });
        }
        draft.take_back(by, self.now);
        self.put(draft, told);
    }

    fn open_incident(&self, id: &IncidentId, what: &str, told: &mut Vec<Told>) -> Option<Incident> {
        let open = self.incidents.get(id).cloned();
        if open.is_none() {
            let why = format!("no incident {id} is open: `phoenix incidents` lists those that are");
            told.push(Told::Declined { what: what.to_owned(), why });
        }
        open
    }
}
