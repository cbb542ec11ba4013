//! The gateway is the way out of an interface's own network.

use std::net::IpAddr;

use ipnet::IpNet;
use phoenix_domain::{Address, Nic};

use super::groups::{Groups, per};
use super::{Rule, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static UNREACHABLE: Code = code!("0204", Error, "a gateway cannot be reached");
static IGNORED: Code = code!("0208", Warning, "a gateway is written beside `dhcp`");
static ABSENT: Code = code!("0209", Warning, "a static address has no gateway");

pub(super) const RULE: Rule = Rule { codes: &[&UNREACHABLE, &IGNORED, &ABSENT], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut outside: Groups<(IpNet, IpAddr), (&Guest, usize)> = Groups::new();
    let mut ignored = Vec::new();
    let mut absent = Vec::new();
    for guest in scene.guests {
        for (nth, nic) in guest.spec.nics.iter().enumerate() {
            match (nic.address, nic.gateway) {
                (Address::Static(own), Some(gateway)) if own.addr() == gateway => {
                    let message = format!("the gateway of {} is the guest itself", guest.called());
                    findings.add(
                        Finding::new(&UNREACHABLE, guest.nic_at(nth).key("gw"), message)
                            .also(guest.nic_at(nth).key("ip"), "its own address")
                            .help("name the router of the network, or leave `gw` out"),
                    );
                }
                (Address::Static(own), Some(gateway)) if !reaches(own, gateway) => {
                    outside.add((own.trunc(), gateway), (guest, nth));
                }
                (Address::Dhcp, Some(_)) => ignored.push((guest, nth)),
                (Address::Static(_) | Address::Dhcp, _) => {}
            }
        }
        if let Some(first) = guest.spec.nics.first()
            && lacks_gateway(first)
            && guest.spec.nics.iter().all(lacks_gateway)
        {
            absent.push((guest, 0));
        }
    }
    for ((network, gateway), found) in outside.into_iter() {
        findings.extend(told_outside(network, gateway, &found));
    }
    findings.extend(told_ignored(&ignored));
    findings.extend(told_absent(scene, &absent));
}

/// Says whether a gateway answers on the interface itself.
fn reaches(own: IpNet, gateway: IpAddr) -> bool {
    // A single address has no neighbours: Proxmox sets a route to the gateway first.
    let is_single = own.prefix_len() == own.max_prefix_len();
    let is_on_link = match gateway {
        IpAddr::V4(_) => false,
        IpAddr::V6(gateway) => own.addr().is_ipv6() && gateway.is_unicast_link_local(),
    };
    is_single || is_on_link || own.contains(&gateway)
}

/// Says whether an interface leads nowhere but into its own network.
fn lacks_gateway(nic: &Nic) -> bool {
    match nic.address {
        // With IPv6, routers make themselves known.
        Address::Static(own) => own.addr().is_ipv4() && nic.gateway.is_none(),
        Address::Dhcp => false,
    }
}

fn told_outside(network: IpNet, gateway: IpAddr, found: &[(&Guest, usize)]) -> Option<Finding> {
    let (first, nth) = found.first()?;
    let message = format!(
        "the gateway {gateway} of {} lies outside {} network {network}",
        some_of(&guests(found)),
        per(found, "its", "their"),
    );
    Some(
        Finding::new(&UNREACHABLE, first.nic_at(*nth).key("gw"), message)
            .also(first.nic_at(*nth).key("ip"), format!("the network is {network}"))
            .help("name the router of that network, or correct address and prefix"),
    )
}

fn told_ignored(found: &[(&Guest, usize)]) -> Option<Finding> {
    let (first, nth) = found.first()?;
    let message = format!(
        "{} {} a gateway written, but {} address from DHCP",
        some_of(&guests(found)),
        per(found, "has", "have"),
        per(found, "takes its", "take their"),
    );
    Some(
        Finding::new(&IGNORED, first.nic_at(*nth).key("gw"), message)
            .label("the DHCP server's gateway is used instead")
            .help("take `gw` out, or write the address in `ip`"),
    )
}

fn told_absent(scene: &Scene<'_>, found: &[(&Guest, usize)]) -> Option<Finding> {
    let (first, nth) = found.first()?;
    let message = format!(
        "{} {} a static address and no gateway, and cannot leave {} network",
        some_of(&guests(found)),
        per(found, "has", "have"),
        per(found, "its", "their"),
    );
    let bridge = first.spec.nics.get(*nth).map(|nic| &nic.bridge);
    let network = bridge.and_then(|bridge| scene.host.network(bridge));
    let help = match network.and_then(|network| Some((network, network.gateway?))) {
        Some((network, gateway)) => {
            format!("write `\"gw\": \"{gateway}\"`, the gateway of {}", network.bridge)
        }
        None => "write the router of the network as `gw`".to_owned(),
    };
    Some(
        Finding::new(&ABSENT, first.nic_at(*nth), message)
            .help(help)
            .help("packages, images and models are downloaded while a guest is built"),
    )
}

fn guests<'a>(found: &[(&'a Guest, usize)]) -> Vec<&'a Guest> {
    found.iter().map(|(guest, _)| *guest).collect()
}
