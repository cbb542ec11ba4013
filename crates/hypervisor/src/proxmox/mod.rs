//! A Proxmox VE node: containers by `pct`, virtual machines by `qm` (`machine`).
//!
//! Reading starts no process: a `pct` costs a second before it does anything, and what it would say
//! stands in files (`look`, `kernel`, `conf`). What a change comes to is data (`acts`, spelled by
//! `words`), run by `tool` and `edit`, and inside of a guest by `inside`. What only the driver
//! can know is in `notes`: what it was about when it was killed, and which volumes are whose.

mod acts;
mod conf;
mod edit;
mod inventory;
mod layout;
mod look;
mod machine;
mod made;
mod mark;
mod notes;
mod tool;
mod words;

use std::fs;
use std::path::PathBuf;

use phoenix_domain::{
    AbsolutePath, Change, Facets, FileName, Firewall, Foreseen, GibiBytes, GuestKey, GuestSpec,
    Kind, NodeName, ProfileName, Run, Seen, Vmid, Volume, VolumeSource,
};

use self::acts::{Act, Ground, Shown, firewall_text};
use self::conf::Conf;
use self::inventory::Storages;
use self::layout::Layout;
use self::look::{container, unreachable};
use self::made::Turns;
use self::mark::Whose;
use self::notes::{Kept, Labels, Notes, Task};
use self::words::mount::{mounts, root_disk, storage_of};
use crate::command::Command;
use crate::inside::{Room, Way};
use crate::kernel::{self, Init};
use crate::library::Library;
use crate::{Hand, HostError, Hypervisor, Inventory, Tested, directory};

/// Where a node is and what its driver needs.
#[derive(Clone, Debug)]
pub struct Node {
    /// What the cluster calls it.
    pub name: NodeName,
    /// The cell its guests are marked with.
    pub cell: NodeName,
    /// The folder below which the node has everything: `/`.
    pub root: PathBuf,
    /// Where notes are kept that survive a reboot.
    pub state_dir: PathBuf,
    /// Where notes and locks are kept that go with one.
    pub run_dir: PathBuf,
    /// What is brought into guests.
    pub library: Library,
}

/// The driver of a Proxmox VE node.
#[derive(Debug)]
pub struct Proxmox {
    layout: Layout,
    cell: NodeName,
    notes: Notes,
    run_dir: PathBuf,
    library: Library,
    /// Where cloud images are kept.
    images: PathBuf,
    storages: Storages,
    turns: Turns,
}

impl Proxmox {
    /// Opens a node.
    pub fn open(node: &Node) -> Result<Self, HostError> {
        let layout = Layout::new(&node.root);
        check_node(&layout, &node.name)?;
        let notes = Notes::open(&node.state_dir.join("proxmox"), &node.run_dir.join("proxmox"));
        Ok(Self {
            layout,
            cell: node.cell.clone(),
            notes: notes.map_err(unreachable)?,
            run_dir: node.run_dir.clone(),
            library: node.library.clone(),
            images: node.state_dir.join("images"),
            storages: Storages::default(),
            turns: Turns::default(),
        })
    }

    /// Does what a change comes to, one act after the other.
    async fn do_all(&self, want: &GuestSpec, acts: &[Act], hand: &Hand) -> Result<(), HostError> {
        for act in acts {
            match act {
                Act::Tool(kind, arguments) => {
                    tool::of(*kind, &self.layout, arguments, hand).await?;
                }
                Act::Edit(edit) => {
                    edit::edit(&self.layout, want.into(), self.whose(want.vmid), edit).await?;
                }
                Act::Firewall(firewall) => self.put_firewall(want, firewall)?,
                Act::Profile(name) => self.load_profile(name, hand).await?,
                Act::Directory { path, owner, group } => {
                    let is_mapped = container(want)?.unprivileged;
                    directory::make(&self.layout.host("/"), path, *owner, *group, is_mapped)?;
                }
                // Said for people; what is run inside, and what is waited for, has its own way.
                // What machines are told, containers are not.
                Act::Inside(_) | Act::Wait(_) | Act::Seed | Act::NoSeed => {}
            }
        }
        Ok(())
    }

