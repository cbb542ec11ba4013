//! The three files as they are written, in every spelling there has been.
//!
//! These types mirror the files and decide nothing: what a value means is said where it is read
//! into the words of the domain. They hold the keys that have an effect; every other key that ever
//! was is listed in `rules::inert_keys`. `null` is the same as absent everywhere.

pub(crate) mod given;
pub(crate) mod hypervisor;
pub(crate) mod lenient;
pub(crate) mod lxc;
pub(crate) mod shared;
pub(crate) mod vm;

pub(crate) use hypervisor::RawHypervisor;
pub(crate) use lxc::{RawContainer, RawLxcHead};
pub(crate) use vm::{RawMachine, RawVmHead};
