//! The words of Phoenix and the rules between them.
//!
//! A guest is described by a [`GuestSpec`], all of them together are a [`Fleet`]. What is wanted
//! and what was [`Seen`] are compared by steps, and a [`Plan`] is the list of [`Change`]s between
//! the two. Nothing here does I/O, reads a clock or waits: ids and times arrive as arguments.

mod append;
mod causes;
mod change;
mod dispatch;
mod event;
mod fleet;
mod foresee;
mod goal;
mod gpu;
mod graph;
mod guest;
pub mod health;
mod image;
mod job;
mod name;
mod network;
mod phase;
mod property;
mod record;
mod refused;
mod route;
mod safety;
#[cfg(feature = "schema")]
mod schema;
mod secret;
mod seen;
mod setting;
mod size;
mod step;
mod steps;
mod trace;
mod upstream;
mod verb;
mod verdict;
mod vmid;
mod waits;

pub use append::{End, Landing, landing};
pub use causes::chain;
pub use change::{Change, Impact, Plan};
pub use dispatch::{Move, next_move};
pub use event::{
    Answered, Blocked, CancelRequested, Cancelled, Claimed, Completed, DeadLettered, Drifted,
    Event, EventId, EventKind, Fact, Failed, Obstacle, RepairRequested, Requested, RestartBegun,
    RetryWait, ReturnBegun, StepFailed, StepTaken, Unreadable,
};
pub use fleet::{Fleet, FleetError};
pub use foresee::{Foreseen, foresee};
pub use goal::{Begun, Fate, Goal, Repair};
pub use gpu::GpuSet;
pub use graph::{Cycle, order};
pub use guest::{
    AppArmor, Body, Boot, Brings, Check, Container, Disk, Firewall, FirewallAction, FirewallRule,
    GuestSpec, IdMap, Irreplaceable, Kind, Machine, ModelServer, Origin, PortMapping, RawLine,
    Route, Seal, TestScript, TrafficDirection, User, Volume, VolumeSource,
};
pub use image::ImageSource;
pub use job::{Cause, GuestKey, Job, SpecDigest};
pub use name::{
    AbsolutePath, BridgeName, ChannelName, FeatureName, FileName, Hostname, LoginName, NodeName,
    PackName, ProfileName, SecretName, SnapshotName, SourceName, StorageId, VolumeName,
};
pub use network::{Address, Mac, Nic};
pub use phase::Phase;
pub use property::Property;
pub use record::{
    Claim, Class, Desired, Failure, Record, Remedy, Restart, RunId, SpecText, Standing, Work,
    WorkerName,
};
pub use refused::Refused;
pub use route::{ModelKind, Scheme};
pub use safety::{Back, NoWayBack, Safety};
pub use secret::SecretRef;
pub use seen::{
    BootId, Facets, Health, Inheritance, Inside, Made, Owner, Run, Seen, SeenGuest, SeenParent,
};
pub use setting::{Parameters, Setting};
pub use size::{GibiBytes, MebiBytes};
pub use step::{Refusal, Step, StepName};
pub use steps::{CONTAINER, MACHINE, reached};
pub use trace::{NoTraceParent, TraceParent};
pub use upstream::{Upstream, is_gateway, lead_anew, upstreams, whereabouts};
pub use verb::{Reach, Verb};
pub use verdict::Verdict;
pub use vmid::Vmid;
pub use waits::Waits;
