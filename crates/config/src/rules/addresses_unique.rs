//! Each address and each MAC address belongs to one interface.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::host::HostNetwork;
use crate::place::Place;
use crate::scene::{Guest, Scene};

static ADDRESS: Code = code!("0201", Error, "an address is used twice");
static MAC: Code = code!("0202", Error, "a MAC address is used twice");

pub(super) const RULE: Rule = Rule { codes: &[&ADDRESS, &MAC], check };

/// Whose an address is.
#[derive(Clone, Copy)]
enum Owner<'a> {
    Host(&'a HostNetwork),
    Router(&'a HostNetwork),
    Guest(&'a Guest, usize),
}

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut owners: HashMap<IpAddr, Owner<'_>> = HashMap::with_capacity(scene.guests.len());
    for network in &scene.host.networks {
        if let Some(gateway) = network.gateway {
            owners.insert(gateway, Owner::Router(network));
        }
        // The host is its own gateway on a bridge of its own.
        owners.insert(network.address.addr(), Owner::Host(network));
    }
    let mut macs = HashMap::with_capacity(scene.guests.len());
    for guest in scene.guests {
        for (nth, _, address) in guest.addresses() {
            match owners.entry(address.addr()) {
                Entry::Vacant(free) => {
                    free.insert(Owner::Guest(guest, nth));
                }
                Entry::Occupied(taken) => {
                    findings.extend(address_twice(guest, nth, *taken.get()));
                }
            }
        }
        for (nth, mac) in guest.spec.nics.iter().map(|nic| nic.mac).enumerate() {
            let Some(mac) = mac else { continue };
            let (first, first_nth) = *macs.entry(mac).or_insert((guest, nth));
            if std::ptr::eq(first, guest) && first_nth == nth {
                continue;
            }
            let message =
                format!("{} has the MAC address {mac}, {}", guest.called(), of(guest, first));
            findings.add(
                Finding::new(&MAC, guest.mac_at(nth), message)
                    .also(first.mac_at(first_nth), "the first with this MAC address")
                    .help("give one of them another, or leave it out: Proxmox then invents one"),
            );
        }
    }
}

fn address_twice(guest: &Guest, nth: usize, owner: Owner<'_>) -> Option<Finding> {
    let address = guest.spec.nics.get(nth)?.address.ip()?;
    let (whose, place, label): (String, Place, _) = match owner {
        Owner::Host(network) => {
            ("which is the host's own".to_owned(), network.at(), "the address of the host")
        }
        // A guest that stands in two networks may well be the router between them.
        Owner::Router(_) if guest.spec.nics.len() > 1 => return None,
        Owner::Router(network) => (
            format!("which is the gateway of {}", network.bridge),
            network.block.clone().key("gateway"),
            "the gateway",
        ),
        Owner::Guest(first, first_nth) => {
            (of(guest, first), first.nic_at(first_nth).key("ip"), "the first with this address")
        }
    };
    let message = format!("{} has the address {address}, {whose}", guest.called());
    Some(
        Finding::new(&ADDRESS, guest.nic_at(nth).key("ip"), message)
            .also(place, label)
            .help("give the guest another address"),
    )
}

fn of(guest: &Guest, first: &Guest) -> String {
    if std::ptr::eq(guest, first) {
        "which its other interface has already".to_owned()
    } else {
        format!("which is that of {}", first.called())
    }
}
