//! The whole state of a guest, as the last event of its log carries it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{
    Begun, BootId, Cause, Fate, Goal, GpuSet, GuestKey, GuestSpec, NodeName, Phase, Refused,
    Repair, Safety, SpecDigest, Step, StepName, Verdict,
};

/// The whole state of a guest: what is wanted of it, and what is being done about that.
///
/// It is a note for people and a fence for workers. How the guest really is, the host says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The guest.
    pub guest: GuestKey,
    /// What is wanted; written by those who ask.
    pub desired: Desired,
    /// What is done about it; written by those who work.
    pub work: Work,
}

/// What is wanted of a guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Desired {
    /// Counts the requests; a newer one supersedes an older one.
    pub revision: u64,
    /// The run it was asked for in.
    pub run: RunId,
    /// The host it lives on.
    pub host: NodeName,
    /// The queue its work goes through.
    pub class: Class,
    /// Why it was asked for.
    pub cause: Cause,
    /// The digest of the spec.
    pub digest: SpecDigest,
    /// The guests that must be done before it: those it stands on, or, where it is to go, those
    /// that stand on it.
    pub stands_on: Vec<GuestKey>,
    /// Who asked.
    pub by: String,
    /// Whether somebody asked to stop working on it.
    pub cancelled: bool,
    /// Whether an operator vouched for the log after it had gone backwards.
    pub trusts_log: bool,
    /// What is to become of it.
    #[serde(default)]
    pub goal: Goal,
    /// How it goes back where that fails; absent where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<Safety>,
    /// Those of the same run that try it first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<GuestKey>,
    /// As what each of those has to be complete: another wish proves nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tried: BTreeMap<GuestKey, SpecDigest>,
    /// The spec.
    pub spec: SpecText,
}

/// What is done about a guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Work {
    /// The revision of the request it is about.
    pub revision: u64,
    /// How things stand.
    pub standing: Standing,
    /// How far the guest has come.
    pub phase: Phase,
    /// Who is at it.
    pub claim: Option<Claim>,
    /// The steps of its way.
    pub way: Vec<StepName>,
    /// Those that are taken.
    pub taken: Vec<StepName>,
    /// How many steps were taken at most in one claim since it last was asked for.
    #[serde(default)]
    pub reached: usize,
    /// How often it failed since it last was asked for.
    pub attempts: u32,
    /// How often it waited since then for what somebody else holds.
    #[serde(default)]
    pub waits: u32,
    /// How often it was claimed since it last got further.
    pub idle_claims: u32,
    /// What went wrong last.
    pub failure: Option<Failure>,
    /// The addresses it had when it last was complete.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// The digest of what it led to when it last was made whole, where it is a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstreams: Option<SpecDigest>,
    /// What was found to be otherwise than wanted since then.
    #[serde(default)]
    pub drift: Vec<String>,
    /// The restart that was begun.
    #[serde(default)]
    pub restart: Option<Restart>,
}

/// A restart that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Restart {
    /// The boot that ran before; absent where none did.
    pub from: Option<BootId>,
}

/// How things stand with a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Standing {
    /// It waits for a worker, or for what it stands on to be complete.
    Requested,
    /// A worker is at it.
    Working,
    /// It is tried again.
    RetryWait {
        /// When.
        at: DateTime<Utc>,
    },
    /// What it stands on failed; it goes on by itself when that is complete.
    BlockedBy {
        /// The guest it stands on.
        guest: GuestKey,
        /// The guest where the trouble began.
        root: GuestKey,
    },
    /// A human must decide.
    Blocked {
        /// What is asked.
        question: String,
        /// What can be done.
        advice: String,
    },
    /// It is as wanted.
    Completed,
    /// It was given up, and its dead letter is still to be written.
    Failed,
    /// It was given up, and its whole story stands in the dead letters.
    Dead {
        /// Under this sequence.
        letter: u64,
    },
    /// Somebody asked to stop, and nobody is at it any more.
    Cancelled,
}

/// Who is at a guest. Every claim has its own; whoever sees another one than its own is fenced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Claim {
    /// Names this claim and no other.
    pub id: String,
    /// The worker.
    pub worker: WorkerName,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Failure {
    /// In which step; absent where none was begun.
    pub step: Option<StepName>,
    /// In making which change.
    pub change: Option<String>,
    /// What could not be done, and why.
    pub what: String,
    /// What a human can do.
    pub advice: Option<String>,
    /// The end of what the tool printed.
    pub output: Option<String>,
    /// What is to be done about it.
    pub verdict: Verdict,
    /// What is typed once a human has mended it.
    #[serde(default, skip_serializing_if = "Remedy::is_retry")]
    pub remedy: Remedy,
    /// When.
    pub at: DateTime<Utc>,
}