    async fn set_properties(
        &self,
        want: &GuestSpec,
        change: &Change,
        acts: &[Act],
        hand: &Hand,
    ) -> Result<(), HostError> {
        let needs_restart = matches!(change, Change::SetProperties { to }
            if to.iter().any(phoenix_domain::Property::needs_restart));
        // Noted first: whoever is killed in between makes one restart too many, not one too few.
        if needs_restart && let Some(init) = self.init(want.vmid) {
            self.notes.mark_stale(want.vmid, &init.boot())?;
        }
        self.check_id_maps(want)?;
        self.do_all(want, acts, hand).await
    }

    async fn attach(
        &self,
        want: &GuestSpec,
        conf: &Conf,
        change: &Change,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let Change::Attach { volume } = change else { return Ok(()) };
        let kept = self.notes.kept(want.vmid)?;
        let ground = self.ground(want, conf, None, &kept)?;
        let used = ground.kept_for(volume).map(|kept| kept.id.clone());
        if let (None, VolumeSource::Storage { storage, .. }) = (&used, &volume.source) {
            let storages = std::slice::from_ref(storage);
            self.notes.begin(Task::Attaching, want.vmid, storages)?;
        }
        self.do_all(want, &ground.acts(change), hand).await?;
        if let Some(used) = used {
            let left: Vec<_> = kept.iter().filter(|kept| kept.id != used).cloned().collect();
            self.notes.keep(want.vmid, &left)?;
        }
        self.note_label(want, volume)?;
        self.notes.end(Task::Attaching, want.vmid)
    }

    /// Sees that the config says how large a disk has become. When a growth is killed between the
    /// two, the next one only says that the disk has this size.
    async fn note_growth(
        &self,
        want: &GuestSpec,
        place: Option<&AbsolutePath>,
        to: GibiBytes,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let Some(conf) = self.conf(want.into())? else { return Ok(()) };
        let section = conf.settled();
        let has = match place {
            None => root_disk(&section).map(|disk| disk.size),
            Some(place) => {
                let mounts = mounts(&section);
                mounts.iter().find(|mount| mount.is_at(place)).and_then(|mount| mount.size)
            }
        };
        if has.is_none_or(|has| has >= to) {
            return Ok(());
        }
        let arguments = ["rescan", "--vmid", &want.vmid.to_string()].map(str::to_owned);
        tool::of(Kind::Container, &self.layout, &arguments, hand).await
    }

    /// Notes where volumes were mounted, so that they are found again.
    fn note_volumes(
        &self,
        want: &GuestSpec,
        conf: &Conf,
        keys: &[String],
    ) -> Result<(), HostError> {
        let kept = self.notes.kept(want.vmid)?;
        let labels = self.notes.labels(want.vmid)?;
        self.notes.keep(want.vmid, &with_kept(kept, want, conf, keys, &labels))
    }

    /// Notes what a volume is called that was just mounted.
    fn note_label(&self, want: &GuestSpec, volume: &Volume) -> Result<(), HostError> {
        let VolumeSource::Storage { name, .. } = &volume.source else { return Ok(()) };
        let Some(conf) = self.conf(want.into())? else { return Ok(()) };
        let mut labels = self.notes.labels(want.vmid)?;
        let mounted = mounts(&conf.settled()).into_iter().find(|mount| mount.is_at(&volume.place));
        if let Some(mount) = mounted
            && labels.insert(mount.source, name.clone()).as_ref() != Some(name)
        {
            self.notes.label(want.vmid, &labels)?;
        }
        Ok(())
    }

    /// Says whether a container runs: whether its monitor listens for commands.
    fn is_running(&self, vmid: Vmid) -> Result<bool, HostError> {
        let sockets = fs::read_to_string(self.layout.proc().join("net/unix"));
        let sockets = sockets.map_err(unreachable)?;
        let socket = format!(" @/var/lib/lxc/{vmid}/command");
        Ok(sockets.lines().any(|line| line.ends_with(&socket)))
    }

