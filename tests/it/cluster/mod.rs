//! A fleet on two hosts and three servers, each on a machine of its own as far as the network goes: whatever
//! becomes of the servers, nothing is lost and nothing is done twice.

mod fleet;
mod scenes;
mod site;
mod watch;