/// What is typed once a human has mended what went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Remedy {
    /// The world outside of the files was mended, so the same is asked for again.
    #[default]
    Retry,
    /// The guest's file was mended, so what it says now is asked for.
    Submit,
    /// The guest is somebody else's, and is taken over, or its file gives it another number.
    Adopt,
}

impl Remedy {
    /// Says whether the same is asked for again.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    fn is_retry(&self) -> bool {
        *self == Self::Retry
    }
}

/// A spec as it was written, so that passing it on costs nothing and changes no byte.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SpecText(
    // Its form is that of a spec, which is no part of what an event promises.
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Map<String, serde_json::Value>"))]
    Arc<RawValue>,
);

/// One request of an operator, over all guests it reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct RunId(Box<str>);

/// The queue the work on a guest goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub enum Class {
    /// Most guests.
    Std,
    /// Guests that use this GPU: one at a time.
    Gpu(u8),
}

/// A worker's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkerName {
    /// The host it works for.
    pub host: NodeName,
    /// The process; never the same twice.
    pub instance: String,
}

impl Desired {
    /// Returns the guests that must be done before it.
    pub fn waits_for(&self) -> impl Iterator<Item = GuestKey> {
        self.stands_on.iter().chain(&self.after).copied()
    }

    /// Says whether a guest that it waits for is wanted as it was to be tried; of one that nothing
    /// tries that is always so.
    pub fn is_tried_by(&self, other: &Record) -> bool {
        self.tried.get(&other.guest).is_none_or(|digest| *digest == other.desired.digest)
    }

    /// Returns the steps that lead to what is wanted; those that do not concern the guest are left out.
    pub fn way(&self, want: &GuestSpec, begun: Option<&Begun>) -> Vec<Box<dyn Step>> {
        let way = self.goal.way(want, begun);
        match &self.safety {
            Some(safety) => safety.around(want, way),
            None => way,
        }
    }
}

impl Record {
    /// Returns the step a worker is at, or would be at next.
    pub fn step(&self) -> Option<StepName> {
        self.work.way.iter().copied().find(|step| !self.work.taken.contains(step))
    }

    /// Says whether nothing more happens to it by itself.
    pub fn is_settled(&self) -> bool {
        self.work.revision == self.desired.revision
            && match self.work.standing {
                Standing::Completed
                | Standing::Dead { .. }
                | Standing::Cancelled
                | Standing::Blocked { .. } => true,
                Standing::Requested
                | Standing::Working
                | Standing::RetryWait { .. }
                | Standing::BlockedBy { .. }
                | Standing::Failed => false,
            }
    }

    /// Returns what is to become of it when it is asked for once more: one that was set aside already is
    /// made now, and not set aside again.
    pub fn goal_again(&self, goal: Goal) -> Goal {
        match goal {
            Goal::Repaired { by: Repair::Recreate } if self.work.reached > 0 => Goal::Present,
            Goal::Present
            | Goal::Adopted
            | Goal::Running
            | Goal::Stopped
            | Goal::Restarted
            | Goal::Repaired { .. }
            | Goal::Absent { .. } => goal,
        }
    }

    /// Says whether others can stand on it: it is as its spec says, and was not taken away since.
    pub fn can_be_stood_on(&self) -> bool {
        self.is_complete()
            && self.work.phase == Phase::Completed
            && self.desired.goal.leaves_a_guest()
    }

    /// Returns why what was last asked for was given up, and its letter, where the guest is what it was
    /// before.
    pub fn gone_back(&self) -> Option<(&str, u64)> {
        match &self.desired.safety {
            Some(Safety::Returned { why, letter, .. }) if self.is_complete() => {
                Some((why, *letter))
            }
            Some(Safety::Returned { .. } | Safety::Guarded { .. }) | None => None,
        }
    }

    /// Says whether what this run wanted of it was given up, so that it is again what it was.
    pub fn has_gone_back(&self, run: &RunId) -> bool {
        self.desired.run == *run && matches!(self.desired.safety, Some(Safety::Returned { .. }))
    }