    /// Finds the init of a container that runs.
    fn init(&self, vmid: Vmid) -> Option<Init> {
        kernel::init(&self.layout.proc(), &self.layout.cgroup(vmid))
    }

    /// Returns the way into a container. The process is the one that `pct exec` becomes after a
    /// second of Perl.
    fn room<'r>(&'r self, want: &'r GuestSpec) -> Room<'r> {
        let attach = |limit| {
            Command::new(&self.layout.program("lxc-attach"), limit)
                .plain("-n")
                .plain(want.vmid.to_string())
                .plain("--clear-env")
                .plain("--")
        };
        let init = || self.init(want.vmid);
        let (init, attach) = (Box::new(init), Box::new(attach));
        let way = Way::Kernel { init, attach };
        Room { want, library: &self.library, proc: self.layout.proc(), way }
    }

    fn whose(&self, vmid: Vmid) -> Whose<'_> {
        Whose { cell: &self.cell, vmid }
    }

    fn ground<'g>(
        &'g self,
        want: &'g GuestSpec,
        conf: &'g Conf,
        parent: Option<&'g Conf>,
        kept: &'g [Kept],
    ) -> Result<Ground<'g>, HostError> {
        Ok(Ground { cell: &self.cell, want, container: container(want)?, conf, parent, kept })
    }

    fn put_firewall(&self, want: &GuestSpec, firewall: &Firewall) -> Result<(), HostError> {
        let path = self.layout.firewall(want.vmid);
        let put = || match firewall_text(firewall) {
            Some(text) => {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                edit::replace(&path, &text)
            }
            None => match fs::remove_file(&path) {
                Err(err) if err.kind() != std::io::ErrorKind::NotFound => Err(err),
                Ok(()) | Err(_) => Ok(()),
            },
        };
        put().map_err(|err| HostError::Failed {
            what: format!("writing {}", Layout::firewall_name(want.vmid)),
            why: err.to_string(),
            output: String::new(),
        })
    }

    /// Sees that an AppArmor profile is loaded before a guest is started with it.
    async fn load_profile(&self, name: &ProfileName, hand: &Hand) -> Result<(), HostError> {
        if self.is_up_to_date(name) {
            return Ok(());
        }
        let what = format!("loading the AppArmor profile {name}");
        let installed = self.installed(name);
        if let Some(ours) = self.library.profile(name) {
            let ours = fs::read(ours).map_err(unreachable)?;
            fs::write(&installed, ours).map_err(unreachable)?;
        } else if !installed.is_file() {
            let why = "it is neither loaded, nor in /etc/apparmor.d, nor among our profiles";
            return Err(HostError::Impossible { what, why: why.to_owned() });
        }
        let limit = std::time::Duration::from_mins(1);
        let arguments = ["-r", &installed.display().to_string()];
        tool::ask(&self.layout, "apparmor_parser", &arguments, limit, hand).await?;
        if self.is_loaded(name) {
            return Ok(());
        }
        let why = format!("{} holds no profile of that name", installed.display());
        Err(HostError::Impossible { what, why })
    }

    fn installed(&self, name: &ProfileName) -> PathBuf {
        self.layout.host("/etc/apparmor.d").join(name.as_str())
    }

    /// Says whether a profile is loaded, and the one that our library has.
    fn is_up_to_date(&self, name: &ProfileName) -> bool {
        let is_ours = self.library.profile(name).is_none_or(|ours| {
            let (ours, installed) = (fs::read(ours), fs::read(self.installed(name)));
            matches!((ours, installed), (Ok(ours), Ok(installed)) if ours == installed)
        });
        is_ours && self.is_loaded(name)
    }

    fn is_loaded(&self, name: &ProfileName) -> bool {
        let path = self.layout.host("/sys/kernel/security/apparmor/profiles");
        let loaded = fs::read_to_string(path).unwrap_or_default();
        loaded.lines().any(|line| line.split(" (").next() == Some(name.as_str()))
    }

    /// Says before anything is changed that the host would refuse to start a guest with these ids.
    fn check_id_maps(&self, want: &GuestSpec) -> Result<(), HostError> {
        for map in &container(want)?.id_maps {
            let (file, kind) = if map.group { ("subgid", "group") } else { ("subuid", "user") };
            let text = fs::read_to_string(self.layout.host(&format!("/etc/{file}")));
            let text = text.unwrap_or_default();
            let covers = |line: &str| {
                let mut parts = line.trim().split(':');
                let (who, first, count) = (parts.next(), parts.next(), parts.next());
                let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
                let (Some(first), Some(count)) = (number(first), number(count)) else {
                    return false;
                };
                let (from, to) =
                    (u64::from(map.outside), u64::from(map.outside) + u64::from(map.count));
                who == Some("root") && first <= from && to <= first + count
            };
            if !text.lines().any(covers) {
                let (first, count) = (map.outside, map.count);
                return Err(HostError::Impossible {
                    what: format!("mapping {kind} ids of {}", want.vmid),
                    why: format!(
                        "/etc/{file} does not let root use {first} to {first}+{count}; add `root:{first}:{count}` to it"
                    ),
                });
            }
        }
        Ok(())
    }

    /// Says what a change needs and the host has not; what it can fetch by itself is not missing.
    fn check_change(&self, want: &GuestSpec, change: &Change) -> Result<(), HostError> {
        match change {
            Change::Create { origin, .. } if want.kind() == Kind::Machine => {
                self.check_machine(want, origin)
            }
            Change::Create { origin, .. } => self.check_creation(want, origin),
            Change::SetProperties { .. } if want.kind() == Kind::Container => {
                self.check_id_maps(want)
            }
            Change::SetProperties { .. }
            | Change::RemoveHalfMade
            | Change::Attach { .. }
            | Change::Detach { .. }
            | Change::GrowVolume { .. }
            | Change::GrowRootDisk { .. }
            | Change::Start
            | Change::Restart
            | Change::Stop
            | Change::AwaitAgent
            | Change::InstallFeature { .. }
            | Change::SetUpService { .. }
            | Change::RunApplicationScript { .. }
            | Change::AwaitHealthy
            | Change::TakeSnapshot { .. }
            | Change::RemoveSnapshot { .. }
            | Change::CleanForTemplate
            | Change::ConvertToTemplate { .. }
            | Change::Adopt
            | Change::Destroy { .. } => Ok(()),
        }
    }

    /// Says what would keep a guest from starting, as Proxmox itself says nothing of use.
    fn check_start(&self, conf: &Conf) -> Result<(), HostError> {
        let failed = |why: String| HostError::Failed {
            what: "starting it".to_owned(),
            why,
            output: String::new(),
        };
        let settled = conf.settled();
        for mount in mounts(&settled).iter().filter(|mount| mount.is_bound()) {
            if !self.layout.host(&mount.source).exists() {
                return Err(failed(format!(
                    "{} does not exist on the host; it is to be mounted at {}",
                    mount.source, mount.place
                )));
            }
        }
        for value in settled.numbered("dev").values() {
            let pairs = words::pairs(value, "path");
            let Some(path) = pairs.get("path") else { continue };
            if !self.layout.host(path).exists() {
                return Err(failed(format!("the device {path} does not exist on the host")));
            }
        }
        Ok(())
    }
}

