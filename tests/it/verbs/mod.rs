//! The verbs as they are typed, with a real worker on a simulated host.

mod adopt;
mod advice;
mod asked;
pub(crate) mod brought;
mod delete;
mod disk;
pub(crate) mod doctor;
mod drain;
mod drift;
mod explain;
mod killed;
mod past;
mod plan;
mod power;
mod safely;
pub(crate) mod site;
