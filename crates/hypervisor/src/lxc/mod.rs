//! Plain LXC: real containers on any Debian machine, without Proxmox.
//!
//! The tools of LXC end with 0 where nothing was done, and believe no container runs when they are
//! asked from another network namespace. So nothing here goes by what they say: what is, is read
//! from the kernel (`running`) and from our own sheets (`sheet`). `look` does
//! that, `make` and `acts` change what is. `config` says what LXC is told, `store` where files are,
//! `dress` what a guest finds in its own files.

mod acts;
mod aside;
mod config;
mod dress;
mod look;
mod make;
mod running;
mod sheet;
mod store;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_domain::health::Facts;
use phoenix_domain::{
    Body, Change, Disk, Facets, FileName, Foreseen, GuestSpec, Made, Nic, NodeName, Property, Seen,
    SeenParent, SnapshotName, SpecDigest, StorageId, Vmid, Volume, VolumeName, VolumeSource,
};
use serde::{Deserialize, Serialize};

use self::config::Places;
use self::sheet::{Sheet, replace};
use crate::command::Command;
use crate::footing::{Footing, is_full};
use crate::inside::{Room, Way};
use crate::kernel::Init;
use crate::library::Library;
use crate::{Aside, Depth, Gpu, Hand, HostError, Hypervisor, Inspected, Inventory, Tested};

/// Where the process file system is.
const PROC: &str = "/proc";

/// A machine with LXC, and what its driver needs.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What the machine is called.
    pub name: NodeName,
    /// The cell its guests belong to.
    pub cell: NodeName,
    /// Where guests are kept.
    pub dir: PathBuf,
    /// Where notes are kept that go with a reboot.
    pub run_dir: PathBuf,
    /// The network namespace its bridges are in; absent where it is the machine's own.
    pub netns: Option<PathBuf>,
    /// What is brought into guests.
    pub library: Library,
}

/// The driver of a machine with LXC.
#[derive(Debug)]
pub struct Lxc {
    machine: Machine,
    is_unified: bool,
}

/// What was noted of a boot that was found healthy.
#[derive(PartialEq, Serialize, Deserialize)]
struct Healthy {
    boot: String,
    service: SpecDigest,
}

/// What a volume that is mounted no longer was.
#[derive(Serialize, Deserialize)]
struct Label {
    volume: Volume,
}

impl Lxc {
    /// Opens a machine.
    pub fn open(machine: &Machine) -> Result<Self, HostError> {
        let impossible = |why: &str| HostError::Impossible {
            what: "working on containers of this machine".to_owned(),
            why: why.to_owned(),
        };
        if !rustix::process::geteuid().is_root() {
            return Err(impossible("it needs root; start it with sudo"));
        }
        if !Path::new("/usr/bin/lxc-start").exists() {
            return Err(impossible("there is no LXC; install it with `apt-get install lxc`"));
        }
        let machine = machine.clone();
        for folder in [
            machine.dir.join("guests"),
            machine.dir.join("templates"),
            machine.dir.join("bridges"),
            machine.run_dir.join("lxc"),
        ] {
            fs::create_dir_all(folder).map_err(unreachable)?;
        }
        let is_unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        Ok(Self { machine, is_unified })
    }

    /// Has every feature of a guest look once whether it works.
    pub async fn check_features(&self, want: &GuestSpec, hand: &Hand) -> Result<(), HostError> {
        self.room(want).check_features(1, hand).await
    }

    fn guests(&self) -> PathBuf {
        self.machine.dir.join("guests")
    }

    fn folder(&self, vmid: Vmid) -> PathBuf {
        self.guests().join(vmid.to_string())
    }

    /// Returns where something about a guest is noted that goes with a reboot.
    fn note(&self, vmid: Vmid, what: &str) -> PathBuf {
        self.machine.run_dir.join("lxc").join(format!("{vmid}.{what}"))
    }

    fn to_bridge(&self) -> PathBuf {
        self.machine.dir.join("bridges")
    }

