//! Plain LXC: real containers on any Debian machine, without Proxmox.
//!
//! The tools of LXC end with 0 where nothing was done, and believe no container runs when they are
//! asked from another network namespace. So nothing here goes by what they say: what is, is read
//! from the kernel (`running`) and from our own sheets (`sheet`). `config` says what LXC is told,
//! `store` where files are, `dress` what a guest finds in its own files.

mod config;
mod dress;
mod running;
mod sheet;
mod store;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_domain::{
    Body, Change, Disk, Facets, FileName, Foreseen, GuestSpec, Hostname, Made, Nic, NodeName,
    Origin, Owner, Property, Run, Seen, SeenGuest, SeenParent, SnapshotName, SpecDigest, StorageId,
    Vmid, Volume, VolumeName, VolumeSource,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use self::config::Places;
use self::sheet::{Bequest, Frozen, Sheet, replace};
use crate::command::Command;
use crate::inside::{Looking, Room};
use crate::kernel::{self, Init};
use crate::library::Library;
use crate::vault::Opened;
use crate::{Gpu, Hand, HostError, Hypervisor, Inventory, Tested};

/// Where the process file system is.
const PROC: &str = "/proc";
/// How long a tool of LXC may take.
const TOOL: Duration = Duration::from_mins(2);
/// How long a container has to shut down by itself, in seconds.
const SHUTDOWN: &str = "30";
/// How long the kernel may take to show what a tool has done.
const SHOWN: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(10);

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
        Room { want, library: &self.machine.library, proc: PathBuf::from(PROC), init, attach }
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

    fn seen_guest(
        &self,
        want: &GuestSpec,
        sheet: &Sheet,
        (facets, secrets): (Facets, &Opened),
    ) -> Result<SeenGuest, HostError> {
        let vmid = want.vmid;
        let init = self.init(vmid);
        let is_stale = init.is_some() && {
            let started = fs::read_to_string(self.note(vmid, "started")).unwrap_or_default();
            started != self.config(vmid, sheet, config::fixed)
        };
        let mut properties = sheet.properties.clone();
        // Somebody has written into the config: it is written anew, with our mark as the reason.
        let text = fs::read_to_string(self.folder(vmid).join("config")).unwrap_or_default();
        if text != self.config(vmid, sheet, config::render) {
            properties.retain(|property| !matches!(property, Property::Spec(_)));
            properties.push(Property::Spec(None));
        }
        let inside = match (facets, &init) {
            (Facets::Inside, Some(init)) => {
                let is_healthy = self.is_healthy(want, init);
                let (proc, library) = (Path::new(PROC), &self.machine.library);
                Looking { proc, want, library, secrets, is_healthy }.look(init)?
            }
            (Facets::Inside, None) | (Facets::Config, _) => None,
        };
        let is_ours = sheet.cell == self.machine.cell;
        Ok(SeenGuest {
            owner: if is_ours { Owner::Phoenix } else { Owner::Somebody },
            made: sheet.made,
            run: match (&init, is_stale) {
                (None, _) => Run::Stopped,
                (Some(_), false) => Run::Running,
                (Some(_), true) => Run::RunningStale,
            },
            addresses: init
                .as_ref()
                .map(|init| kernel::addresses(Path::new(PROC), init))
                .unwrap_or_default(),
            boot: init.as_ref().map(Init::boot),
            properties,
            unprivileged: Some(sheet.unprivileged),
            root_disk: sheet.root_disk.clone(),
            volumes: sheet.volumes.clone(),
            snapshots: sheet
                .snapshots
                .iter()
                .map(|(name, frozen)| (name.clone(), frozen.contents.clone()))
                .collect(),
            template: sheet.template.clone(),
            parent: sheet.parent,
            is_protected: false,
            is_rigid: true,
            inside,
        })
    }

    /// Writes the scripts that put the interfaces of a guest on their bridges.
    fn prepare_bridges(&self, nics: &[Nic]) -> Result<(), HostError> {
        for Nic { bridge, .. } in nics {
            let is_missing = self.machine.netns.is_none()
                && !Path::new("/sys/class/net").join(bridge.as_str()).join("bridge").exists();
            if is_missing {
                return Err(HostError::Failed {
                    what: "starting it".to_owned(),
                    why: format!("there is no bridge {bridge} on this machine"),
                    output: String::new(),
                });
            }
            let path = self.to_bridge().join(bridge.as_str());
            let text = format!("#!/bin/sh\nexec ip link set dev \"$5\" master {bridge} up\n");
            if fs::read_to_string(&path).is_ok_and(|there| there == text) {
                continue;
            }
            replace(&path, &text).map_err(unreachable)?;
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(&path, mode).map_err(unreachable)?;
        }
        Ok(())
    }

