//! A machine with real containers of one's own: a Btrfs on a loop file, and a network namespace.
//!
//! It is taken away as a whole. Who was killed leaves things behind; the next one made takes those
//! away, unless they were kept on purpose.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use phoenix_domain::NodeName;
use phoenix_hypervisor::Library;
use phoenix_hypervisor::lxc::Machine;

use crate::error::LabError;
use crate::network::{self, Bridge, Network, Reach};
use crate::process::{ask, run};

/// What a lab starts, and what Debian calls it.
const TOOLS: [(&str, &str); 7] = [
    ("/usr/sbin/nft", "nftables"),
    ("/usr/bin/slirp4netns", "slirp4netns"),
    ("/usr/bin/lxc-start", "lxc"),
    ("/usr/sbin/mkfs.btrfs", "btrfs-progs"),
    ("/usr/sbin/dnsmasq", "dnsmasq-base"),
    ("/usr/bin/nsenter", "util-linux"),
    ("/usr/sbin/ip", "iproute2"),
];
/// The room that a lab may take at most. It takes what is in it.
const SIZE: &str = "32G";
/// How long something that was just killed may hold what it used.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);
/// The file that says that a lab is to stay when its maker has ended.
const KEPT: &str = "kept";

/// A machine with containers of its own. Whoever makes one removes it.
#[derive(Debug)]
pub struct Lab {
    name: String,
    base: PathBuf,
    network: Network,
}

/// A lab that was left for somebody to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    name: String,
    base: PathBuf,
}

impl Lab {
    /// Makes one in a folder, where its files take the room.
    pub fn make(prefix: &str, room: &Path, reach: Reach) -> Result<Self, LabError> {
        static NTH: AtomicU32 = AtomicU32::new(0);
        if !rustix::process::geteuid().is_root() {
            return Err(LabError::NotRoot);
        }
        tools(&TOOLS)?;
        sweep(prefix, room);
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        let name = format!("{prefix}-{}-{nth}", std::process::id());
        let base = room.join(&name);
        let network =
            build(&base).and_then(|()| Network::make(&name, &Bridge::of_lab(), reach, &base));
        match network {
            Ok(network) => Ok(Self { name, base, network }),
            Err(err) => {
                // What was the matter first is what there is to say.
                drop(clear(&name, &base));
                Err(err)
            }
        }
    }

    /// Returns what the driver is told.
    pub fn machine(&self, name: NodeName, cell: NodeName, library: Library) -> Machine {
        Machine {
            name,
            cell,
            dir: self.store(),
            run_dir: self.base.join("run"),
            netns: Some(self.network.netns().to_owned()),
            library,
        }
    }

    /// Returns a folder that goes with it.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Returns the folder of its guests, as a file system of its own: where a worker has it whose state is
    /// kept in the lab's own folder.
    pub fn store(&self) -> PathBuf {
        self.base.join("lxc")
    }

    /// Returns what is typed in front of a command that is to be run in a guest.
    pub fn inside(&self, guest: u64) -> Vec<String> {
        let words = ["lxc-attach", "-P", &text(&guests(&self.base)), "-n", &guest.to_string()]
            .map(str::to_owned);
        let mut line = vec!["nsenter".to_owned(), within(&self.name)];
        line.extend(words);
        line.extend(["--clear-env".to_owned(), "--".to_owned()]);
        line
    }

    /// Ends a guest at once.
    pub fn kill(&self, guest: u64) {
        kill(&self.name, &self.base, &guest.to_string());
    }

    /// Leaves everything as it is, for somebody to look at.
    pub fn keep(mut self) -> Result<Kept, LabError> {
        let mark = self.base.join(KEPT);
        fs::write(&mark, "").map_err(|err| LabError::File { path: mark, err })?;
        self.network.leave();
        Ok(Kept { name: self.name, base: self.base })
    }

    /// Takes everything away.
    pub fn remove(&mut self) -> Result<(), LabError> {
        self.network.end();
        clear(&self.name, &self.base)
    }
}

/// Says which of these programs are not there.
pub(crate) fn tools(wanted: &[(&'static str, &'static str)]) -> Result<(), LabError> {
    let missing: Vec<_> = wanted.iter().filter(|(path, _)| !Path::new(path).exists()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(LabError::Missing {
        programs: missing.iter().map(|(path, _)| *path).collect(),
        packages: missing.iter().map(|(_, package)| *package).collect(),
    })
}

fn build(base: &Path) -> Result<(), LabError> {
    let (image, store) = (base.join("lxc.img"), base.join("lxc"));
    for folder in [&store, &base.join("run")] {
        fs::create_dir_all(folder).map_err(|err| LabError::File { path: folder.clone(), err })?;
    }
    let (image, store) = (text(&image), text(&store));
    run(&["truncate", "-s", SIZE, &image])?;
    run(&["mkfs.btrfs", "--quiet", &image])?;
    run(&["mount", "-o", "loop", &image, &store])?;
    Ok(())
}

/// Takes away what makers have left that were killed.
pub fn sweep(prefix: &str, room: &Path) {
    for Kept { name, base } in labs(prefix, room) {
        let rest = name.strip_prefix(prefix).unwrap_or_default();
        let pid = rest.trim_start_matches('-').split('-').next().unwrap_or_default();
        if !base.join(KEPT).exists() && !Path::new("/proc").join(pid).exists() {
            // What is in use still is taken away by the next one.
            drop(clear(&name, &base));
        }
    }
}

/// Returns those in a folder that were kept on purpose.
pub fn kept(prefix: &str, room: &Path) -> Vec<Kept> {
    labs(prefix, room).into_iter().filter(|kept| kept.base.join(KEPT).exists()).collect()
}

/// Takes one away that was kept.
pub fn remove_kept(kept: &Kept) -> Result<(), LabError> {
    clear(&kept.name, &kept.base)
}

impl Kept {
    /// Returns what it is called.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn labs(prefix: &str, room: &Path) -> Vec<Kept> {
    let entries = fs::read_dir(room).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(name, _)| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('-')))
        .map(|(name, base)| Kept { name, base })
        .collect()
}

/// Takes away everything of a lab. What was just killed may hold its files for a moment, and what was
/// just being started is there only now.
fn clear(name: &str, base: &Path) -> Result<(), LabError> {
    let store = base.join("lxc");
    let begun = Instant::now();
    loop {
        for guest in fs::read_dir(guests(base)).into_iter().flatten().filter_map(Result::ok) {
            kill(name, base, &guest.file_name().to_string_lossy());
        }
        if is_mounted(&store) {
            drop(ask(&["umount", &text(&store)]));
        }
        if !is_mounted(&store) {
            break;
        }
        if begun.elapsed() > PATIENCE {
            return Err(LabError::Stays { path: store });
        }
        sleep(LOOK);
    }
    network::clear(name, base);
    // What would still be mounted is not emptied by mistake.
    run(&["rm", "-rf", "--one-file-system", &text(base)]).map(drop)
}

fn kill(name: &str, base: &Path, guest: &str) {
    let folder = text(&guests(base));
    // One that does not run is as good.
    drop(ask(&["nsenter", &within(name), "lxc-stop", "-k", "-P", &folder, "-n", guest]));
}

fn is_mounted(folder: &Path) -> bool {
    let folder = text(folder);
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts.lines().any(|line| line.split(' ').nth(1) == Some(folder.as_str()))
}

fn guests(base: &Path) -> PathBuf {
    base.join("lxc/guests")
}

fn within(name: &str) -> String {
    format!("--net={}", network::netns(name).display())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
