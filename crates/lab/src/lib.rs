//! Real containers to be thrown away: a network and a file system of one's own, and what is tried there.
//!
//! `network` is what guests of this machine are connected to, `place` a machine with containers that
//! goes with everything in it, `debian` what they are made of, and `trial` takes a feature through the
//! five steps of its standard; `machine` is a virtual machine. This machine's own network is never touched.

mod debian;
mod error;
pub mod machine;
mod network;
mod place;
mod process;
mod trial;

pub use debian::{RELEASE, clear_room, make_archive};
pub use error::LabError;
pub use network::{Bridge, Network, Reach};
pub use place::{Kept, Lab, kept, remove_kept, sweep};
pub use trial::{Standard, Subject, Told, Trial, TrialError, subject};