    fn rootfs(&self, vmid: Vmid, disk: &Disk) -> PathBuf {
        self.of_guest(vmid, disk).join("rootfs")
    }

    fn snapshot(&self, vmid: Vmid, disk: &Disk, name: &SnapshotName) -> PathBuf {
        self.of_guest(vmid, disk).join("snapshots").join(name.as_str())
    }

    fn of_guest(&self, vmid: Vmid, disk: &Disk) -> PathBuf {
        store::of_storage(&self.machine.dir, disk.storage.as_str()).join(vmid.to_string())
    }

    fn volumes(&self, vmid: Vmid, storage: &StorageId) -> PathBuf {
        let storage = store::of_storage(&self.machine.dir, storage.as_str());
        storage.join("volumes").join(vmid.to_string())
    }

    fn init(&self, vmid: Vmid) -> Option<Init> {
        running::init(&self.guests(), &self.note(vmid, "pid"), vmid)
    }

    /// Returns the text of a config: all of it, or only what a running container keeps.
    fn config(
        &self,
        vmid: Vmid,
        sheet: &Sheet,
        render: fn(&Sheet, &Places<'_>) -> String,
    ) -> String {
        let volume = |storage: &StorageId, name: &VolumeName| {
            self.volumes(vmid, storage).join(name.as_str())
        };
        let rootfs = self.rootfs(vmid, &sheet.root_disk);
        let to_bridge = self.to_bridge();
        let places = Places {
            rootfs: &rootfs,
            volume: &volume,
            to_bridge: &to_bridge,
            is_unified: self.is_unified,
        };
        render(sheet, &places)
    }

    fn sheet(&self, vmid: Vmid) -> Result<Sheet, HostError> {
        Sheet::read(&self.folder(vmid))?.ok_or_else(|| HostError::Failed {
            what: format!("working on {vmid}"),
            why: "it is gone".to_owned(),
            output: String::new(),
        })
    }

    /// Writes what is wanted: the config first, so that a sheet never promises what LXC was not
    /// told.
    fn keep(&self, vmid: Vmid, sheet: &Sheet) -> Result<(), HostError> {
        let config = self.config(vmid, sheet, config::render);
        replace(&self.folder(vmid).join("config"), &config).map_err(unreachable)?;
        sheet.write(&self.folder(vmid))
    }

    /// Returns the way into a container.
    fn room<'r>(&'r self, want: &'r GuestSpec) -> Room<'r> {
        let vmid = want.vmid;
        let attach =
            move |limit| self.tool("lxc-attach", vmid, limit).plain("--clear-env").plain("--");
        let (init, attach) = (Box::new(move || self.init(vmid)), Box::new(attach));
        let way = Way::Kernel { init, attach };
        Room { want, library: &self.machine.library, proc: PathBuf::from(PROC), way }
    }

    /// Begins a command of LXC about a guest, where its control socket can be heard.
    fn tool(&self, name: &str, vmid: Vmid, limit: Duration) -> Command {
        let command = match &self.machine.netns {
            Some(netns) => Command::new(Path::new("nsenter"), limit)
                .plain(format!("--net={}", netns.display()))
                .plain("--")
                .plain(name),
            None => Command::new(Path::new(name), limit),
        };
        command.plain("-P").plain(self.guests()).plain("-n").plain(vmid.to_string())
    }
}

impl Hypervisor for Lxc {
    async fn look(&self, want: &GuestSpec, facets: Facets) -> Result<Seen, HostError> {
        if let Body::Machine(_) = want.body {
            return Err(HostError::Impossible {
                what: format!("working on the virtual machine {}", want.vmid),
                why: "plain LXC has containers only".to_owned(),
            });
        }
        let sheet = Sheet::read(&self.folder(want.vmid))?;
        // One that was set aside by somebody who was killed has no right to its number any more.
        let is_its = |sheet: &Sheet| sheet.aside.as_ref().is_none_or(|one| one.under == want.vmid);
        let sheet = sheet.filter(is_its);
        let secrets = self.machine.library.glimpse(want, &want.secrets, facets).await;
        let look = |sheet| self.seen_guest(want, sheet, (facets, &secrets));
        let guest = sheet.as_ref().map(look).transpose()?;
        let parent = want.parent().map(|parent| Sheet::read(&self.folder(parent))).transpose()?;
        let inheritance = parent
            .flatten()
            .filter(|parent| parent.made == Made::Whole && parent.cell == self.machine.cell)
            .and_then(|parent| parent.inheritance());
        let parent = if inheritance.is_some() { SeenParent::Ready } else { SeenParent::NotReady };
        let kept = self.kept(want.vmid, sheet.as_ref())?;
        let folders = entries(&self.guests())?;
        let numbers = folders.iter().filter_map(|path| path.file_name()?.to_str()?.parse().ok());
        let aside = crate::aside::found(want.vmid, numbers, |there| self.aside(there))?;
        Ok(Seen { guest, parent, inheritance, kept, aside })
    }

