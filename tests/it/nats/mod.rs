//! Who may do what: real servers that run from what `phoenix nats init` writes.

mod acts;
mod cluster;
mod doctor;
mod forbidden;
mod hostile;
mod init;
mod leaf;
mod page;
mod roles;
pub(crate) mod site;