    /// Says whether a guest that waits for this one may be brought to its goal: what is to be there
    /// needs it whole, what is to go needs it out of the way.
    pub fn lets(&self, goal: Goal) -> bool {
        match goal {
            Goal::Present
            | Goal::Adopted
            | Goal::Running
            | Goal::Restarted
            | Goal::Repaired { .. } => self.can_be_stood_on(),
            Goal::Stopped => self.is_complete() && self.desired.goal.is_downwards(),
            Goal::Absent { .. } => self.is_complete() && !self.desired.goal.leaves_a_guest(),
        }
    }

    /// Returns what should hold on the host while nobody is at the guest; nothing is expected of
    /// one that is not as it was asked for.
    pub fn lasting(&self) -> Option<Goal> {
        if !self.is_complete() {
            return None;
        }
        Some(match self.desired.goal {
            Goal::Present | Goal::Adopted => Goal::Present,
            Goal::Running | Goal::Restarted | Goal::Repaired { .. }
                if self.work.phase == Phase::Completed =>
            {
                Goal::Present
            }
            Goal::Running | Goal::Restarted | Goal::Repaired { .. } => Goal::Running,
            Goal::Stopped => Goal::Stopped,
            Goal::Absent { .. } => Goal::Absent { volumes: Fate::Kept },
        })
    }

    /// Says whether the newest request is met.
    pub fn is_complete(&self) -> bool {
        self.work.standing == Standing::Completed && self.work.revision == self.desired.revision
    }
}

impl Work {
    /// Returns the work on a request nobody has looked at yet.
    pub(crate) fn none(revision: u64) -> Self {
        Self {
            revision,
            standing: Standing::Requested,
            phase: Phase::Defined,
            claim: None,
            way: Vec::new(),
            taken: Vec::new(),
            reached: 0,
            attempts: 0,
            waits: 0,
            idle_claims: 0,
            failure: None,
            addresses: Vec::new(),
            upstreams: None,
            drift: Vec::new(),
            restart: None,
        }
    }

    /// Returns the work on a newer request: what is known of the guest itself stays known.
    pub(crate) fn anew(&self, revision: u64) -> Self {
        Self {
            phase: self.phase,
            addresses: self.addresses.clone(),
            upstreams: self.upstreams.clone(),
            drift: self.drift.clone(),
            ..Self::none(revision)
        }
    }
}

impl SpecText {
    /// Writes a spec.
    pub fn of(guest: &GuestSpec) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(guest).map(|text| Self(text.into()))
    }

    /// Returns how many bytes it has.
    #[expect(clippy::len_without_is_empty, reason = "no spec is empty")]
    pub fn len(&self) -> usize {
        self.0.get().len()
    }

    /// Reads the spec back.
    pub fn read(&self) -> Result<GuestSpec, serde_json::Error> {
        serde_json::from_str(self.0.get())
    }
}

impl PartialEq for SpecText {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Serialize for SpecText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SpecText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

impl RunId {
    /// Returns the name of a run that never is: of what is only looked at.
    pub(crate) fn foretold() -> Self {
        Self("r-foretold".into())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RunId {
    type Error = Refused;

    fn try_from(text: String) -> Result<Self, Refused> {
        let rest = text.strip_prefix("r-").unwrap_or_default();
        let is_name = (4..=40).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if is_name {
            Ok(Self(text.into()))
        } else {
            Err(Refused::new(
                text,
                "a run",
                "a run is named `r-` and 4 to 40 lower-case letters and digits",
            ))
        }
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.0.into()
    }
}

impl FromStr for RunId {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Class {
    /// Returns the class of guests that use these GPUs.
    pub fn of(gpus: &GpuSet) -> Self {
        gpus.indices().first().map_or(Self::Std, |index| Self::Gpu(*index))
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Std => f.write_str("std"),
            Self::Gpu(index) => write!(f, "gpu{index}"),
        }
    }
}

impl TryFrom<String> for Class {
    type Error = Refused;

    fn try_from(text: String) -> Result<Self, Refused> {
        if text == "std" {
            return Ok(Self::Std);
        }
        let gpu = text.strip_prefix("gpu").and_then(|index| index.parse().ok()).map(Self::Gpu);
        match gpu {
            Some(class) if class.to_string() == text => Ok(class),
            Some(_) | None => Err(Refused::new(text, "a class", "a class is `std` or `gpu0`")),
        }
    }
}

impl From<Class> for String {
    fn from(class: Class) -> Self {
        class.to_string()
    }
}

impl fmt::Display for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.instance)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Requested => "requested",
            Self::Working => "working",
            Self::RetryWait { .. } => "retry-wait",
            Self::BlockedBy { .. } | Self::Blocked { .. } => "blocked",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Dead { .. } => "dead",
            Self::Cancelled => "cancelled",
        })
    }
}