    async fn apply(&self, want: &GuestSpec, change: &Change, hand: &Hand) -> Result<(), HostError> {
        let vmid = want.vmid;
        self.thaw(vmid, hand).await?;
        match change {
            Change::Create { .. } => self.create(want, change, hand).await,
            Change::RemoveHalfMade => {
                let sheet = self.sheet(vmid)?;
                self.stop(vmid, hand).await?;
                self.remove(vmid, &sheet, hand).await
            }
            Change::SetProperties { to } => self.set(vmid, to, hand).await,
            Change::Attach { volume } => self.attach(vmid, volume, hand).await,
            Change::Detach { place } => {
                let mut sheet = self.sheet(vmid)?;
                sheet.volumes.retain(|volume| volume.place != *place);
                self.keep(vmid, &sheet)
            }
            Change::GrowVolume { place, to } => self.grow(vmid, place, *to),
            Change::GrowRootDisk { to } => {
                let mut sheet = self.sheet(vmid)?;
                sheet.root_disk.size = *to;
                sheet.write(&self.folder(vmid))
            }
            Change::Start => self.start(vmid, hand).await,
            Change::Restart => {
                self.stop(vmid, hand).await?;
                self.start(vmid, hand).await
            }
            Change::Stop => self.stop(vmid, hand).await,
            // A container needs no agent, and is as clean as its clones are made.
            Change::AwaitAgent | Change::CleanForTemplate => Ok(()),
            Change::InstallFeature { .. }
            | Change::SetUpService { .. }
            | Change::RunApplicationScript { .. }
            | Change::RestartServices
            | Change::ForgetApplication => {
                let library = &self.machine.library;
                let Some(recipe) = library.recipe(Path::new(PROC), want, change)? else {
                    return Ok(());
                };
                // What is set up anew has to show anew that it works.
                let _gone = fs::remove_file(self.note(vmid, "healthy"));
                self.room(want).run(&recipe, hand).await
            }
            Change::AwaitHealthy => {
                self.room(want).await_health(hand).await?;
                let Some(init) = self.init(vmid) else { return Ok(()) };
                let healthy = Healthy { boot: init.boot().to_string(), service: want.service() };
                let text = serde_json::to_string(&healthy).unwrap_or_default();
                replace(&self.note(vmid, "healthy"), &text).map_err(unreachable)
            }
            Change::TakeSnapshot { name, contents } => {
                self.snap(vmid, name, contents.as_ref(), hand).await
            }
            Change::RemoveSnapshot { name } => {
                let mut sheet = self.sheet(vmid)?;
                sheet.snapshots.remove(name);
                sheet.write(&self.folder(vmid))?;
                store::remove(&self.snapshot(vmid, &sheet.root_disk, name), hand).await
            }
            Change::RollBack { name } => self.roll_back(vmid, name, hand).await,
            Change::ConvertToTemplate { contents } => {
                let mut sheet = self.sheet(vmid)?;
                sheet.template = Some(contents.clone());
                sheet.write(&self.folder(vmid))
            }
            Change::Adopt => {
                let mut sheet = self.sheet(vmid)?;
                sheet.cell = self.machine.cell.clone();
                sheet.write(&self.folder(vmid))
            }
            Change::SetAside { by, at } => {
                self.set_aside(Aside { of: vmid, by: by.clone(), at: *at })
            }
            Change::Destroy { volumes } => self.destroy(vmid, volumes, hand).await,
        }
    }

