//! `network-config`: the interfaces of a machine, as netplan writes them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use phoenix_domain::{Address, GuestSpec, Nic};
use serde::Serialize;

use super::SeedError;

/// What Linux calls the first interface that Proxmox gives a machine, and the others by the numbers
/// after it. Where interfaces are found by their addresses it is nothing but a word; not every program
/// that reads this finds them so.
const FIRST: usize = 18;

/// By how much each further way out is worse than the one before.
const METRIC: usize = 1000;

/// The interfaces of a machine.
#[derive(Serialize)]
pub(super) struct NetworkConfig<'n> {
    version: u8,
    ethernets: BTreeMap<String, Ethernet<'n>>,
}

#[derive(Serialize)]
struct Ethernet<'n> {
    #[serde(rename = "match")]
    found_by: Match,
    dhcp4: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<String>,
    // `gateway4` is going away, and `to: default` is too new for Debian 12.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<Way>,
    #[serde(skip_serializing_if = "Resolvers::is_empty")]
    nameservers: Resolvers<'n>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Match {
    MacAddress(String),
    Name(&'static str),
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Way {
    to: &'static str,
    via: IpAddr,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    on_link: bool,
    // Of several ways out, the first is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<usize>,
}

#[derive(Serialize)]
struct Resolvers<'n> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    addresses: &'n [IpAddr],
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<[&'n str; 1]>,
}

impl Resolvers<'_> {
    fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.search.is_none()
    }
}

/// Returns the interfaces of a machine.
pub(super) fn config<'n>(
    want: &'n GuestSpec,
    domain: Option<&'n str>,
) -> Result<NetworkConfig<'n>, SeedError> {
    let one = |(nth, nic): (usize, &'n Nic)| {
        let found_by = match nic.mac {
            Some(mac) => Match::MacAddress(mac.to_string().to_lowercase()),
            None if want.nics.len() == 1 => Match::Name("e*"),
            None => return Err(SeedError::NoMac { vmid: want.vmid, nth }),
        };
        let (is_dhcp, addresses, routes) = match nic.address {
            Address::Dhcp => (true, Vec::new(), Vec::new()),
            Address::Static(net) => {
                let before = want.nics.iter().take(nth).filter_map(|nic| nic.gateway);
                let routes = nic.gateway.iter().map(|gateway| {
                    let alike = before.clone().filter(|one| one.is_ipv4() == gateway.is_ipv4());
                    way(net, *gateway, alike.count())
                });
                let routes = routes.collect();
                (false, vec![net.to_string()], routes)
            }
        };
        // One is enough to look names up in it.
        let search = domain.filter(|_| nth == 0).map(|domain| [domain]);
        let nameservers = Resolvers { addresses: &nic.nameservers, search };
        let ethernet = Ethernet { found_by, dhcp4: is_dhcp, addresses, routes, nameservers };
        Ok((format!("ens{}", FIRST + nth), ethernet))
    };
    let ethernets = want.nics.iter().enumerate().map(one).collect::<Result<_, _>>()?;
    Ok(NetworkConfig { version: 2, ethernets })
}

fn way(net: IpNet, gateway: IpAddr, before: usize) -> Way {
    let to = match gateway {
        IpAddr::V4(_) => "0.0.0.0/0",
        IpAddr::V6(_) => "::/0",
    };
    Way {
        to,
        via: gateway,
        on_link: !net.contains(&gateway),
        metric: (before > 0).then_some(before * METRIC),
    }
}
