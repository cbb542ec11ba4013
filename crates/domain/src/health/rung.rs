//! What can be done about a guest that is not well, the mildest first, and which of it suits which
//! reason.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::Reason;
use crate::Refused;

/// What can be done about a guest that is not well, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Rung {
    /// Its own supervisor is given time.
    Wait,
    /// The service is started anew.
    Service,
    /// The container or machine is started anew.
    Guest,
    /// The application is set up again.
    Application,
    /// The guest is made again from its template; the old one is set aside.
    Recreate,
    /// A human is called.
    Human,
}

/// Where the repair for a reason begins, and how far it may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Course {
    /// The first rung.
    pub start: Rung,
    /// The last one before a human is called.
    pub ceiling: Rung,
    /// Rungs in between that would not help, or do harm.
    pub never: &'static [Rung],
}

/// What may be done to a guest, whatever its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Means {
    /// It holds data, so it is started anew and nothing else.
    Stateful,
    /// It is set up again too.
    Stateless,
    /// It may be made again as well.
    Expendable,
}

impl Rung {
    /// All of them, the mildest first.
    pub const ALL: [Self; 6] =
        [Self::Wait, Self::Service, Self::Guest, Self::Application, Self::Recreate, Self::Human];

    /// Returns its name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Service => "service",
            Self::Guest => "guest",
            Self::Application => "application",
            Self::Recreate => "recreate",
            Self::Human => "human",
        }
    }

    /// Returns what it does, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Wait => "waiting for its supervisor",
            Self::Service => "restarting the service",
            Self::Guest => "restarting the guest",
            Self::Application => "setting up the application again",
            Self::Recreate => "making the guest again from its template",
            Self::Human => "calling a human",
        }
    }

    /// Says whether it is a job for a worker.
    pub fn is_work(self) -> bool {
        match self {
            Self::Wait | Self::Human => false,
            Self::Service | Self::Guest | Self::Application | Self::Recreate => true,
        }
    }

    /// Returns how often it is tried for a reason before the next one.
    pub(super) fn attempts(self, reason: Reason) -> u32 {
        match self {
            // What was killed for want of memory will be killed again.
            Self::Service if reason == Reason::OutOfMemory => 1,
            Self::Service => 2,
            Self::Guest | Self::Application | Self::Recreate => 1,
            Self::Wait | Self::Human => 0,
        }
    }

    /// Returns how long the worker's job for it may take; after that nobody counts on it any more.
    pub(super) fn patience(self) -> TimeDelta {
        match self {
            Self::Wait | Self::Human => TimeDelta::zero(),
            Self::Service => TimeDelta::minutes(15),
            Self::Guest => TimeDelta::minutes(30),
            Self::Application | Self::Recreate => TimeDelta::hours(2),
        }
    }
}

/// Returns what is done for a reason; nothing where nothing would help.
///
/// `hung_before` says that another service hung on the same GPU within the hour.
pub fn course(reason: Reason, hung_before: bool) -> Option<Course> {
    use Rung::{Application, Guest, Human, Recreate, Service, Wait};
    let go = |start, ceiling, never| Some(Course { start, ceiling, never });
    match reason {
        Reason::Exited => go(Wait, Application, &[]),
        // A fourth restart cannot help.
        Reason::CrashLoop => go(Application, Recreate, &[]),
        Reason::Hung if hung_before => go(Guest, Application, &[]),
        Reason::EngineDead | Reason::Hung | Reason::Unresponsive | Reason::StartStalled => {
            go(Service, Recreate, &[])
        }
        Reason::AnswersError | Reason::CheckFailed => go(Service, Application, &[]),
        Reason::Orphaned => go(Service, Guest, &[]),
        Reason::ArtifactMissing | Reason::WrongModel => go(Application, Application, &[]),
        Reason::GpuLost => go(Guest, Application, &[]),
        Reason::GuestDown => go(Guest, Guest, &[]),
        Reason::OutOfMemory => go(Service, Service, &[Recreate]),
        // A restart may make it worse, or lose what is not yet written.
        Reason::DataMissing
        | Reason::RecoveryMode
        | Reason::CollectionBroken
        | Reason::QuorumLost
        | Reason::DiskFull
        | Reason::GpuBroken
        | Reason::Flapping => go(Human, Human, &[]),
        Reason::Saturated
        | Reason::Optimising
        | Reason::Asleep
        | Reason::UpstreamDown
        | Reason::ProbeAuth
        | Reason::ProbeConfig
        | Reason::Unreachable
        | Reason::Foundation
        | Reason::HostSilent
        | Reason::Unjudged
        | Reason::MonitorSick => None,
    }
}

impl Course {
    /// Says whether a rung belongs to it, for a guest with these means.
    pub fn has(&self, rung: Rung, means: Means) -> bool {
        let highest = match means {
            Means::Stateful => Rung::Guest,
            Means::Stateless => Rung::Application,
            Means::Expendable => Rung::Recreate,
        };
        (self.start..=self.ceiling.min(highest)).contains(&rung) && !self.never.contains(&rung)
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Rung {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let found = Self::ALL.into_iter().find(|rung| rung.name() == text);
        found.ok_or_else(|| {
            let rule = "a rung is `service`, `guest`, `application` or `recreate`";
            Refused::new(text.to_owned(), "a rung", rule)
        })
    }
}
