//! What the kernel tells of a running container, without starting a process.
//!
//! `proc` is where its process file system is: `/proc`, but for tests and made-up hosts.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::path::Path;

use phoenix_domain::BootId;
use rustix::fs::{
    AtFlags, CWD, Dir, Mode, OFlags, ResolveFlags, openat, openat2, renameat, unlinkat,
};
use rustix::io::Errno;

/// How deep the groups of a container are looked through for its init.
const DEPTH: usize = 3;

/// The init of a running container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Init {
    /// Its process id on the host.
    pub(crate) pid: u32,
    /// When it started, in ticks since the host did.
    started: u64,
}

impl Init {
    /// Returns what tells this boot from every other one.
    pub(crate) fn boot(&self) -> BootId {
        BootId::new(format!("{}-{}", self.started, self.pid))
    }
}

/// Finds the init of a container in its control group; nothing where it is gone again or not there
/// yet.
pub(crate) fn init(proc: &Path, group: &Path) -> Option<Init> {
    init_in(proc, group, DEPTH)
}

/// Finds the init of a container among the children of its monitor.
pub(crate) fn child_init(proc: &Path, monitor: u32) -> Option<Init> {
    let path = proc.join(format!("{monitor}/task/{monitor}/children"));
    let children = fs::read_to_string(path).ok()?;
    let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    children.filter(|pid| is_init(proc, *pid)).find_map(|pid| started(proc, pid))
}

/// Returns a process, and when it was started, which tells it from a later one of its number.
pub(crate) fn process(proc: &Path, pid: u32) -> Option<Init> {
    started(proc, pid)
}

fn init_in(proc: &Path, group: &Path, depth: usize) -> Option<Init> {
    let pids = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let here = pids.lines().filter_map(|pid| pid.trim().parse().ok());
    if let Some(init) = here.filter(|pid| is_init(proc, *pid)).find_map(|pid| started(proc, pid)) {
        return Some(init);
    }
    let below = fs::read_dir(group).ok()?.filter_map(Result::ok);
    let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let below: Vec<_> = below.map(|entry| entry.path()).collect();
    let deeper = depth.checked_sub(1)?;
    below.iter().find_map(|group| init_in(proc, group, deeper))
}

/// Says whether a process is the first one of a container, and not of one nested in it.
fn is_init(proc: &Path, pid: u32) -> bool {
    let status = fs::read_to_string(proc.join(format!("{pid}/status"))).unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    ids.is_some_and(|ids| ids.split_whitespace().skip(1).eq(["1"]))
}

fn started(proc: &Path, pid: u32) -> Option<Init> {
    let stat = fs::read_to_string(proc.join(format!("{pid}/stat"))).ok()?;
    // The name in parentheses may hold anything, so that fields are counted from behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    let started = fields.split_whitespace().nth(19)?.parse().ok()?;
    Some(Init { pid, started })
}

/// Returns the addresses of a container that others can reach, those of its first interface first.
pub(crate) fn addresses(proc: &Path, init: &Init) -> Vec<IpAddr> {
    let read = |file: &str| {
        fs::read_to_string(proc.join(format!("{}/net/{file}", init.pid))).unwrap_or_default()
    };
    let four = four(&read("fib_trie"), &read("route"));
    four.into_iter()
        .map(IpAddr::V4)
        .chain(six(&read("if_inet6")).into_iter().map(IpAddr::V6))
        .collect()
}

