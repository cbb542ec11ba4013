//! How much something that happened matters to whoever looks: one answer for lines, page and screen.

use clap::ValueEnum;
use phoenix_domain::health::{self, Condition, HealthNews};
use phoenix_domain::{Event, Fact, Obstacle, Verdict};

/// How much it matters, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Severity {
    /// All goes its way
    Info,
    /// Something is not as it should be, and it goes on by itself
    Warning,
    /// Something is given up, does not serve, or waits for a human
    Error,
}

impl Severity {
    /// Returns the severity of what happened to a guest.
    pub(crate) fn of(event: &Event) -> Self {
        match &event.fact {
            Fact::StepFailed(failed) => match failed.failure.verdict {
                Verdict::Wait => Self::Info,
                Verdict::Retry => Self::Warning,
                Verdict::GiveUp | Verdict::AskHuman => Self::Error,
            },
            Fact::Blocked(blocked) => match &blocked.obstacle {
                Obstacle::Guest { .. } => Self::Warning,
                Obstacle::Question { .. } => Self::Error,
            },
            Fact::Failed(_) | Fact::ReturnBegun(_) | Fact::DeadLettered(_) => Self::Error,
            Fact::Drifted(drifted) if !drifted.changes.is_empty() => Self::Warning,
            Fact::Drifted(_)
            | Fact::Requested(_)
            | Fact::RepairRequested(_)
            | Fact::CancelRequested(_)
            | Fact::Answered(_)
            | Fact::Claimed(_)
            | Fact::StepTaken(_)
            | Fact::RetryWait(_)
            | Fact::Completed(_)
            | Fact::RestartBegun(_)
            | Fact::Cancelled(_) => Self::Info,
        }
    }

    /// Returns the severity of what is told of health. Who is told that something is bad is told as
    /// well that it is over.
    pub(crate) fn of_health(news: &HealthNews) -> Self {
        match news {
            HealthNews::Turned(turned) => {
                Self::of_condition(turned.data.from).max(Self::of_condition(turned.data.to))
            }
            HealthNews::Incident(about) => match about.data.incident.severity {
                health::Severity::Info | health::Severity::Notice => Self::Info,
                health::Severity::Warn => Self::Warning,
                health::Severity::Page => Self::Error,
            },
            // Nobody can be called, or could not until now.
            HealthNews::Channel(_) => Self::Error,
        }
    }

    fn of_condition(condition: Condition) -> Self {
        match condition {
            Condition::Healthy | Condition::Starting => Self::Info,
            Condition::Degraded(_) | Condition::Unknown(_) => Self::Warning,
            Condition::Failed(_) => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asking::tests::{
        asked, claimed, completed, dead, failed, question, stepped, then, waiting,
    };

    macro_rules! told {
        ($name:literal) => {
            HealthNews::read(include_bytes!(concat!(
                "../../../crates/domain/tests/events/health/v1/",
                $name,
                ".json"
            )))
            .unwrap()
        };
    }

    #[test]
    fn who_is_told_that_something_is_bad_is_told_that_it_is_over() {
        let HealthNews::Turned(failed) = told!("health.turned") else { panic!("it is a verdict") };
        let mut well = failed.clone();
        (well.data.from, well.data.to) = (failed.data.to, failed.data.from);
        let mut starts = failed.clone();
        (starts.data.from, starts.data.to) = (Condition::Healthy, Condition::Starting);

        for (news, severity) in [
            (HealthNews::Turned(failed), Severity::Error),
            (HealthNews::Turned(well), Severity::Error),
            (HealthNews::Turned(starts), Severity::Info),
            (told!("incident.opened"), Severity::Error),
            (told!("incident.resolved"), Severity::Error),
            (told!("channel.silent"), Severity::Error),
            (told!("channel.delivers"), Severity::Error),
        ] {
            assert_eq!(Severity::of_health(&news), severity, "{news:?}");
        }
    }

    #[test]
    fn what_is_tried_again_is_a_warning_and_what_waits_for_a_human_an_error() {
        let working = stepped(&claimed(&asked(901, "r-0001")));
        let failed = failed(&working);
        let wait = |event: &Event| {
            let Fact::StepFailed(failed) = &event.fact else { panic!("{event:?}") };
            let mut failed = failed.clone();
            failed.failure.verdict = Verdict::Wait;
            then(&working, failed)
        };
        let drifted = |changes| phoenix_domain::Drifted { changes, addresses: None };
        let completed = completed(&working);
        for (event, severity) in [
            (&working, Severity::Info),
            (&completed, Severity::Info),
            (&failed, Severity::Warning),
            (&wait(&failed), Severity::Info),
            (&waiting(&failed), Severity::Info),
            (&question(&working), Severity::Error),
            (&dead(&failed), Severity::Error),
            (&then(&completed, drifted(vec!["set memory".to_owned()])), Severity::Warning),
            (&then(&completed, drifted(Vec::new())), Severity::Info),
        ] {
            assert_eq!(Severity::of(event), severity, "{:?}", event.fact);
        }
    }
}