/// Returns the volumes that are kept, with those that these keys name.
fn with_kept(
    mut kept: Vec<Kept>,
    want: &GuestSpec,
    conf: &Conf,
    keys: &[String],
    labels: &Labels,
) -> Vec<Kept> {
    let is_new = |kept: &[Kept], id: &str| kept.iter().all(|one| one.id != id);
    let settled = conf.settled();
    for mount in mounts(&settled) {
        let (Some(storage), Ok(place)) = (mount.storage(), mount.place.parse()) else { continue };
        if !keys.contains(&format!("mp{}", mount.index)) || !is_new(&kept, &mount.source) {
            continue;
        }
        let asked = want.volumes.iter().find(|volume| mount.is_at(&volume.place));
        let name = match asked.map(|volume| &volume.source) {
            _ if labels.contains_key(&mount.source) => labels.get(&mount.source).cloned(),
            Some(VolumeSource::Storage { name, .. }) => Some(name.clone()),
            Some(VolumeSource::Host { .. } | VolumeSource::Nfs { .. }) | None => None,
        };
        let size = mount.size.unwrap_or(GibiBytes(0));
        kept.push(Kept { id: mount.source, name, place, storage, size });
    }
    for (index, volume) in settled.numbered("unused") {
        // Nobody remembers where it was; it is kept all the same.
        let (Some(storage), Ok(place)) = (storage_of(volume), "/".parse()) else { continue };
        if keys.contains(&format!("unused{index}")) && is_new(&kept, volume) {
            let (id, name) = (volume.to_owned(), labels.get(volume).cloned());
            kept.push(Kept { id, name, place, storage, size: GibiBytes(0) });
        }
    }
    kept
}

