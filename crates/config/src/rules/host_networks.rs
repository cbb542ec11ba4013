//! The networks of the host lie beside each other, and the way out of one lies in it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::host::HostNetwork;
use crate::place::Place;
use crate::scene::Scene;

static CODE: Code = code!("0915", Error, "the networks of the host cannot be as they are written");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let networks = &scene.host.networks;
    for (nth, network) in networks.iter().enumerate() {
        let earlier =
            networks.iter().take(nth).find(|other| overlap(network.address, other.address));
        if let Some(other) = earlier {
            findings.add(told_overlap(network, other));
        }
    }
    outer(scene, findings);
}

fn overlap(one: IpNet, other: IpNet) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}

fn told_overlap(network: &HostNetwork, other: &HostNetwork) -> Finding {
    let (ours, theirs) = (network.address.trunc(), other.address.trunc());
    let message = if ours == theirs {
        format!("{} and {} are both to have the network {ours}", other.bridge, network.bridge)
    } else {
        format!(
            "{ours}, the network of {}, overlaps {theirs}, that of {}",
            network.bridge, other.bridge
        )
    };
    Finding::new(&CODE, network.at(), message)
        .also(other.at(), format!("the network of {}", other.bridge))
        .help(
            "the host is the router between them, and would not know where to send what is for an \
             address of both: give one of them another network",
        )
}

fn outer(scene: &Scene<'_>, findings: &Findings) {
    let network = scene.hypervisor.network.as_ref();
    let Some(outer) = network.and_then(|network| network.interfaces.as_ref()) else { return };
    let Some(address) = outer.address.as_deref().and_then(|text| text.parse::<IpNet>().ok()) else {
        return;
    };
    let at = Place::of_host("network").key("interfaces");
    let is_room = address.max_prefix_len() - address.prefix_len() >= 2;
    let is_nobodys = address.addr() == address.network()
        || (address.addr().is_ipv4() && address.addr() == address.broadcast());
    if is_room && is_nobodys {
        let message = format!("the host has the address {address}, which is the network's own");
        findings.add(
            Finding::new(&CODE, at.key("address"), message).help(
                "write the host's own address, with the prefix of its network: `10.0.0.13/24`",
            ),
        );
        return;
    }
    let Some(gateway) = outer.gateway.as_deref().and_then(|text| text.parse::<IpAddr>().ok())
    else {
        return;
    };
    let network = address.trunc();
    let message = if gateway == address.addr() {
        "the gateway of the host is the host itself".to_owned()
    } else if is_reached(address, gateway) {
        return;
    } else {
        format!("the gateway {gateway} of the host lies outside its network {network}")
    };
    findings.add(
        Finding::new(&CODE, at.clone().key("gateway"), message)
            .also(at.key("address"), format!("the network is {network}"))
            .help("name the router of that network, or correct address and prefix"),
    );
}

/// Says whether a gateway answers on the interface itself.
fn is_reached(own: IpNet, gateway: IpAddr) -> bool {
    let is_link_local = match gateway {
        IpAddr::V4(_) => false,
        IpAddr::V6(gateway) => own.addr().is_ipv6() && gateway.is_unicast_link_local(),
    };
    // A single address has no neighbours: whoever gives it out has a route for it.
    own.prefix_len() == own.max_prefix_len() || is_link_local || own.contains(&gateway)
}
