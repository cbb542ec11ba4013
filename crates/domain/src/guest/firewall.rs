//! The Proxmox firewall of a guest.

use serde::{Deserialize, Serialize};

/// The Proxmox firewall of a guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewall {
    /// Whether it is on.
    pub enabled: bool,
    /// The rules, first match wins.
    pub rules: Vec<FirewallRule>,
}

/// One rule of a firewall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRule {
    /// Which traffic it looks at.
    pub direction: TrafficDirection,
    /// What happens to it.
    pub action: FirewallAction,
    /// From where, as Proxmox writes it.
    pub source: Option<Box<str>>,
    /// To where.
    pub dest: Option<Box<str>>,
    /// The protocol.
    pub proto: Option<Box<str>>,
    /// Ports, as a list or range.
    pub port: Option<Box<str>>,
    /// The interface.
    pub iface: Option<Box<str>>,
    /// What it is for.
    pub comment: Option<Box<str>>,
}

/// The direction of traffic, seen from the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrafficDirection {
    /// Towards the guest.
    In,
    /// From the guest.
    Out,
}

/// What happens to matching traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FirewallAction {
    /// Let it through.
    Accept,
    /// Drop it silently.
    Drop,
    /// Refuse it.
    Reject,
}