/// Returns the keys of what is mounted there.
fn keys_at(conf: &Conf, place: &AbsolutePath) -> Vec<String> {
    let mounts = mounts(&conf.settled());
    let there = mounts.iter().filter(|mount| mount.is_at(place));
    there.map(|mount| format!("mp{}", mount.index)).collect()
}

/// Says that this is no node, or not the one that was meant: its guests would be somebody else's.
fn check_node(layout: &Layout, name: &NodeName) -> Result<(), HostError> {
    let own = layout.host("/etc/pve/lxc");
    let impossible =
        |why: String| HostError::Impossible { what: "working on this host".to_owned(), why };
    let leads_to = fs::canonicalize(&own).map_err(|err| {
        impossible(format!(
            "{}: {err}; is it a Proxmox VE node, and is pve-cluster running?",
            own.display()
        ))
    })?;
    let its = leads_to.parent().and_then(std::path::Path::file_name).unwrap_or_default();
    if its == name.as_str() {
        return Ok(());
    }
    let its = its.display();
    Err(impossible(format!("it is the node {its}, not {name}; start the worker with --node {its}")))
}

impl Hypervisor for Proxmox {
    async fn look(&self, want: &GuestSpec, facets: Facets) -> Result<Seen, HostError> {
        let mut secrets = want.secrets.clone();
        secrets.extend(machine::password(want));
        let secrets = self.library.glimpse(want, &secrets, facets).await;
        match want.kind() {
            Kind::Container => self.seen(want, facets, &secrets),
            Kind::Machine => self.machine_seen(want, facets, &secrets).await,
        }
    }