    fn is_healthy(&self, want: &GuestSpec, init: &Init) -> bool {
        let noted = fs::read_to_string(self.note(want.vmid, "healthy")).unwrap_or_default();
        let now = Healthy { boot: init.boot().to_string(), service: want.service() };
        serde_json::from_str::<Healthy>(&noted).is_ok_and(|noted| noted == now)
    }

    /// Returns the volumes of a guest that are mounted no longer.
    fn kept(&self, vmid: Vmid, sheet: Option<&Sheet>) -> Result<Vec<Volume>, HostError> {
        let mut kept = Vec::new();
        for storage in entries(&self.machine.dir.join("storage"))? {
            for entry in entries(&storage.join("volumes").join(vmid.to_string()))? {
                if entry.extension().is_none_or(|extension| extension != "json") {
                    continue;
                }
                let label = fs::read_to_string(&entry).map_err(unreachable)?;
                let Ok(Label { volume }) = serde_json::from_str(&label) else { continue };
                let label = label_of(&volume);
                let is_mounted = sheet.is_some_and(|sheet| {
                    sheet.volumes.iter().any(|mounted| label_of(mounted) == label)
                });
                if !is_mounted && entry.with_extension("").is_dir() {
                    kept.push(volume);
                }
            }
        }
        Ok(kept)
    }

    async fn create(
        &self,
        want: &GuestSpec,
        change: &Change,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let Change::Create { origin, root_disk, properties, .. } = change else { return Ok(()) };
        let (vmid, folder) = (want.vmid, self.folder(want.vmid));
        fs::create_dir_all(&folder).map_err(unreachable)?;
        let mut sheet = Sheet::begun(&self.machine.cell, want, root_disk.clone());
        sheet.write(&folder)?;
        let rootfs = self.rootfs(vmid, root_disk);
        match origin {
            Origin::Template { archive } | Origin::CloudImage { image: archive } => {
                let archive = self.archive(archive)?;
                store::make(&rootfs, hand).await?;
                store::unpack(&archive, &rootfs, hand).await?;
            }
            Origin::Clone { parent } => {
                let theirs = self.sheet(*parent)?;
                let (from, properties, size) = match theirs.bequest() {
                    Some(Bequest::Template(sheet)) => (
                        self.rootfs(*parent, &theirs.root_disk),
                        &sheet.properties,
                        sheet.root_disk.size,
                    ),
                    Some(Bequest::Snapshot(name, frozen)) => (
                        self.snapshot(*parent, &theirs.root_disk, name),
                        &frozen.properties,
                        frozen.size,
                    ),
                    None => {
                        return Err(HostError::Failed {
                            what: format!("cloning {parent}"),
                            why: "it has nothing to be cloned from".to_owned(),
                            output: String::new(),
                        });
                    }
                };
                store::copy(&from, &rootfs, hand).await?;
                dress::unlike(&rootfs)?;
                sheet.properties.clone_from(properties);
                sheet.unprivileged = theirs.unprivileged;
                sheet.root_disk.size = size;
            }
        }
        sheet.put(properties);
        self.dress(vmid, &sheet)?;
        sheet.made = Made::Whole;
        self.keep(vmid, &sheet)
    }

    /// Returns where an archive is.
    fn archive(&self, archive: &str) -> Result<PathBuf, HostError> {
        let name = archive.split_once(":vztmpl/").map_or(archive, |(_, name)| name);
        // A path leads where it leads, whatever it is joined to.
        let path = self.machine.dir.join("templates").join(name);
        if path.is_file() {
            return Ok(path);
        }
        Err(HostError::Impossible {
            what: format!("making a guest of {archive}"),
            why: format!("there is no {}", path.display()),
        })
    }

    /// Says what a change needs and the machine has not.
    fn check_change(&self, want: &GuestSpec, change: &Change) -> Result<(), HostError> {
        let library = &self.machine.library;
        if let Change::Create { origin, .. } = change {
            library.check(want)?;
            if let Origin::Template { archive } = origin {
                self.archive(archive)?;
            }
        }
        Ok(())
    }