/// Reads a table of routes: addresses are those that are local.
fn four(trie: &str, routes: &str) -> Vec<Ipv4Addr> {
    let mut last = None;
    let mut found = Vec::new();
    for line in trie.lines() {
        let line = line.trim_start_matches([' ', '|', '+', '-']);
        if let Some(address) = line.split_whitespace().next().and_then(|word| word.parse().ok()) {
            last = Some(address);
        } else if line.starts_with("/32 host LOCAL")
            && let Some(address) = last
        {
            let address: Ipv4Addr = address;
            if !address.is_loopback() && !found.contains(&address) {
                found.push(address);
            }
        }
    }
    // An address is of the interface whose network it is in; bridges of Docker come behind eth0.
    let networks = networks(routes);
    let interface = |address: &Ipv4Addr| {
        let mine = networks.iter().find(|(_, net, mask)| address.to_bits() & mask == *net);
        mine.map_or_else(|| "~".to_owned(), |(interface, _, _)| interface.clone())
    };
    found.sort_by_cached_key(|address| {
        let interface = interface(address);
        (!interface.starts_with("eth"), interface)
    });
    found
}

fn networks(routes: &str) -> Vec<(String, u32, u32)> {
    let read = |line: &str| {
        let mut words = line.split_whitespace();
        let interface = words.next()?.to_owned();
        let number = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::swap_bytes);
        let net = number(words.next()?)?;
        let mask = number(words.nth(5)?)?;
        (mask != 0).then_some((interface, net, mask))
    };
    routes.lines().filter_map(read).collect()
}

/// Reads a table of addresses; those of one link are no use to others.
fn six(table: &str) -> Vec<Ipv6Addr> {
    const GLOBAL: &str = "00";
    let read = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [address, _, _, scope, _, interface] = words.as_slice() else { return None };
        let address = u128::from_str_radix(address, 16).ok().map(Ipv6Addr::from_bits)?;
        (*scope == GLOBAL).then(|| ((*interface).to_owned(), address))
    };
    let by_interface: BTreeMap<_, _> = table.lines().filter_map(read).collect();
    by_interface.into_values().collect()
}

/// Returns the AppArmor profile a container runs under; nothing where the host has no AppArmor.
pub(crate) fn profile(proc: &Path, init: &Init) -> Option<String> {
    let text = fs::read_to_string(proc.join(format!("{}/attr/current", init.pid))).ok()?;
    let name = text.split([' ', '\n', '\0']).next().unwrap_or_default();
    (!name.is_empty()).then(|| name.split("//").next().unwrap_or(name).to_owned())
}

/// The root file system of a running container, as it sees it itself.
///
/// Whoever is root in there may have put anything there, links to the host's files included: no
/// path leads out of it.
#[derive(Debug)]
pub(crate) struct Inside {
    root: OwnedFd,
}

