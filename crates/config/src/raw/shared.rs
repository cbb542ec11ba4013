//! Parts that containers and machines write alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::{Label, OneOrMany, Whole};

/// A network interface of a guest.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawNic {
    /// Name inside the guest, `eth0`. Machines name theirs by themselves.
    pub(crate) name: Option<String>,
    /// Bridge of the host, or id of an SDN VNet (2–8 letters and digits).
    pub(crate) bridge: Option<String>,
    /// Address with its prefix (`10.0.0.150/24`), or `dhcp`.
    pub(crate) ip: Option<String>,
    /// Gateway; it lies inside the network of `ip`.
    pub(crate) gw: Option<String>,
    /// MAC address; `mac_address` of the guest stands in for it on the first interface.
    pub(crate) hwaddr: Option<String>,
    /// Resolvers, as a list or separated by blanks; absent means those of the host.
    #[serde(alias = "nameserver")]
    pub(crate) nameservers: Option<OneOrMany<String>>,
}

/// The Proxmox firewall of a guest.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawFirewall {
    /// Whether it is on. Absent means off.
    pub(crate) enabled: Option<bool>,
    /// The rules; the first that matches wins.
    pub(crate) rules: Option<Vec<RawFirewallRule>>,
}

/// One rule of a firewall.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawFirewallRule {
    /// `in` or `out`, seen from the guest.
    #[serde(rename = "type")]
    pub(crate) direction: Option<String>,
    /// `ACCEPT`, `DROP` or `REJECT`.
    pub(crate) action: Option<String>,
    /// Address or network it comes from; absent means any.
    pub(crate) source: Option<String>,
    /// Address or network it goes to; absent means any.
    pub(crate) dest: Option<String>,
    /// `tcp`, `udp` or `icmp`.
    pub(crate) proto: Option<String>,
    /// Port, list (`80,443`) or range (`9000:9100`).
    pub(crate) port: Option<Label>,
    /// Interface of the host it is about.
    pub(crate) iface: Option<String>,
    /// What it is for.
    pub(crate) comment: Option<String>,
}

/// A check of a guest's health: a command, or a script below the folder of tests.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawCheck {
    /// Its name.
    pub(crate) name: Option<String>,
    /// Command run in the guest by its shell.
    #[serde(alias = "script")]
    pub(crate) command: Option<String>,
    /// Attempts before it counts as failed. Default: 3.
    pub(crate) retries: Option<Whole>,
    /// Seconds between attempts. Default: 5.
    pub(crate) interval: Option<Whole>,
}

/// A question that the health monitor asks a guest again and again.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawProbe {
    /// Who is asked: `vllm`, `qdrant`, `ollama`, `llamacpp`, `http`, `tcp`, `postgresql`, `redis`,
    /// `nginx`, or `docker` for the containers in the guest.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// Its name, one of its own in the guest. It replaces a probe of this name that the features
    /// imply. Default: the type.
    pub(crate) name: Option<String>,
    /// Port of the service. Default: the usual one of its type; `tcp` has none.
    pub(crate) port: Option<Whole>,
    /// Path that is asked for, of `http` and `nginx`. Default: `/`.
    pub(crate) path: Option<String>,
    /// Status it has to answer with, of `http`. Default: any below 400.
    pub(crate) status: Option<Whole>,
    /// What the answer has to contain, of `http`.
    pub(crate) contains: Option<String>,
    /// Model it has to offer, of `vllm` and `llamacpp`. Default: that of the guest, else any.
    pub(crate) model: Option<String>,
    /// Models it has to have, of `ollama`.
    pub(crate) models: Option<OneOrMany<String>>,
    /// Collections it has to hold, of `qdrant`.
    pub(crate) collections: Option<OneOrMany<String>>,
    /// Containers that have to run, of `docker`. Absent means that none may fail.
    pub(crate) containers: Option<OneOrMany<String>>,
    /// Seconds from a start within which it has to serve. Default: that of `health`, else what its
    /// type needs.
    pub(crate) start_deadline: Option<Whole>,
    /// Name of one of the guest's `secrets` that lets the monitor in.
    pub(crate) key: Option<String>,
    /// Whether the probe of this name, which the features imply, is not asked at all.
    pub(crate) off: Option<bool>,
}

/// How the health monitor treats a guest.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawHealth {
    /// What is done about findings, until `phoenix health mode` says otherwise: `off`, `observe`,
    /// `dry-run` or `on`. Default: what holds for all.
    pub(crate) mode: Option<String>,
    /// Whether nothing is lost when the guest is set up again, or, where it is a container, made again
    /// with the volumes it has. Default: it is set up again where no feature of it keeps data, and
    /// never made again.
    pub(crate) stateless: Option<bool>,
    /// Seconds from a start within which each of its probes has to find it serving. Default: what
    /// their types need.
    pub(crate) start_deadline: Option<Whole>,
}

/// One script of a test suite.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawTest {
    /// What it shows.
    pub(crate) name: Option<String>,
    /// Always `script`.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// Script below the folder of tests.
    pub(crate) path: Option<String>,
}

/// The name under which the gateway offers a guest.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawRoute {
    /// Label of the host name.
    pub(crate) name: Option<String>,
    /// Port of the service.
    pub(crate) port: Option<Whole>,
    /// `http`, `https`, or `tcp` for what is neither: bytes are passed on from the same port of the
    /// gateway. Default: `http`.
    pub(crate) scheme: Option<String>,
}
