//! Reading the host: what of it cannot be is told here, so that nothing of it is left out in silence.

use std::net::IpAddr;

use ipnet::IpNet;
use phoenix_domain::{BridgeName, Hostname, LoginName, Refused, SecretRef};

use super::reading::{REFUSED, Reading, SECRET_LITERAL};
use crate::finding::Finding;
use crate::place::{File, Place};
use crate::raw::RawHypervisor;
use crate::raw::hypervisor::{
    RawAdministrator, RawHostFirewall, RawInterface, RawInternalBridge, RawNfs, RawSamba, RawZfs,
};

/// Tells what is missing in the host's file, and what no host can have. What takes more than one key
/// to see is left to the rules.
pub(crate) fn host(raw: &RawHypervisor, findings: &mut Vec<Finding>) {
    let mut reading = Reading::new(Place::file(File::Hypervisor), findings);
    let reading = &mut reading;
    time(reading, raw);
    if let Some(domain) = said(raw.domain_name.as_ref()) {
        let _told: Option<Hostname> = reading.word(reading.at("domain_name"), domain);
    }
    if let Some(user) = &raw.users {
        administrator(reading, user);
    }
    if let Some(network) = &raw.network {
        if let Some(name) = said(network.hostname.as_ref()) {
            let place = reading.at("network").key("hostname");
            let _told: Option<Hostname> = reading.word(place, name);
        }
        if let Some(outer) = &network.interfaces {
            interface(reading, outer);
        }
        if let Some(inner) = &network.internal_bridge {
            internal_bridge(reading, inner);
        }
    }
    if let Some(firewall) = &raw.firewall {
        self::firewall(reading, firewall);
    }
    if let Some(nfs) = &raw.nfs {
        exports(reading, nfs);
    }
    if let Some(samba) = &raw.samba {
        self::samba(reading, samba);
    }
    if let Some(zfs) = &raw.zfs {
        pools(reading, zfs);
    }
    if let Some(driver) = raw.nvidia_driver.as_ref().filter(|driver| driver.install == Some(true)) {
        let at = reading.at("nvidia_driver");
        let help = "the driver is installed in one version, from one place: write both, or \
                    `\"install\": false`";
        reading.required(at.clone(), said(driver.version.as_ref()), "version", help);
        let url = said(driver.runfile_url.as_ref());
        let url = reading.required(at.clone(), url, "runfile_url", help);
        if let Some(url) = url.filter(|url| !is_address(url)) {
            let rule =
                "the installer is fetched from an address: `https://us.download.nvidia.com/…`";
            refuse(reading, at.key("runfile_url"), url, "an address", rule);
        }
    }
}

/// Returns what was said, if that is anything.
fn said(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn refuse(
    reading: &mut Reading<'_>,
    place: Place,
    value: &str,
    wanted: &'static str,
    rule: &'static str,
) {
    reading.taken::<()>(place, Err(Refused::new(value, wanted, rule)));
}

fn time(reading: &mut Reading<'_>, raw: &RawHypervisor) {
    if let Some(zone) = said(raw.timezone.as_ref())
        && !is_zone(zone)
    {
        let rule = "a time zone is written as `timedatectl list-timezones` has it: `Europe/Berlin`";
        let place = reading.at("timezone");
        refuse(reading, place, zone, "a time zone", rule);
    }
    for (nth, server) in raw.ntp_servers.iter().flat_map(|servers| &servers.0).enumerate() {
        if server.parse::<IpAddr>().is_err() && server.parse::<Hostname>().is_err() {
            let rule = "a time server is one host name or address: `ntp.example.org`; several are \
                        written as a list";
            let place = reading.at("ntp_servers").index(nth);
            refuse(reading, place, server, "a time server", rule);
        }
    }
}

/// Says whether a time zone may be called so: it is looked for as a file.
pub(crate) fn is_zone(zone: &str) -> bool {
    zone.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte))
}

fn administrator(reading: &mut Reading<'_>, user: &RawAdministrator) {
    let at = reading.at("users");
    let is_set = |text: &Option<String>| said(text.as_ref()).is_some_and(|text| text != "NOT_SET");
    let is_meant = is_set(&user.password_hash)
        || is_set(&user.ssh_public_key)
        || user.sudo_access == Some(true);
    match said(user.username.as_ref()) {
        None if is_meant => {
            let help = "name the administrator to whom the rest of `users` belongs";
            reading.required(at.clone(), None::<()>, "username", help);
        }
        Some(name) if !LoginName::is_administrator(name) => {
            let rule = "an administrator of the host has a name of small letters, digits, `-` and \
                        `_` that begins with a letter, at most 32 characters, and is not `root`";
            refuse(reading, at.clone().key("username"), name, "a name for an administrator", rule);
        }
        None | Some(_) => {}
    }
    let Some(hash) = user.password_hash.as_deref().filter(|_| is_set(&user.password_hash)) else {
        return;
    };
    if hash.parse::<SecretRef>().is_err() {
        reading.tell(
            Finding::new(
                &SECRET_LITERAL,
                at.key("password_hash"),
                "this holds a secret itself, and the administrator would have no password",
            )
            .help("put it into a secret store and write its name here: `secret://path/of/it`"),
        );
    }
}

fn bridge(reading: &mut Reading<'_>, at: &Place, name: Option<&String>) {
    if let Some(name) = name {
        let _told: Option<BridgeName> = reading.word(at.clone().key("name"), name);
    }
}