    async fn apply(&self, want: &GuestSpec, change: &Change, hand: &Hand) -> Result<(), HostError> {
        if want.kind() == Kind::Machine {
            return self.apply_to_machine(want, change, hand).await;
        }
        if let Change::Create { origin, .. } = change {
            return self.create(want, origin, change, hand).await;
        }
        let conf = self.conf(want.into())?.ok_or_else(|| HostError::Failed {
            what: format!("working on {}", want.vmid),
            why: "it is gone".to_owned(),
            output: String::new(),
        })?;
        if *change == Change::RemoveHalfMade {
            return self.remove_half_made(want, &conf, hand).await;
        }
        self.free(want.into(), &conf, hand).await?;
        self.settle(want, hand).await?;
        let kept = self.notes.kept(want.vmid)?;
        let ground = self.ground(want, &conf, None, &kept)?;
        let acts = ground.acts(change);
        match change {
            Change::SetProperties { .. } => self.set_properties(want, change, &acts, hand).await,
            Change::Attach { .. } => self.attach(want, &conf, change, hand).await,
            Change::Detach { place } => {
                self.note_volumes(want, &conf, &keys_at(&conf, place))?;
                self.do_all(want, &acts, hand).await
            }
            Change::Destroy { volumes } => {
                self.note_volumes(want, &conf, &ground.keys_to_keep(volumes))?;
                self.do_all(want, &acts, hand).await
            }
            Change::Start | Change::Restart => {
                if self.finish_sealing(want.into(), &conf, hand).await? {
                    return Ok(());
                }
                self.check_start(&conf)?;
                self.do_all(want, &acts, hand).await
            }
            Change::InstallFeature { .. }
            | Change::SetUpService { .. }
            | Change::RunApplicationScript { .. } => {
                let Some(recipe) = self.library.recipe(&self.layout.proc(), want, change)? else {
                    return Ok(());
                };
                // What is set up anew has to show anew that it works.
                self.notes.forget_healthy(want.vmid)?;
                self.room(want).run(&recipe, hand).await
            }
            Change::AwaitHealthy => {
                self.room(want).await_health(hand).await?;
                match self.init(want.vmid) {
                    Some(init) => self.notes.mark_healthy(want.vmid, &init.boot(), &want.service()),
                    None => Ok(()),
                }
            }
            Change::ConvertToTemplate { .. } => {
                self.notes.begin(Task::Sealing, want.vmid, &[])?;
                self.do_all(want, &acts, hand).await?;
                self.notes.end(Task::Sealing, want.vmid)
            }
            Change::TakeSnapshot { name, .. } | Change::RemoveSnapshot { name } => {
                self.notes.begin_locking(want.vmid, name)?;
                self.do_all(want, &acts, hand).await?;
                self.notes.end(Task::Locking, want.vmid)
            }
            Change::GrowVolume { place, to } => {
                self.do_all(want, &acts, hand).await?;
                self.note_growth(want, Some(place), *to, hand).await
            }
            Change::GrowRootDisk { to } => {
                self.do_all(want, &acts, hand).await?;
                self.note_growth(want, None, *to, hand).await
            }
            Change::Create { .. }
            | Change::RemoveHalfMade
            | Change::Stop
            | Change::AwaitAgent
            | Change::CleanForTemplate
            | Change::Adopt => self.do_all(want, &acts, hand).await,
        }
    }

    fn commands(&self, want: &GuestSpec, ahead: &[Foreseen]) -> Vec<Vec<String>> {
        if want.kind() == Kind::Machine {
            return self.commands_for_machine(want, ahead);
        }
        let read = |vmid| self.conf(GuestKey { vmid, kind: Kind::Container }).ok().flatten();
        let mut conf = read(want.vmid).unwrap_or_default();
        let parent = want.parent().and_then(read);
        let mut kept = self.notes.kept(want.vmid).unwrap_or_default();
        let labels = self.notes.labels(want.vmid).unwrap_or_default();
        let mut all = Vec::new();
        for Foreseen { before, change, .. } in ahead {
            let Ok(ground) = self.ground(want, &conf, parent.as_ref(), &kept) else { break };
            let acts = ground.acts(change);
            let is_to_be_done =
                |act: &&Act| !matches!(act, Act::Profile(name) if self.is_up_to_date(name));
            let acts = acts.iter().filter(is_to_be_done);
            all.push(acts.map(|act| Shown(act, want.into()).to_string()).collect());
            let is_running = before.guest.as_ref().is_some_and(|guest| guest.run != Run::Stopped);
            let after = ground.imagine(change, is_running);
            if let Change::Detach { place } = change {
                kept = with_kept(kept, want, &conf, &keys_at(&conf, place), &labels);
            }
            conf = after;
        }
        all
    }

    async fn obstacle<'a>(
        &self,
        want: &GuestSpec,
        ahead: &'a [Foreseen],
    ) -> Option<(&'a Foreseen, HostError)> {
        for foreseen in ahead {
            let change = &foreseen.change;
            let mut found = self.check_change(want, change);
            if found.is_ok() && matches!(change, Change::Create { .. }) && want.machine().is_some()
            {
                found = self.check_seed(want).await;
            }
            if found.is_ok() {
                found = self.library.has_all(&self.layout.proc(), want, change).await;
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
        match want.kind() {
            Kind::Container => self.room(want).test(test, hand).await,
            Kind::Machine => self.machine_room(want).test(test, hand).await,
        }
    }

    async fn inventory(&self) -> Result<Inventory, HostError> {
        self.take_stock().await
    }
}
