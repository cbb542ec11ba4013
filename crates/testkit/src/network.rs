//! Machines of a test's own, as far as a network goes: a namespace each, and one bridge that joins them.
//!
//! None of it is seen from this machine's own network, and nothing of it has a name: a namespace is there while
//! somebody is in it. Who holds it reads a pipe, which ends with the test, however that ends.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a broken fixture should stop the test"
)]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The bridge, where those are who talk to all machines.
const BRIDGE: &str = "br0";
/// What the addresses of all begin with.
const ADDRESSES: &str = "10.99.0";

/// Machines on one bridge.
#[derive(Debug)]
pub struct Network {
    middle: Space,
    machines: Vec<(String, Space)>,
}

/// A network namespace.
#[derive(Debug)]
struct Space(Child);

impl Network {
    /// Makes a network of machines with these names.
    pub fn of(names: &[&str]) -> Self {
        let middle = Space::new();
        middle.ip(&["link", "add", BRIDGE, "type", "bridge"]);
        middle.ip(&["address", "add", &format!("{ADDRESSES}.1/24"), "dev", BRIDGE]);
        middle.ip(&["link", "set", BRIDGE, "up"]);
        let mut network = Self { middle, machines: Vec::new() };
        for name in names {
            network.add(name);
        }
        network
    }

    fn add(&mut self, name: &str) {
        let (space, middle) = (Space::new(), &self.middle);
        let there = space.0.id().to_string();
        let pair = ["type", "veth", "peer", "name", "eth0", "netns", &there];
        middle.ip(&[&["link", "add", name][..], &pair].concat());
        middle.ip(&["link", "set", name, "master", BRIDGE, "up"]);
        self.machines.push((name.to_owned(), space));
        let (address, space) = (self.address(name), self.space(name));
        space.ip(&["address", "add", &format!("{address}/24"), "dev", "eth0"]);
        space.ip(&["link", "set", "eth0", "up"]);
    }

    /// Returns the address of a machine.
    pub fn address(&self, name: &str) -> String {
        let nth = self.machines.iter().position(|(known, _)| known == name).unwrap();
        format!("{ADDRESSES}.{}", 11 + nth)
    }

    /// Returns where a machine is.
    pub fn netns(&self, name: &str) -> PathBuf {
        self.space(name).netns()
    }

    /// Returns where all machines can be reached from.
    pub fn middle(&self) -> PathBuf {
        self.middle.netns()
    }

    /// Has this thread be where all machines can be reached from, and what it starts from now on.
    pub fn enter(&self) {
        enter(&self.middle());
    }

    /// Pulls the cable of a machine: what runs on it goes on, and nobody hears of it.
    pub fn cut_off(&self, name: &str) {
        self.middle.ip(&["link", "set", name, "down"]);
    }

    /// Puts the cable of a machine back.
    pub fn join(&self, name: &str) {
        self.middle.ip(&["link", "set", name, "up"]);
    }

    fn space(&self, name: &str) -> &Space {
        let found = self.machines.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("there is no machine {name}")).1
    }
}

impl Space {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "who holds a namespace is a process")]
        let mut child = Command::new("unshare")
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // What comes back has been through the other side of it.
        child.stdin.as_mut().unwrap().write_all(b"?").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let space = Self(child);
        space.ip(&["link", "set", "lo", "up"]);
        space
    }

    fn netns(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.0.id()).into()
    }

    fn ip(&self, words: &[&str]) {
        let net = format!("--net={}", self.netns().display());
        #[expect(clippy::disallowed_methods, reason = "a fixture is made by programs")]
        let ended = Command::new("nsenter").args([&net, "ip"]).args(words).output().unwrap();
        assert!(ended.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Does something in a network: a socket that is made there stays in it.
pub fn within<T: Send>(netns: &Path, what: impl FnOnce() -> T + Send) -> T {
    let there = || {
        enter(netns);
        what()
    };
    // The thread ends with it, so that nobody else is in another network than before.
    thread::scope(|scope| scope.spawn(there).join().unwrap())
}

fn enter(netns: &Path) {
    let net = File::open(netns).unwrap();
    move_into_link_name_space(net.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
}