fn interface(reading: &mut Reading<'_>, outer: &RawInterface) {
    if *outer == RawInterface::default() {
        return;
    }
    let at = reading.at("network").key("interfaces");
    bridge(reading, &at, outer.name.as_ref());
    let help = "write the host's own address with the prefix of its network: `10.0.0.13/24`";
    let address = reading.required(at.clone(), said(outer.address.as_ref()), "address", help);
    if let Some(address) = address
        && outer.address.as_deref().is_none_or(|address| address.parse::<IpNet>().is_err())
    {
        refuse(reading, at.clone().key("address"), address, "an address with its prefix", help);
    }
    let rule = "it is an address alone, without a prefix: `10.0.0.1`";
    if let Some(gateway) = outer.gateway.as_deref()
        && gateway.parse::<IpAddr>().is_err()
    {
        refuse(reading, at.clone().key("gateway"), gateway, "an address", rule);
    }
    for (nth, resolver) in outer.dns_nameservers.iter().flat_map(|list| &list.0).enumerate() {
        if resolver.parse::<IpAddr>().is_err() {
            let place = at.clone().key("dns_nameservers").index(nth);
            refuse(reading, place, resolver, "an address", rule);
        }
    }
}

fn internal_bridge(reading: &mut Reading<'_>, inner: &RawInternalBridge) {
    if *inner == RawInternalBridge::default() {
        return;
    }
    let at = reading.at("network").key("internal_bridge");
    bridge(reading, &at, inner.name.as_ref());
    let help = "write the network behind the host, of which it takes the first address: \
                `172.16.100.0/24`";
    let subnet = reading.required(at.clone(), said(inner.subnet.as_ref()), "subnet", help);
    let Some(subnet) = subnet else { return };
    match inner.subnet.as_deref().unwrap_or_default().parse::<IpNet>() {
        Ok(net) if net != net.trunc() => {
            let message = format!("`{net}` is an address in a network, and no network");
            let help = format!("the network is {}", net.trunc());
            reading.tell(Finding::new(&REFUSED, at.key("subnet"), message).help(help));
        }
        Ok(_) => {}
        Err(_) => refuse(reading, at.key("subnet"), subnet, "a network", help),
    }
}

fn firewall(reading: &mut Reading<'_>, firewall: &RawHostFirewall) {
    if *firewall == RawHostFirewall::default() {
        return;
    }
    let at = reading.at("firewall");
    let help = "say whether the firewall is on: without that, nothing of it is set up";
    reading.required(at.clone(), firewall.enabled, "enabled", help);
    for (key, policy) in [
        ("default_input_policy", &firewall.default_input_policy),
        ("default_output_policy", &firewall.default_output_policy),
    ] {
        let Some(policy) = policy else { continue };
        if !["ACCEPT", "DROP", "REJECT"].iter().any(|known| policy.eq_ignore_ascii_case(known)) {
            let rule = "write `ACCEPT`, `DROP` (say nothing, which others call deny) or `REJECT` \
                        (refuse)";
            refuse(reading, at.clone().key(key), policy, "a policy that Proxmox has", rule);
        }
    }
}

fn exports(reading: &mut Reading<'_>, nfs: &RawNfs) {
    for (nth, export) in nfs.exports.iter().flatten().enumerate() {
        let at = reading.at("nfs").key("exports").index(nth);
        let help = "name the directory that is exported: `/tank/data`";
        reading.required(at.clone(), said(export.path.as_ref()), "path", help);
        let clients = export.clients.as_ref().filter(|clients| !clients.is_empty());
        let help = "name who may mount it, such as `10.0.0.0/24`";
        reading.required(at, clients, "clients", help);
    }
}

fn samba(reading: &mut Reading<'_>, samba: &RawSamba) {
    if *samba == RawSamba::default() {
        return;
    }
    let at = reading.at("samba");
    let help = "name the user of the host to whom the shares belong";
    let user = reading.required(at.clone(), said(samba.user.as_ref()), "user", help);
    if let Some(user) = user {
        let _told: Option<LoginName> = reading.word(at.clone().key("user"), user);
    }
    for (nth, share) in samba.shares.iter().flatten().enumerate() {
        let at = at.clone().key("shares").index(nth);
        let help = "a share has a `name`, and a `path` like `tank/data`";
        reading.required(at.clone(), said(share.name.as_ref()), "name", help);
        reading.required(at, said(share.path.as_ref()), "path", help);
    }
}

fn pools(reading: &mut Reading<'_>, zfs: &RawZfs) {
    for (nth, pool) in zfs.pools.iter().flatten().enumerate() {
        let at = reading.at("zfs").key("pools").index(nth);
        let help = "name the pool: datasets say by its name that they are in it";
        let name = reading.required(at.clone(), said(pool.name.as_ref()), "name", help);
        if let Some(name) = name.filter(|name| !is_pool(name)) {
            let rule = "a pool has a name of letters, digits, `-`, `_` and `.` that begins with a \
                        letter, and none that ZFS has for groups of disks";
            refuse(reading, at.key("name"), name, "a name for a pool", rule);
        }
    }
}

fn is_pool(name: &str) -> bool {
    const OF_ZFS: &[&str] = &["mirror", "raidz", "draid", "spare", "log"];
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !OF_ZFS.iter().any(|word| name.starts_with(word))
}

/// Says whether a text is an address from which something can be fetched.
fn is_address(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, rest)| {
        !scheme.is_empty()
            && scheme.bytes().all(|byte| byte.is_ascii_lowercase())
            && !rest.is_empty()
    }) && !url.contains(char::is_whitespace)
}
