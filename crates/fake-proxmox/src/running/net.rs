//! The network of a container as the kernel shows it in `/proc/PID/net`.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::conf::Conf;
use crate::die::Outcome;
use crate::node::write_deep;
use crate::run::Run;
use crate::say;
use crate::schema::Values;
use crate::settings::Dhcp;

/// An IPv4 address and its network.
#[derive(Clone, Copy, Debug)]
struct Address {
    ip: Ipv4Addr,
    bits: u8,
    gateway: Option<Ipv4Addr>,
}

impl Address {
    fn mask(self) -> u32 {
        if self.bits == 0 { 0 } else { u32::MAX << (32 - u32::from(self.bits.min(32))) }
    }

    fn network(self) -> u32 {
        u32::from(self.ip) & self.mask()
    }
}

/// Writes all files.
pub(super) fn make(run: &Run, vmid: u32, conf: &Conf, net: &Path) -> Outcome<()> {
    let nets = Run::nets(conf);
    let mut addresses = Vec::new();
    let mut devices = vec!["lo".to_owned()];
    let mut inet6 = String::from("00000000000000000000000000000001 01 80 10 80       lo\n");
    for (number, parts) in nets.values().enumerate() {
        let name = parts.get("name").cloned().unwrap_or_default();
        let is_down = parts.get("link_down").is_some_and(|value| value == "1");
        if let Some(address) = ipv4(run, vmid, parts).filter(|_| !is_down) {
            addresses.push((name.clone(), address));
        }
        let index = number + 2;
        for (ip, bits, scope) in ipv6(parts).into_iter().filter(|_| !is_down) {
            let hex = say::hex(&ip.octets());
            writeln!(inet6, "{hex} {index:02x} {bits:02x} {scope:02x} 80 {name:>8}").ok();
        }
        devices.push(name);
    }
    let listening = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
                     uid  timeout inode\n";
    let listening6 = "  sl  local_address                         remote_address                        \
                      st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    write_deep(&net.join("fib_trie"), &fib_trie(&addresses))?;
    write_deep(&net.join("route"), &route(&addresses))?;
    write_deep(&net.join("dev"), &dev(&devices))?;
    write_deep(&net.join("if_inet6"), &inet6)?;
    write_deep(&net.join("tcp"), listening)?;
    write_deep(&net.join("tcp6"), listening6)
}

/// Returns the address a container has, or was given.
fn ipv4(run: &Run, vmid: u32, parts: &Values) -> Option<Address> {
    let ip = parts.get("ip")?;
    if ip == "dhcp" {
        let Dhcp::Network(prefix) = &run.settings.dhcp else { return None };
        let ip: Ipv4Addr = format!("{prefix}{}", vmid % 253 + 2).parse().ok()?;
        let gateway = format!("{prefix}1").parse().ok();
        return Some(Address { ip, bits: 24, gateway });
    }
    let (ip, bits) = ip.split_once('/')?;
    let gateway = parts.get("gw").and_then(|gateway| gateway.parse().ok());
    Some(Address { ip: ip.parse().ok()?, bits: bits.parse().ok()?, gateway })
}

/// Returns the addresses with the lengths of their networks and their scopes.
fn ipv6(parts: &Values) -> Vec<(Ipv6Addr, u8, u8)> {
    let mut addresses = Vec::new();
    if let Some((ip, bits)) = parts.get("ip6").and_then(|ip| ip.split_once('/'))
        && let (Ok(ip), Ok(bits)) = (ip.parse(), bits.parse())
    {
        addresses.push((ip, bits, 0));
    }
    let mac: Vec<u8> = parts
        .get("hwaddr")
        .map(|mac| mac.split(':').filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect())
        .unwrap_or_default();
    if let [a, b, c, d, e, f] = mac.as_slice() {
        let word = |high: u8, low: u8| u16::from_be_bytes([high, low]);
        let local = Ipv6Addr::new(
            0xfe80,
            0,
            0,
            0,
            word(a ^ 2, *b),
            word(*c, 0xff),
            word(0xfe, *d),
            word(*e, *f),
        );
        addresses.push((local, 64, 0x20));
    }
    addresses
}

/// Returns the trie, twice: the kernel shows the main table and the local one.
fn fib_trie(addresses: &[(String, Address)]) -> String {
    let mut table = String::from("  +-- 0.0.0.0/0 3 0 5\n");
    if addresses.iter().any(|(_, address)| address.gateway.is_some()) {
        table.push_str("     |-- 0.0.0.0\n        /0 universe UNICAST\n");
    }
    for (_, address) in addresses {
        let network = Ipv4Addr::from(address.network());
        let broadcast = Ipv4Addr::from(address.network() | !address.mask());
        let (ip, bits) = (address.ip, address.bits);
        write!(
            table,
            "     +-- {network}/{bits} 2 0 2\n        |-- {network}\n           /{bits} link \
             UNICAST\n        |-- {ip}\n           /32 host LOCAL\n        |-- {broadcast}\n           \
             /32 link BROADCAST\n"
        )
        .ok();
    }
    table.push_str(
        "     +-- 127.0.0.0/8 2 0 2\n        +-- 127.0.0.0/31 1 0 0\n           |-- 127.0.0.0\n              \
         /8 host LOCAL\n           |-- 127.0.0.1\n              /32 host LOCAL\n        |-- \
         127.255.255.255\n           /32 link BROADCAST\n",
    );
    format!("Main:\n{table}Local:\n{table}")
}

fn route(addresses: &[(String, Address)]) -> String {
    let mut text = String::from(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n",
    );
    let hex = |ip: u32| format!("{:08X}", ip.swap_bytes());
    for (name, address) in addresses {
        if let Some(gateway) = address.gateway {
            let gateway = hex(u32::from(gateway));
            writeln!(text, "{name}\t00000000\t{gateway}\t0003\t0\t0\t0\t00000000\t0\t0\t0").ok();
        }
        let (network, mask) = (hex(address.network()), hex(address.mask()));
        writeln!(text, "{name}\t{network}\t00000000\t0001\t0\t0\t0\t{mask}\t0\t0\t0").ok();
    }
    text
}

fn dev(devices: &[String]) -> String {
    let mut text = String::from(
        "Inter-|   Receive                                                |  Transmit\n face |bytes    \
         packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls \
         carrier compressed\n",
    );
    for name in devices {
        writeln!(
            text,
            "{name:>6}:       0       0    0    0    0     0          0         0        0       0    \
             0    0    0     0       0          0"
        )
        .ok();
    }
    text
}
