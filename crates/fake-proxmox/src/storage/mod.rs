//! The storages of the node and the volumes on them.

pub(crate) mod config;
pub(crate) mod features;
pub(crate) mod make;
pub(crate) mod name;
pub(crate) mod shelf;

pub(crate) use self::config::{Kind, Storage, Storages};
pub(crate) use self::name::Volume;
