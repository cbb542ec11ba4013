//! What the worker finds inside of a guest, asked for when it is needed.

use std::collections::BTreeMap;
use std::time::Duration;

use phoenix_bus::{Answer, Bus, Question, Unanswered};
use phoenix_domain::health::{Evidence, Found, Process, Reading, Reason};
use phoenix_domain::{FeatureName, GuestKey, GuestSpec, NodeName};

use crate::probes::Clock;

/// How long the worker may take for looking at what runs.
const LOOK: Duration = Duration::from_secs(10);
/// The same with all checks.
const CHECKS: Duration = Duration::from_mins(2);

/// What was found inside.
pub(super) struct Inside {
    pub(super) guest: GuestKey,
    /// What runs what its features serve.
    pub(super) processes: BTreeMap<FeatureName, Process>,
    /// Where its services answer, where that is not at its own address.
    pub(super) elsewhere: BTreeMap<FeatureName, String>,
    /// What its checks say, where they were made.
    pub(super) reading: Option<Reading>,
}

/// Has the worker look into a guest.
pub(super) async fn look(
    bus: Bus,
    clock: Clock,
    host: NodeName,
    guest: GuestKey,
    want: GuestSpec,
    checks: bool,
) -> Inside {
    let question = Question::Inspect { guest: Box::new(want), checks };
    let patience = if checks { CHECKS } else { LOOK };
    let begun = clock.now();
    let answer = bus.question(&host, &question, patience).await;
    let (found, came, processes, elsewhere) = match answer {
        Ok(Answer::Inspected { is_running: false, elsewhere, .. }) => {
            let came = "it stands still".to_owned();
            (Found::Failing(Reason::GuestDown), came, BTreeMap::new(), elsewhere)
        }
        Ok(Answer::Inspected { processes, ailing: Some(why), elsewhere, .. }) => {
            (Found::Failing(Reason::CheckFailed), why, processes, elsewhere)
        }
        Ok(Answer::Inspected { processes, ailing: None, elsewhere, .. }) => {
            (Found::Serving, "all checks pass".to_owned(), processes, elsewhere)
        }
        Ok(Answer::Failed { what, .. }) => unasked(Reason::Unreachable, what),
        Ok(
            Answer::Here { .. }
            | Answer::Plan { .. }
            | Answer::Blind { .. }
            | Answer::Tested { .. },
        ) => unasked(Reason::ProbeConfig, "the worker says something else".to_owned()),
        Err(err @ (Unanswered::Nobody { .. } | Unanswered::Silent { .. })) => {
            unasked(Reason::HostSilent, err.to_string())
        }
        Err(err) => unasked(Reason::ProbeConfig, err.to_string()),
    };
    let now = clock.now();
    let is_told = checks || !matches!(found, Found::Serving | Found::Failing(Reason::CheckFailed));
    let evidence = Evidence {
        asked: format!("the worker of {host}, for the checks of {}", guest.vmid),
        came: came.chars().take(200).collect(),
        excerpt: String::new(),
        took_ms: u64::try_from((now - begun).num_milliseconds()).unwrap_or_default(),
    };
    let reading = Reading { at: now, found, progress: None, evidence };
    Inside { guest, processes, elsewhere, reading: is_told.then_some(reading) }
}

type Looked = (Found, String, BTreeMap<FeatureName, Process>, BTreeMap<FeatureName, String>);

fn unasked(reason: Reason, came: String) -> Looked {
    (Found::Unasked(reason), came, BTreeMap::new(), BTreeMap::new())
}
