//! A network of one's own for real containers: a namespace with a bridge, DHCP and a way out.
//!
//! The way out is a router in a process, so that nothing of this machine's own network is touched. The
//! namespace stays when the helpers end, as containers may run on in it.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::LabError;
use crate::process::{self, Helper, run};

/// Where namespaces have their names.
const NAMESPACES: &str = "/run/netns";
/// The resolver that the router offers.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);
/// The file with the numbers of the helpers.
const HELPERS: &str = "helpers";

/// A bridge and the address it has: `vmbr0=192.168.60.1/24`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    name: String,
    address: Ipv4Addr,
    prefix: u8,
}

/// Where guests can get to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// No further than their bridge.
    Lab,
    /// The internet as well, as somebody behind a router.
    Internet,
}

/// A network that is kept.
#[derive(Debug)]
pub struct Network {
    name: String,
    netns: PathBuf,
    helpers: Vec<Helper>,
}

impl FromStr for Bridge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "a network is written `vmbr0=192.168.60.1/24`: the bridge that guests name, and its address".to_owned()
        };
        let (name, network) = text.split_once('=').ok_or_else(wrong)?;
        let (address, prefix) = network.split_once('/').ok_or_else(wrong)?;
        let prefix = prefix.parse().ok().filter(|prefix| (8..=28).contains(prefix));
        let is_name = name.len() <= 15
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let name = Some(name.to_owned()).filter(|_| is_name).ok_or_else(wrong)?;
        Ok(Self {
            name,
            address: address.parse().map_err(|_| wrong())?,
            prefix: prefix.ok_or_else(wrong)?,
        })
    }
}

impl Bridge {
    /// The bridge of a lab, which nobody outside can see.
    pub(crate) fn of_lab() -> Self {
        Self { name: "vmbr0".to_owned(), address: Ipv4Addr::new(10, 77, 0, 1), prefix: 24 }
    }

    /// Returns its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns its own address, which leads outside.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Returns the nth address behind its own, with the length of the network.
    pub(crate) fn guest(&self, nth: u8) -> String {
        format!("{}/{}", Ipv4Addr::from_bits(self.address.to_bits() + u32::from(nth)), self.prefix)
    }

    /// Returns the addresses that DHCP gives: the upper half, so that the lower one is for guests
    /// with an address of their own.
    fn range(&self) -> (Ipv4Addr, Ipv4Addr) {
        let host = u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or_default();
        let network = self.address.to_bits() & !host;
        let (first, last) = (network + host / 2 + 1, network + host - 1);
        (Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last))
    }
}

impl Network {
    /// Makes the network of this name, or goes on with the one that is there. Its helpers write into a
    /// folder what they have to say.
    pub fn make(
        name: &str,
        bridge: &Bridge,
        reach: Reach,
        folder: &Path,
    ) -> Result<Self, LabError> {
        let netns = Path::new(NAMESPACES).join(name);
        let is_new = !netns.exists();
        let mut network = Self { name: name.to_owned(), netns, helpers: Vec::new() };
        let made = network.connect(bridge, reach, is_new, folder);
        if let Err(err) = made {
            network.end();
            if is_new {
                delete(name);
            }
            return Err(err);
        }
        Ok(network)
    }

    fn connect(
        &mut self,
        bridge: &Bridge,
        reach: Reach,
        is_new: bool,
        folder: &Path,
    ) -> Result<(), LabError> {
        let Bridge { name: link, address, prefix } = bridge;
        let within = format!("--net={}", self.netns.display());
        let numbers = folder.join(HELPERS);
        // Of somebody who was killed.
        process::end_strays(&numbers, &self.name);
        let _gone = fs::remove_file(&numbers);
        if is_new {
            run(&["ip", "netns", "add", &self.name])?;
            let address = format!("{address}/{prefix}");
            let steps: [&[&str]; 4] = [
                &["ip", "link", "set", "lo", "up"],
                &["ip", "link", "add", link, "type", "bridge"],
                &["ip", "address", "add", &address, "dev", link],
                &["ip", "link", "set", link, "up"],
            ];
            for step in steps {
                run(&[["nsenter", within.as_str()].as_slice(), step].concat())?;
            }
        }
        let (first, last) = bridge.range();
        let (interface, range) =
            (format!("--interface={link}"), format!("--dhcp-range={first},{last},12h"));
        let resolver = format!("--dhcp-option=6,{RESOLVER}");
        // Its command line has the name in it, so that nobody else is taken for it.
        let file =
            format!("--pid-file={}", folder.join(format!("{}.dnsmasq", self.name)).display());
        let dhcp: [&str; 13] = [
            "nsenter",
            &within,
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--port=0",
            "--bind-interfaces",
            "--no-ping",
            "--leasefile-ro",
            &file,
            &interface,
            &range,
            &resolver,
        ];
        self.helpers.push(Helper::start(&dhcp, &folder.join("dnsmasq.log"), &numbers)?);
        if reach == Reach::Lab {
            return Ok(());
        }
        let netns = self.netns.display().to_string();
        let router: [&str; 7] = [
            "slirp4netns",
            "--configure",
            "--mtu=1500",
            "--disable-host-loopback",
            "--netns-type=path",
            &netns,
            "tap0",
        ];
        self.helpers.push(Helper::start(&router, &folder.join("slirp4netns.log"), &numbers)?);
        if is_new {
            let forward = ["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"];
            let masquerade = [
                "nft",
                "add table ip phoenix; add chain ip phoenix out { type nat hook postrouting \
                 priority 100; }; add rule ip phoenix out oifname tap0 masquerade",
            ];
            run(&[["nsenter", within.as_str()].as_slice(), &forward].concat())?;
            run(&[["nsenter", within.as_str()].as_slice(), &masquerade].concat())?;
        }
        Ok(())
    }

    /// Returns the file of the namespace.
    pub fn netns(&self) -> &Path {
        &self.netns
    }

    /// Ends the helpers. The namespace stays.
    pub fn end(&mut self) {
        for helper in &mut self.helpers {
            helper.end();
        }
        self.helpers.clear();
    }

    /// Lets the helpers run on, for somebody who wants to look at what is in the network.
    pub(crate) fn leave(&mut self) {
        self.helpers.clear();
    }
}

/// Returns the file of the namespace of this name.
pub(crate) fn netns(name: &str) -> PathBuf {
    Path::new(NAMESPACES).join(name)
}

/// Takes a namespace away, and the helpers that somebody who was killed has left in it.
pub(crate) fn clear(name: &str, folder: &Path) {
    process::end_strays(&folder.join(HELPERS), name);
    delete(name);
}

fn delete(name: &str) {
    if netns(name).exists() {
        // What is in it already keeps it, and nobody else.
        drop(process::ask(&["ip", "netns", "delete", name]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_bridge_and_its_address() {
        let bridge: Bridge = "vmbr0=192.168.60.1/24".parse().unwrap();
        let range = bridge.range();
        assert_eq!(range, (Ipv4Addr::new(192, 168, 60, 128), Ipv4Addr::new(192, 168, 60, 254)));
        assert_eq!(bridge.guest(9), "192.168.60.10/24");
        for bad in ["", "vmbr0", "vmbr0=", "=10.0.0.1/24", "a b=10.0.0.1/24", "vmbr0=10.0.0.1/31"] {
            assert!(bad.parse::<Bridge>().is_err(), "{bad}");
        }
    }
}
