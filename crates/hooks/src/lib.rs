//! What webhooks say, whether it is true, and which guests it is about.
//!
//! A [`Source`] is one sender with its secrets. What arrives for it becomes a [`Delivery`], or is
//! [`Refused`] with the answer that the sender gets. A [`Push`] is compared with [`Rule`]s. What people
//! write about all of it is read as [`RawWebhooks`]. Nothing here does I/O, reads a clock or waits:
//! headers, body and time are arguments. What is said is a hint and no more: who acts on it looks at the
//! repository.

mod delivery;
mod file;
mod form;
mod header;
mod paths;
mod proof;
mod provider;
mod push;
mod refname;
mod refused;
mod repository;
mod rules;
mod secret;
mod senders;
mod source;
mod wrong;

pub use delivery::{Delivery, DeliveryId, Kind, Note};
pub use file::{
    Fleet, ForgeKind, RawFleet, RawSafely, RawSource, RawStatus, RawWebhooks, Safely, Webhooks,
};
pub use paths::{Changed, Paths, Untold};
pub use provider::{Algorithm, Encoding, Generic, Provider};
pub use push::{Forced, Push};
pub use refname::{CommitId, RefName};
pub use refused::{Fault, Refused};
pub use repository::Repository;
pub use rules::{Action, Matched, NotConfigured, RawRule, RawWindow, Rule, Window, matching};
pub use secret::SecretError;
pub use source::{LIMIT, Source, SourceError};
pub use wrong::WrongField;