    fn dress(&self, vmid: Vmid, sheet: &Sheet) -> Result<(), HostError> {
        let name = sheet.properties.iter().find_map(|property| {
            if let Property::Name(name) = property { Some(name) } else { None }
        });
        let nameless: Hostname = match format!("ct{vmid}").parse() {
            Ok(name) => name,
            Err(_) => return Ok(()),
        };
        let rootfs = self.rootfs(vmid, &sheet.root_disk);
        dress::dress(&rootfs, name.unwrap_or(&nameless), nics_of(sheet))
    }

    async fn set(&self, vmid: Vmid, to: &[Property], hand: &Hand) -> Result<(), HostError> {
        let mut sheet = self.sheet(vmid)?;
        sheet.put(to);
        if to.iter().any(|property| matches!(property, Property::Name(_) | Property::Nics(_))) {
            self.dress(vmid, &sheet)?;
        }
        if self.init(vmid).is_some() {
            for limit in config::limits(to, self.is_unified) {
                let command =
                    self.tool("lxc-cgroup", vmid, TOOL).plain(limit.key).plain(limit.value);
                run(&command, hand).await?;
            }
        }
        self.keep(vmid, &sheet)
    }

    async fn attach(&self, vmid: Vmid, volume: &Volume, hand: &Hand) -> Result<(), HostError> {
        let mut sheet = self.sheet(vmid)?;
        match &volume.source {
            VolumeSource::Storage { name, storage, .. } => {
                let folder = self.volumes(vmid, storage);
                let data = folder.join(name.as_str());
                if !data.is_dir() {
                    store::make(&data, hand).await?;
                }
                let label = serde_json::to_string(&Label { volume: volume.clone() });
                let label = label.map_err(|err| HostError::Unreadable {
                    what: "the label of a volume".to_owned(),
                    why: err.to_string(),
                })?;
                replace(&folder.join(format!("{name}.json")), &label).map_err(unreachable)?;
            }
            VolumeSource::Host { path, owner, group } => {
                let is_mapped = sheet.unprivileged;
                crate::directory::make(Path::new("/"), path.place(), *owner, *group, is_mapped)?;
            }
            VolumeSource::Nfs { .. } => {}
        }
        sheet.volumes.retain(|old| old.place != volume.place);
        sheet.volumes.push(volume.clone());
        self.keep(vmid, &sheet)
    }

    async fn start(&self, vmid: Vmid, hand: &Hand) -> Result<(), HostError> {
        let sheet = self.sheet(vmid)?;
        for volume in &sheet.volumes {
            if let VolumeSource::Host { path, .. } = &volume.source
                && !Path::new(path.place()).exists()
            {
                return Err(HostError::Failed {
                    what: "starting it".to_owned(),
                    why: format!("{path} does not exist; it is to be mounted at {}", volume.place),
                    output: String::new(),
                });
            }
        }
        self.prepare_bridges(nics_of(&sheet))?;
        let log = self.note(vmid, "log");
        let _gone = fs::remove_file(&log);
        let command = self
            .tool("lxc-start", vmid, TOOL)
            .plain("-l")
            .plain("ERROR")
            .plain("-o")
            .plain(&log)
            .plain("-p")
            .plain(self.note(vmid, "pid"));
        let fixed = self.config(vmid, &sheet, config::fixed);
        replace(&self.note(vmid, "started"), &fixed).map_err(unreachable)?;
        command.run(hand).await?;
        if self.shows(|| self.init(vmid).is_some()).await {
            return Ok(());
        }
        // What went wrong is only in its log.
        let log = fs::read_to_string(&log).unwrap_or_default();
        let first = log.lines().find_map(|line| line.split_once(" - ").map(|(_, why)| why));
        let why = first.unwrap_or("it does not run, and LXC does not say why").to_owned();
        Err(HostError::Failed { what: format!("lxc-start -n {vmid}"), why, output: log })
    }

    async fn stop(&self, vmid: Vmid, hand: &Hand) -> Result<(), HostError> {
        if self.init(vmid).is_none() {
            return Ok(());
        }
        self.tool("lxc-stop", vmid, TOOL).plain("-t").plain(SHUTDOWN).run(hand).await?;
        if self.shows(|| self.init(vmid).is_none()).await {
            return Ok(());
        }
        Err(HostError::Failed {
            what: format!("lxc-stop -n {vmid}"),
            why: "it still runs".to_owned(),
            output: String::new(),
        })
    }

