//! What a guest has to find in its own files: its name, and who looks after its interfaces.

use std::fmt::Write as _;
use std::path::Path;

use phoenix_domain::{Address, Hostname, Nic};

use super::config::name_of;
use crate::HostError;
use crate::kernel::Inside;

/// Writes them into a root file system. Whoever was root in there may have put links anywhere, so
/// that no path may lead out of it.
pub(super) fn dress(rootfs: &Path, name: &Hostname, nics: &[Nic]) -> Result<(), HostError> {
    let root = Inside::at(rootfs).map_err(unreachable)?;
    let put = |path: &str, text: &str| root.put(path, text).map_err(unreachable);
    put("/etc/hostname", &format!("{name}\n"))?;
    put("/etc/hosts", &format!("127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost\n"))?;
    put("/etc/network/interfaces", &interfaces(nics))?;
    for (nth, nic) in nics.iter().enumerate() {
        let path = format!("/etc/systemd/network/10-phoenix-{}.network", name_of(nth, nic));
        put(&path, &networkd(nth, nic))?;
    }
    // A String takes everything that is written to it.
    let mut servers = String::new();
    for server in nics.iter().flat_map(|nic| &nic.nameservers) {
        let _written = writeln!(servers, "nameserver {server}");
    }
    if servers.is_empty() { Ok(()) } else { put("/etc/resolv.conf", &servers) }
}

/// Makes a copy another machine: what tells machines apart is made anew when it starts.
pub(super) fn unlike(rootfs: &Path) -> Result<(), HostError> {
    let root = Inside::at(rootfs).map_err(unreachable)?;
    if root.text("/etc/machine-id", 64).map_err(unreachable)?.is_some() {
        root.put("/etc/machine-id", "").map_err(unreachable)?;
    }
    Ok(())
}

fn interfaces(nics: &[Nic]) -> String {
    let mut text = String::from("# Written by Phoenix.\nauto lo\niface lo inet loopback\n");
    for (nth, nic) in nics.iter().enumerate() {
        let name = name_of(nth, nic);
        let how = match nic.address {
            Address::Dhcp => "dhcp",
            // LXC itself has given it its address before anything in it runs.
            Address::Static(_) => "manual",
        };
        let _written = write!(text, "\nauto {name}\niface {name} inet {how}\n");
    }
    text
}

fn networkd(nth: usize, nic: &Nic) -> String {
    let how = match nic.address {
        Address::Dhcp => "DHCP=yes\n".to_owned(),
        Address::Static(net) => {
            let gateway = nic.gateway.map(|gateway| format!("Gateway={gateway}\n"));
            format!("Address={net}\n{}", gateway.unwrap_or_default())
        }
    };
    format!("# Written by Phoenix.\n[Match]\nName={}\n\n[Network]\n{how}", name_of(nth, nic))
}

fn unreachable(err: std::io::Error) -> HostError {
    HostError::Unreachable { err }
}
