//! What the worker finds inside of a guest, asked for when it is needed.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use phoenix_bus::{Answer, Bus, Question, Unanswered};
use phoenix_domain::health::{
    Ask, Docker, DockerStarts, Evidence, Found, Process, Reading, Reason,
};
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
    /// What Docker says in it; absent where nobody could look.
    docker: Option<Docker>,
    /// What its checks say, where they were made, or why nobody could look.
    checked: Option<Reading>,
    /// When this was known.
    at: DateTime<Utc>,
    host: NodeName,
}

impl Inside {
    /// Returns what a probe that the worker makes has found; nothing for those that others make.
    pub(super) fn reading(&self, ask: &Ask, starts: &mut DockerStarts) -> Option<Reading> {
        match (ask, &self.docker) {
            (Ask::Docker { containers }, Some(docker)) => {
                let (found, came) = starts.read(containers, docker, self.at);
                let asked = format!(
                    "the worker of {}, for the containers of {}",
                    self.host, self.guest.vmid
                );
                let evidence = Evidence { asked, came, ..Evidence::default() };
                Some(Reading { at: self.at, found, progress: None, evidence })
            }
            (Ask::Docker { .. }, None) | (Ask::Inside, _) => self.checked.clone(),
            (
                Ask::Vllm { .. }
                | Ask::Qdrant { .. }
                | Ask::Ollama { .. }
                | Ask::LlamaCpp { .. }
                | Ask::Http { .. }
                | Ask::Tcp { .. }
                | Ask::Postgresql { .. }
                | Ask::Redis { .. }
                | Ask::Nginx { .. },
                _,
            ) => None,
        }
    }
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
    let (mut processes, mut elsewhere, mut docker) = (BTreeMap::new(), BTreeMap::new(), None);
    let unasked = |reason, came: String| (Found::Unasked(reason), came);
    let (found, came) = match answer {
        Ok(Answer::Inspected {
            is_running,
            ailing,
            processes: ran,
            elsewhere: at,
            docker: said,
        }) => {
            elsewhere = at;
            if is_running {
                (processes, docker) = (ran, Some(said));
                match ailing {
                    Some(why) => (Found::Failing(Reason::CheckFailed), why),
                    None => (Found::Serving, "all checks pass".to_owned()),
                }
            } else {
                (Found::Failing(Reason::GuestDown), "it stands still".to_owned())
            }
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
    let checked = is_told.then_some(reading);
    Inside { guest, processes, elsewhere, docker, checked, at: now, host }
}
