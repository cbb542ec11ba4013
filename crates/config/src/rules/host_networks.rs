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
    if is_nobodys(address) {
        let message = format!("the host has the address {address}, which is the network's own");
        findings.add(
            Finding::new(&CODE, at.key("address"), message).help(
                "write the host's own address, with the prefix of its network: `10.0.0.13/24`",
            ),
        );
        return;
    }
    let gateway = outer.gateway.as_deref().and_then(|text| text.parse::<IpAddr>().ok());
    let Some(message) = gateway.and_then(|gateway| no_way_out(address, gateway)) else { return };
    findings.add(
        Finding::new(&CODE, at.clone().key("gateway"), message)
            .also(at.key("address"), format!("the network is {}", address.trunc()))
            .help("name the router of that network, or correct address and prefix"),
    );
}

/// Says whether no host can have an address: the first of a network names it, and the last one is for
/// all of it.
fn is_nobodys(address: IpNet) -> bool {
    let is_room = address.max_prefix_len() - address.prefix_len() >= 2;
    let is_last = address.addr().is_ipv4() && address.addr() == address.broadcast();
    is_room && (address.addr() == address.network() || is_last)
}

/// Says why a host with this address gets nowhere by a gateway, if that is so.
fn no_way_out(own: IpNet, gateway: IpAddr) -> Option<String> {
    if gateway == own.addr() {
        return Some("the gateway of the host is the host itself".to_owned());
    }
    let network = own.trunc();
    (!is_reached(own, gateway))
        .then(|| format!("the gateway {gateway} of the host lies outside its network {network}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_address_are_nobodys() {
        let nobodys = |address: &str| is_nobodys(address.parse().unwrap());
        for address in ["10.0.0.0/24", "10.0.0.255/24", "10.0.0.4/30", "fd00::/64"] {
            assert!(nobodys(address), "{address}");
        }
        for address in ["10.0.0.1/24", "10.0.0.0/31", "10.0.0.1/32", "fd00::ffff/112"] {
            assert!(!nobodys(address), "{address}");
        }
    }

    #[test]
    fn a_gateway_is_a_neighbour() {
        let why =
            |own: &str, gateway: &str| no_way_out(own.parse().unwrap(), gateway.parse().unwrap());
        for (own, gateway) in [
            ("10.0.0.13/24", "10.0.0.1"),
            ("203.0.113.7/32", "10.255.255.1"),
            ("fd00::13/64", "fd00::1"),
            ("fd00::13/64", "fe80::1"),
        ] {
            assert_eq!(why(own, gateway), None, "{own} {gateway}");
        }
        assert_eq!(
            why("10.0.0.13/24", "10.0.0.13").unwrap(),
            "the gateway of the host is the host itself"
        );
        for (own, gateway) in
            [("10.0.0.13/24", "10.0.1.1"), ("10.0.0.13/24", "fe80::1"), ("fd00::13/64", "fd01::1")]
        {
            let outside = why(own, gateway).unwrap();
            assert!(outside.contains("lies outside its network"), "{own} {gateway}: {outside}");
        }
    }
}
