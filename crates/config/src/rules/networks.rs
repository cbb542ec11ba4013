//! An address only works in the network behind its bridge.

use std::net::IpAddr;

use ipnet::IpNet;
use phoenix_domain::BridgeName;

use super::groups::{Groups, per};
use super::{Rule, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::host::HostNetwork;
use crate::scene::{Guest, Scene};

static OUTSIDE: Code = code!("0203", Error, "an address lies outside the network of its bridge");
static RESERVED: Code = code!("0205", Error, "an address belongs to the network itself");
static PREFIX: Code = code!("0207", Warning, "a prefix differs from that of the bridge's network");

pub(super) const RULE: Rule = Rule { codes: &[&OUTSIDE, &RESERVED, &PREFIX], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut outside: Groups<(&BridgeName, IpNet), (&Guest, usize)> = Groups::new();
    let mut prefix: Groups<(&BridgeName, u8), (&Guest, usize)> = Groups::new();
    for guest in scene.guests {
        for (nth, nic, address) in guest.addresses() {
            if let Some(what) = reserved(address) {
                let message = format!(
                    "{} has the address {}, which is the {what} address of {}",
                    guest.called(),
                    address.addr(),
                    address.trunc()
                );
                findings.add(
                    Finding::new(&RESERVED, guest.nic_at(nth).key("ip"), message)
                        .help("take one between the first and the last address of the network"),
                );
            }
            let Some(network) = scene.host.network(&nic.bridge) else { continue };
            if address.addr().is_ipv4() != network.address.addr().is_ipv4() {
                // A bridge may carry both; the host's file only knows of one.
                continue;
            }
            if !network.address.contains(&address.addr()) {
                outside.add((&network.bridge, address.trunc()), (guest, nth));
            } else if address.prefix_len() != network.address.prefix_len() && !is_single(address) {
                prefix.add((&network.bridge, address.prefix_len()), (guest, nth));
            }
        }
    }
    for ((bridge, of), found) in outside.into_iter() {
        let Some(network) = scene.host.network(bridge) else { continue };
        findings.extend(told_outside(network, of, &found));
    }
    for ((bridge, length), found) in prefix.into_iter() {
        let Some(network) = scene.host.network(bridge) else { continue };
        findings.extend(told_prefix(network, length, &found));
    }
}

/// Says whether an address is routed by itself, without a network around it.
fn is_single(address: IpNet) -> bool {
    address.prefix_len() == address.max_prefix_len()
}

/// Says what an address is that no guest can have, where it is one.
fn reserved(address: IpNet) -> Option<&'static str> {
    // In a network of one or two addresses each is somebody's.
    if address.max_prefix_len() - address.prefix_len() < 2 {
        return None;
    }
    match address {
        IpNet::V4(net) if net.addr() == net.network() => Some("network"),
        IpNet::V4(net) if net.addr() == net.broadcast() => Some("broadcast"),
        IpNet::V6(net) if net.addr() == net.network() => Some("routers' anycast"),
        IpNet::V4(_) | IpNet::V6(_) => None,
    }
}

fn told_outside(network: &HostNetwork, of: IpNet, found: &[(&Guest, usize)]) -> Option<Finding> {
    let (first, nth) = found.first()?;
    let guests = guests(found);
    let has = match (found, address(first, *nth)) {
        ([_], Some(address)) => format!("has the address {address}"),
        (_, _) => format!("have addresses in {of}"),
    };
    let theirs = network.address.trunc();
    let message =
        format!("{} {has}, but the network of {} is {theirs}", some_of(&guests), network.bridge);
    Some(
        Finding::new(&OUTSIDE, first.nic_at(*nth).key("ip"), message)
            .also(network.at(), format!("the network of {}", network.bridge))
            .help(format!(
                "give {} in {theirs}, or another bridge",
                per(found, "it an address", "them addresses")
            )),
    )
}

fn told_prefix(network: &HostNetwork, length: u8, found: &[(&Guest, usize)]) -> Option<Finding> {
    let (first, nth) = found.first()?;
    let theirs = network.address.trunc();
    let message = format!(
        "{} {} the prefix /{length}, but the network of {} is {theirs}",
        some_of(&guests(found)),
        per(found, "has", "have"),
        network.bridge
    );
    let effect = if length > theirs.prefix_len() {
        "others of the network seem to lie behind the gateway"
    } else {
        "hosts behind the gateway seem to lie in the network"
    };
    Some(
        Finding::new(&PREFIX, first.nic_at(*nth).key("ip"), message)
            .label(effect)
            .also(network.at(), format!("the network of {}", network.bridge))
            .help(format!("write /{} behind the address", theirs.prefix_len())),
    )
}

fn guests<'a>(found: &[(&'a Guest, usize)]) -> Vec<&'a Guest> {
    found.iter().map(|(guest, _)| *guest).collect()
}

fn address(guest: &Guest, nth: usize) -> Option<IpAddr> {
    guest.spec.nics.get(nth)?.address.ip()
}
