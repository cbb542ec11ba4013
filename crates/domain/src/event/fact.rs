//! The facts: one type each, in the past tense.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[cfg(feature = "schema")]
use super::envelope::{Envelope, Told};
use crate::{BootId, Claim, Desired, Failure, GuestKey, Phase, SpecDigest, StepName, Vmid};

macro_rules! facts {
    ($($(#[doc = $doc:literal])* $name:ident $kind:literal $type:literal { $($(#[doc = $field_doc:literal])* $(#[serde($($attribute:tt)*)])? $field:ident: $field_type:ty,)* })*) => {
        /// What happened to a guest: the kinds of event in its log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum EventKind {
            $($(#[doc = $doc])* $name,)*
        }

        /// What happened to a guest, with what belongs to it.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Fact {
            $($(#[doc = $doc])* $name($name),)*
        }

        $(
            $(#[doc = $doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
            pub struct $name {
                $($(#[doc = $field_doc])* $(#[serde($($attribute)*)])? pub $field: $field_type,)*
            }

            impl From<$name> for Fact {
                fn from(fact: $name) -> Self {
                    Self::$name(fact)
                }
            }
        )*

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the type of the event, version last.
            pub fn type_name(self) -> &'static str {
                match self {
                    $(Self::$name => $type,)*
                }
            }

            /// Returns what it says, and the fields that belong to it.
            pub fn description(self) -> (&'static str, &'static [(&'static str, &'static str)]) {
                match self {
                    $(Self::$name => (
                        concat!($($doc),*),
                        &[$((stringify!($field), concat!($($field_doc),*)),)*],
                    ),)*
                }
            }
        }

        #[cfg(feature = "schema")]
        impl EventKind {
            /// Returns the schema of an event of this kind, JSON Schema 2020-12.
            pub fn schema(self) -> serde_json::Value {
                match self {
                    $(Self::$name => crate::schema::of::<Envelope<'_, Told<'_, $name>>>(
                        self.type_name(),
                        self.description().0,
                    ),)*
                }
            }
        }

        impl fmt::Display for EventKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $(Self::$name => $kind,)*
                })
            }
        }

        impl Fact {
            /// Returns which kind of fact it is.
            pub fn kind(&self) -> EventKind {
                match self {
                    $(Self::$name(_) => EventKind::$name,)*
                }
            }

            /// Reads the fact of an event of this kind.
            pub(super) fn read(kind: EventKind, fact: &RawValue) -> Result<Self, serde_json::Error> {
                Ok(match kind {
                    $(EventKind::$name => Self::$name(serde_json::from_str(fact.get())?),)*
                })
            }
        }

        impl Serialize for Fact {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$name(fact) => fact.serialize(serializer),)*
                }
            }
        }
    };
}

facts! {
    /// It was asked to be as its spec says.
    Requested "requested" "dev.phoenix.guest.requested.v1" {
        /// All that is wanted of it, the spec included.
        desired: Box<Desired>,
    }
    /// The health monitor asked for its repair.
    RepairRequested "repair-requested" "dev.phoenix.guest.repair-requested.v1" {
        /// All that is wanted of it, the reason of the repair included.
        desired: Box<Desired>,
    }
    /// Somebody asked to stop working on it.
    CancelRequested "cancel-requested" "dev.phoenix.guest.cancel-requested.v1" {
        /// Who.
        by: String,
    }
    /// Somebody answered what a human was asked about it.
    Answered "answered" "dev.phoenix.guest.answered.v1" {
        /// What was asked.
        question: String,
        /// Whether it goes on; otherwise it is cancelled.
        yes: bool,
        /// Who.
        by: String,
    }
    /// A worker took it.
    Claimed "claimed" "dev.phoenix.guest.claimed.v1" {
        /// The claim.
        claim: Claim,
        /// The steps it will be taken through.
        way: Vec<StepName>,
        /// The versions of what its host works with, as far as they are known.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        tools: BTreeMap<String, String>,
    }
    /// A step was taken: what it stands for holds.
    StepTaken "step-taken" "dev.phoenix.guest.step-taken.v1" {
        /// The step.
        step: StepName,
        /// The phase the guest is in now.
        phase: Phase,
        /// What was changed, in order; empty where everything was as wanted.
        changes: Vec<String>,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// The end of what was said inside of the guest meanwhile.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        said: Vec<String>,
    }
    /// A step could not be taken.
    StepFailed "step-failed" "dev.phoenix.guest.step-failed.v1" {
        /// What went wrong.
        failure: Failure,
    }
    /// It is tried again at a set time.
    RetryWait "retry-wait" "dev.phoenix.guest.retry-wait.v1" {
        /// When.
        at: DateTime<Utc>,
        /// Which attempt that will be, the first being 1.
        attempt: u32,
        /// How many attempts there are.
        of: u32,
    }
    /// It waits for another guest or for a human.
    Blocked "blocked" "dev.phoenix.guest.blocked.v1" {
        /// What is in the way.
        obstacle: Obstacle,
    }
    /// It is as wanted.
    Completed "completed" "dev.phoenix.guest.completed.v1" {
        /// How many changes that took in this claim; 0 says it was as wanted already.
        changes: u32,
        /// How long it took since it was claimed, in milliseconds.
        took_ms: u64,
        /// The addresses it has now; empty where it stands still or has none.
        addresses: Vec<IpAddr>,
        /// The digest of what it leads to, where it is a gateway.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        upstreams: Option<SpecDigest>,
        /// The number under which the guest stands that was set aside for it, where it was made again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        set_aside: Option<Vmid>,
    }
    /// It is about to be started or made anew, because somebody asked for that.
    RestartBegun "restart-begun" "dev.phoenix.guest.restart-begun.v1" {
        /// The boot that runs until then; absent where none does.
        boot: Option<BootId>,
    }
    /// It was found to be otherwise than wanted, or, where nothing is named, as wanted again.
    Drifted "drifted" "dev.phoenix.guest.drifted.v1" {
        /// What would make it as wanted.
        changes: Vec<String>,
        /// The addresses it was found to have, where those are others than before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        addresses: Option<Vec<IpAddr>>,
    }
    /// It was given up.
    Failed "failed" "dev.phoenix.guest.failed.v1" {
        /// Why.
        why: String,
    }
    /// It was given up, its story stands in the dead letters, and it goes back to what it was.
    ReturnBegun "return-begun" "dev.phoenix.guest.return-begun.v1" {
        /// Why.
        why: String,
        /// Under this sequence.
        letter: u64,
    }
    /// Its whole story stands in the dead letters.
    DeadLettered "dead-lettered" "dev.phoenix.guest.dead-lettered.v1" {
        /// Under this sequence.
        letter: u64,
    }
    /// Work on it was stopped because somebody asked for that.
    Cancelled "cancelled" "dev.phoenix.guest.cancelled.v1" {
        /// The step that was not begun any more.
        before: Option<StepName>,
    }
}

/// What keeps a guest from going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Obstacle {
    /// Another guest failed.
    Guest {
        /// The one it stands on.
        guest: GuestKey,
        /// The one where the trouble began.
        root: GuestKey,
    },
    /// A human must decide.
    Question {
        /// What is asked.
        question: String,
        /// What can be done.
        advice: String,
    },
}