    async fn obstacle<'a>(
        &self,
        want: &GuestSpec,
        ahead: &'a [Foreseen],
    ) -> Option<(&'a Foreseen, HostError)> {
        for foreseen in ahead {
            let mut found = self.check_change(want, &foreseen.change);
            if found.is_ok() {
                let library = &self.machine.library;
                found = library.has_all(Path::new(PROC), want, &foreseen.change).await;
            }
            if let Err(err) = found {
                return Some((foreseen, err));
            }
        }
        None
    }

    async fn test(
        &self,
        want: &GuestSpec,
        test: &FileName,
        hand: &Hand,
    ) -> Result<Tested, HostError> {
        self.room(want).test(test, hand).await
    }

    async fn inspect(
        &self,
        want: &GuestSpec,
        depth: Depth,
        hand: &Hand,
    ) -> Result<Inspected, HostError> {
        self.room(want).inspect(depth, hand).await
    }

    async fn facts(&self) -> Result<Facts, HostError> {
        let mut footing = Footing::default();
        for folder in entries(&self.guests())? {
            let Some(sheet) = Sheet::read(&folder)? else { continue };
            if sheet.cell != self.machine.cell || sheet.aside.is_some() {
                continue;
            }
            // Those of another network namespace cannot be seen from here.
            if self.machine.netns.is_none() {
                footing.bridges.extend(nics_of(&sheet).iter().map(|nic| nic.bridge.clone()));
            }
            for property in &sheet.properties {
                if let Property::Gpus(gpus) = property {
                    footing.gpus.extend(gpus.indices());
                }
            }
            footing.storages.insert(sheet.root_disk.storage.clone());
            let labels = sheet.volumes.iter().filter_map(label_of);
            footing.storages.extend(labels.map(|(storage, _)| storage.clone()));
        }
        let dir = &self.machine.dir;
        let is_broken = |storage: &StorageId| is_full(&store::of_storage(dir, storage.as_str()));
        Ok(footing.facts(Path::new("/sys"), Path::new(PROC), is_broken))
    }

    async fn inventory(&self) -> Result<Inventory, HostError> {
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let memory = memory.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let templates = entries(&self.machine.dir.join("templates"))?;
        let free = rustix::fs::statvfs(&self.machine.dir);
        let free = free.map_err(|err| HostError::Unreachable { err: err.into() })?;
        let free = free.f_bavail.saturating_mul(free.f_frsize) >> 30;
        Ok(Inventory {
            driver: "lxc".to_owned(),
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
            memory_mb: memory.unwrap_or_default() / 1024,
            gpus: Gpu::of_nvidia(Path::new(PROC)),
            storages: BTreeMap::from([("any".to_owned(), free)]),
            templates: templates
                .iter()
                .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
                .collect(),
            tools: Inventory::kernel_of(Path::new("/")),
        })
    }
}

fn nics_of(sheet: &Sheet) -> &[Nic] {
    let nics = sheet.properties.iter().find_map(|property| {
        if let Property::Nics(nics) = property { Some(nics.as_slice()) } else { None }
    });
    nics.unwrap_or_default()
}

/// Returns what tells a volume of a storage from the others of its guest.
fn label_of(volume: &Volume) -> Option<(&StorageId, &VolumeName)> {
    match &volume.source {
        VolumeSource::Storage { name, storage, .. } => Some((storage, name)),
        VolumeSource::Host { .. } | VolumeSource::Nfs { .. } => None,
    }
}

/// Returns what is in a folder; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, HostError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(err) => return Err(unreachable(err)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(unreachable)?;
    paths.sort();
    Ok(paths)
}

fn unreachable(err: std::io::Error) -> HostError {
    HostError::Unreachable { err }
}