impl Inside {
    pub(crate) fn open(proc: &Path, init: &Init) -> io::Result<Self> {
        let path = proc.join(format!("{}/root", init.pid));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { root: openat(CWD, path, flags, Mode::empty())? })
    }

    /// Opens a root file system that nobody runs on, by its path on the host.
    pub(crate) fn at(rootfs: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(Self { root: openat(CWD, rootfs, flags, Mode::empty())? })
    }

    /// Writes a file, if its folder is there and leads nowhere else. It is replaced, never written
    /// to: there may be a link in its place.
    pub(crate) fn put(&self, path: &str, text: &str) -> io::Result<()> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let folder = match openat2(&self.root, format!("{folder}/"), flags, Mode::empty(), resolve)
        {
            Ok(folder) => folder,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            Err(err) => return Err(err.into()),
        };
        let beside = format!(".{name}.phoenix");
        match unlinkat(&folder, &beside, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(err) => return Err(err.into()),
        }
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&folder, &beside, flags, Mode::from_raw_mode(0o644))?);
        file.write_all(text.as_bytes())?;
        Ok(renameat(&folder, &beside, &folder, name)?)
    }

    /// Returns the names in a folder; nothing where there is none.
    pub(crate) fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let folder = match openat2(&self.root, path, flags, Mode::empty(), resolve) {
            Ok(folder) => folder,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(Vec::new()),
            Err(err) => return Err(err.into()),
        };
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            names.extend(Some(name).filter(|name| !name.starts_with('.')));
        }
        Ok(names)
    }

    /// Reads a small text; nothing where there is none, or none that can be trusted to be one.
    pub(crate) fn text(&self, path: &str, limit: u64) -> io::Result<Option<String>> {
        // Never waits for the other end of a pipe that somebody put there.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let file = match openat2(&self.root, path, flags, Mode::empty(), resolve) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(err) => return Err(err.into()),
        };
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        let mut text = String::new();
        match file.take(limit).read_to_string(&mut text) {
            Ok(_) => Ok(Some(text)),
            Err(err) if err.kind() == ErrorKind::InvalidData => Ok(None),
            Err(err) => Err(err),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process;

    use super::*;

    const TRIE: &str = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     \
        +-- 10.0.0.0/24 2 0 2\n        |-- 10.0.0.0\n           /24 link UNICAST\n        |-- 10.0.0.150\n           \
        /32 host LOCAL\n        |-- 10.0.0.255\n           /32 link BROADCAST\n     +-- 127.0.0.0/8 2 0 2\n        \
        |-- 127.0.0.1\n           /32 host LOCAL\n     |-- 172.17.0.1\n        /32 host LOCAL\n\
        Local:\n     |-- 10.0.0.150\n           /32 host LOCAL\n";
    const ROUTES: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n\
        eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\n\
        eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n\
        docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\n";

    #[test]
    fn addresses_of_the_first_interface_come_first_and_loopback_never() {
        let found = four(TRIE, ROUTES);
        assert_eq!(found, [Ipv4Addr::new(10, 0, 0, 150), Ipv4Addr::new(172, 17, 0, 1)]);
        let table = "fd000000000000000000000000000005 02 40 00 80     eth0\n\
            fe800000000000000000000000000001 02 40 20 80     eth0\n\
            00000000000000000000000000000001 01 80 10 80       lo\n";
        assert_eq!(six(table), ["fd00::5".parse::<Ipv6Addr>().unwrap()]);
    }

    #[test]
    fn this_very_process_is_read_as_the_kernel_tells_it() {
        let proc = Path::new("/proc");
        let init = started(proc, process::id()).unwrap();
        assert!(init.started > 0);
        // Whatever addresses this machine has, the tables are there and are read.
        let found = addresses(proc, &init);
        assert!(found.iter().all(|address| !address.is_loopback()), "{found:?}");
    }

    #[test]
    fn no_path_leads_out_of_a_guest() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("secret"), "of the host").unwrap();
        let root = dir.path().join("proc/7/root");
        fs::create_dir_all(root.join("var")).unwrap();
        fs::write(root.join("var/own"), "its own").unwrap();
        symlink(dir.path().join("secret"), root.join("var/absolute")).unwrap();
        symlink("../../../../../secret", root.join("var/relative")).unwrap();
        symlink("/var/own", root.join("var/inside")).unwrap();
        symlink("loop", root.join("var/loop")).unwrap();
        let inside = Inside::open(&dir.path().join("proc"), &Init { pid: 7, started: 1 }).unwrap();

        let text = |path| inside.text(path, 4096).unwrap();
        assert_eq!(text("/var/own").as_deref(), Some("its own"));
        assert_eq!(text("/var/inside").as_deref(), Some("its own"));
        for trap in
            ["/var/absolute", "/var/relative", "/var/loop", "/var", "/nothing", "../../secret"]
        {
            assert_eq!(text(trap), None, "{trap}");
        }
        for (path, trap) in [("/var/absolute", "secret"), ("/var/relative", "secret")] {
            inside.put(path, "written").unwrap();
            assert_eq!(text(path).as_deref(), Some("written"), "in place of the link");
            assert_eq!(fs::read_to_string(dir.path().join(trap)).unwrap(), "of the host");
        }
        symlink(dir.path(), root.join("out")).unwrap();
        inside.put("/out/made", "written").unwrap();
        assert!(!dir.path().join("made").exists());
        assert_eq!(inside.text("/var/own", 3).unwrap().as_deref(), Some("its"));
    }
}
