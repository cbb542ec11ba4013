//! A network of one's own for real containers: a namespace with a bridge, DHCP and a way out.
//!
//! The way out is a router in a process, so that nothing of this machine's own network is touched.
//! The namespace stays when all this ends, as the containers run on in it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::child::{Child, Program};
use super::error::UpError;

/// How long a helper has to end.
const GRACE: Duration = Duration::from_secs(5);
/// The resolver that the router offers.
const RESOLVER: &str = "10.0.2.3";

/// A bridge and the address it has: `vmbr0=192.168.60.1/24`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bridge {
    name: String,
    address: Ipv4Addr,
    prefix: u8,
}

/// A network that is kept.
pub(crate) struct Network {
    netns: PathBuf,
    helpers: Vec<Child>,
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
    /// Makes the network of a data folder, or goes on with the one that is there.
    pub(crate) async fn start(data: &Path, bridge: &Bridge) -> Result<Self, UpError> {
        let mut hash = DefaultHasher::new();
        data.hash(&mut hash);
        let name = format!("phoenix-{:08x}", hash.finish() & 0xffff_ffff);
        let netns = Path::new("/run/netns").join(&name);
        let Bridge { name: link, address, prefix } = bridge;
        let address = format!("{address}/{prefix}");
        if !netns.exists() {
            run("ip", &["netns", "add", &name]).await?;
            let within = format!("--net={}", netns.display());
            let steps: [&[&str]; 6] = [
                &["ip", "link", "set", "lo", "up"],
                &["ip", "link", "add", link, "type", "bridge"],
                &["ip", "address", "add", &address, "dev", link],
                &["ip", "link", "set", link, "up"],
                &["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"],
                &[
                    "nft",
                    "add table ip phoenix; add chain ip phoenix out { type nat hook postrouting \
                   priority 100; }; add rule ip phoenix out oifname tap0 masquerade",
                ],
            ];
            for step in steps {
                run("nsenter", &[&[within.as_str()], step].concat()).await?;
            }
        }
        let (first, last) = bridge.range();
        let log = |name: &str| data.join(format!("{name}.log"));
        let dhcp = Program::at(Path::new("nsenter"))
            .arg(format!("--net={}", netns.display()))
            .args(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0"])
            .args(["--bind-interfaces", "--no-ping", "--leasefile-ro", "--pid-file="])
            .arg(format!("--interface={link}"))
            .arg(format!("--dhcp-range={first},{last},12h"))
            .arg(format!("--dhcp-option=6,{RESOLVER}"))
            .log(log("dnsmasq"));
        let router = Program::at(Path::new("slirp4netns"))
            .args(["--configure", "--mtu=1500", "--disable-host-loopback", "--netns-type=path"])
            .arg(&netns)
            .arg("tap0")
            .log(log("slirp4netns"));
        let helpers = vec![Child::start("dnsmasq", &dhcp)?, Child::start("slirp4netns", &router)?];
        Ok(Self { netns, helpers })
    }

    pub(crate) fn netns(&self) -> &Path {
        &self.netns
    }

    pub(crate) async fn end(&mut self) {
        for helper in &mut self.helpers {
            helper.end(GRACE).await;
        }
    }
}

async fn run(program: &str, words: &[&str]) -> Result<(), UpError> {
    let program = Program::at(Path::new(program)).args(words);
    let mut child = Child::start("the network", &program)?;
    let (is_done, how) = child.done().await;
    if is_done { Ok(()) } else { Err(UpError::NoNetwork { words: words.join(" "), how }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_bridge_and_its_address() {
        let bridge: Bridge = "vmbr0=192.168.60.1/24".parse().unwrap();
        let range = bridge.range();
        assert_eq!(range, (Ipv4Addr::new(192, 168, 60, 128), Ipv4Addr::new(192, 168, 60, 254)));
        for bad in ["", "vmbr0", "vmbr0=", "=10.0.0.1/24", "a b=10.0.0.1/24", "vmbr0=10.0.0.1/31"] {
            assert!(bad.parse::<Bridge>().is_err(), "{bad}");
        }
    }
}