    /// Waits until the kernel shows what a tool said it has done.
    async fn shows(&self, is_so: impl Fn() -> bool) -> bool {
        let begun = Instant::now();
        while !is_so() {
            if begun.elapsed() > SHOWN {
                return false;
            }
            sleep(LOOK).await;
        }
        true
    }

    async fn snap(
        &self,
        vmid: Vmid,
        name: &SnapshotName,
        contents: Option<&SpecDigest>,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let mut sheet = self.sheet(vmid)?;
        let to = self.snapshot(vmid, &sheet.root_disk, name);
        // One that is in no sheet was not finished.
        store::remove(&to, hand).await?;
        let is_running = self.init(vmid).is_some();
        let rootfs = self.rootfs(vmid, &sheet.root_disk);
        if is_running {
            run(&self.tool("lxc-freeze", vmid, TOOL), hand).await?;
        }
        let copied = store::copy(&rootfs, &to, hand).await;
        if is_running {
            run(&self.tool("lxc-unfreeze", vmid, TOOL), hand).await?;
        }
        copied?;
        let frozen = Frozen {
            contents: contents.cloned(),
            properties: sheet.properties.clone(),
            size: sheet.root_disk.size,
        };
        sheet.snapshots.insert(name.clone(), frozen);
        sheet.write(&self.folder(vmid))
    }

    async fn destroy(&self, vmid: Vmid, given_up: &[Volume], hand: &Hand) -> Result<(), HostError> {
        let mut sheet = self.sheet(vmid)?;
        self.stop(vmid, hand).await?;
        // From here on it is a guest that was not made: whoever is killed now goes on with that.
        sheet.made = Made::Half;
        sheet.write(&self.folder(vmid))?;
        for volume in given_up {
            if let VolumeSource::Storage { name, storage, .. } = &volume.source {
                let folder = self.volumes(vmid, storage);
                store::remove(&folder.join(name.as_str()), hand).await?;
                store::remove(&folder.join(format!("{name}.json")), hand).await?;
            }
        }
        self.remove(vmid, &sheet, hand).await
    }

    async fn remove(&self, vmid: Vmid, sheet: &Sheet, hand: &Hand) -> Result<(), HostError> {
        let own = self.of_guest(vmid, &sheet.root_disk);
        for snapshot in entries(&own.join("snapshots"))? {
            store::remove(&snapshot, hand).await?;
        }
        for half in entries(&own)? {
            store::remove(&half, hand).await?;
        }
        store::remove(&own, hand).await?;
        for what in ["pid", "started", "healthy", "log"] {
            let _gone = fs::remove_file(self.note(vmid, what));
        }
        store::remove(&self.folder(vmid), hand).await
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
        let secrets = self.machine.library.glimpse(want, facets).await;
        let look = |sheet| self.seen_guest(want, sheet, (facets, &secrets));
        let guest = sheet.as_ref().map(look).transpose()?;
        let parent = want.parent().map(|parent| Sheet::read(&self.folder(parent))).transpose()?;
        let inheritance = parent
            .flatten()
            .filter(|parent| parent.made == Made::Whole && parent.cell == self.machine.cell)
            .and_then(|parent| parent.inheritance());
        let parent = if inheritance.is_some() { SeenParent::Ready } else { SeenParent::NotReady };
        let kept = self.kept(want.vmid, sheet.as_ref())?;
        Ok(Seen { guest, parent, inheritance, kept })
    }

    async fn apply(&self, want: &GuestSpec, change: &Change, hand: &Hand) -> Result<(), HostError> {
        let vmid = want.vmid;
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
            Change::GrowVolume { place, to } => {
                let mut sheet = self.sheet(vmid)?;
                for volume in sheet.volumes.iter_mut().filter(|volume| volume.place == *place) {
                    if let VolumeSource::Storage { size, .. } = &mut volume.source {
                        *size = *to;
                    }
                }
                self.keep(vmid, &sheet)
            }
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
            | Change::RunApplicationScript { .. } => {
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
            tools: BTreeMap::new(),
        })
    }
}

async fn run(command: &Command, hand: &Hand) -> Result<(), HostError> {
    let ended = command.run(hand).await?;
    if ended.status.success() {
        return Ok(());
    }
    let why = ended.stderr.lines().last().unwrap_or("it says nothing").to_owned();
    Err(HostError::Failed { what: command.to_string(), why, output: ended.stderr })
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
