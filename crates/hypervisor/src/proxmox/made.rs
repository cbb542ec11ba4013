//! What the making of any guest takes: its turn at what it is cloned from, and clearing away what a
//! creation that was killed has left.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use phoenix_domain::{GuestKey, GuestSpec, Kind, StorageId, Vmid};
use serde::Deserialize;
use tokio::time::sleep;
use tracing::{info, warn};

use super::acts::{Edit, is_whole};
use super::conf::Conf;
use super::layout::Layout;
use super::look::unreachable;
use super::machine::drives;
use super::notes::{Begun, Task};
use super::words::mount::storage_of;
use super::{Proxmox, edit, tool};
use crate::{Hand, HostError, Line, Lock, LockError, Place, Scarce};

/// The locks that commands of ours leave when they are killed.
const OURS: [&str; 2] = ["snapshot", "snapshot-delete"];
/// How long a question to Proxmox may take.
const ASK: Duration = Duration::from_mins(2);
/// How often somebody who waits for another clone of the same guest looks whether it is done.
const TURN: Duration = Duration::from_millis(50);
/// The longest such pause.
const LONGEST_TURN: Duration = Duration::from_secs(1);

/// Who may clone a guest now.
pub(super) struct Turn {
    pub(super) lock: Lock,
    _first: Place,
}

/// Those of this process who want to clone a guest, guest by guest.
pub(super) type Turns = Mutex<HashMap<Vmid, Arc<Line>>>;

/// A volume as Proxmox lists it.
#[derive(Deserialize)]
struct Listed {
    volid: String,
    /// When it was made, in seconds since 1970; some storages do not know.
    #[serde(default)]
    ctime: Option<u64>,
}

impl Proxmox {
    /// Notes that a guest is about to be made, once what a creation of it that was killed has left is
    /// cleared away: whoever was killed right after the config was removed has left volumes of nobody.
    pub(super) async fn clear_for(&self, want: &GuestSpec, hand: &Hand) -> Result<(), HostError> {
        let Some(before) = self.notes.begun(Task::Making, want.vmid)? else { return Ok(()) };
        self.free_debris(want.into(), &before, hand).await?;
        self.notes.end(Task::Making, want.vmid)
    }

    /// Returns the config of a guest that is to be cloned.
    pub(super) fn to_clone(&self, of: GuestKey) -> Result<Conf, HostError> {
        self.conf(of)?.ok_or_else(|| HostError::Failed {
            what: format!("cloning {}", of.vmid),
            why: "it is gone".to_owned(),
            output: String::new(),
        })
    }

    /// Waits until nobody else of ours clones this guest. A clone whose worker was killed goes on,
    /// and holds its turn to its end.
    pub(super) async fn turn(&self, parent: Vmid, hand: &Hand) -> Result<Turn, HostError> {
        // Those of this process stand in a line; only the first of them asks who else is there.
        let line = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(parent).or_insert_with(|| Line::new(1)))
        };
        let began = Instant::now();
        let first = line.turn(hand).await;
        let path = self.turn_path(parent);
        let mut pause = TURN;
        loop {
            match Lock::try_take(&path) {
                Ok(lock) => {
                    hand.has_waited(Scarce::Template, began.elapsed());
                    return Ok(Turn { lock, _first: first });
                }
                Err(LockError::Held { .. }) => sleep(pause).await,
                Err(LockError::Unusable { err, .. }) => return Err(unreachable(err)),
            }
            pause = (pause * 2).min(LONGEST_TURN);
        }
    }

    fn turn_path(&self, parent: Vmid) -> PathBuf {
        self.run_dir.join(format!("clone-{parent}.lock"))
    }

    /// Ends what was noted by somebody who was killed while the command went on to its end. Whoever
    /// calls this holds the guest, which is whole and not locked: nobody is at work on it any more.
    pub(super) async fn settle(&self, want: &GuestSpec, hand: &Hand) -> Result<(), HostError> {
        let guest = GuestKey::from(want);
        let vmid = guest.vmid;
        if self.notes.begun(Task::Making, vmid)?.is_some() {
            if let Some(parent) = want.parent() {
                self.settle_parent(GuestKey { vmid: parent, ..guest })?;
            }
            self.notes.end(Task::Making, vmid)?;
        }
        // Whoever was killed after a volume was made, and before it was in the config, left it.
        if let Some(before) = self.notes.begun(Task::Attaching, vmid)? {
            self.free_debris(guest, &before, hand).await?;
            self.notes.end(Task::Attaching, vmid)?;
        }
        self.notes.end(Task::Locking, vmid)
    }

    /// Ends the note that a guest is cloned, where it is nobody's turn and no clone has left a lock.
    fn settle_parent(&self, parent: GuestKey) -> Result<(), HostError> {
        let Ok(_turn) = Lock::try_take(&self.turn_path(parent.vmid)) else { return Ok(()) };
        let is_locked = self.conf(parent)?.is_some_and(|conf| conf.lock().is_some());
        if is_locked { Ok(()) } else { self.notes.end(Task::Cloning, parent.vmid) }
    }

    /// Sees that a guest can be cloned. A lock that a clone of ours has left is taken away: we hold
    /// its turn, so it is dead, and a note says that it was ours.
    pub(super) async fn free_parent(
        &self,
        guest: GuestKey,
        conf: &Conf,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let Some(by) = conf.lock() else { return Ok(()) };
        let parent = guest.vmid;
        let is_ours = by == "disk" && self.notes.begun(Task::Cloning, parent)?.is_some();
        if is_ours && self.is_at_rest(guest) {
            info!(%parent, "a clone that was killed has left its lock; it is taken away");
            let arguments = ["unlock".to_owned(), parent.to_string()];
            return tool::of(guest.kind, &self.layout, &arguments, hand).await;
        }
        Err(HostError::Locked { what: edit::called(guest), by: by.to_owned() })
    }

    pub(super) async fn remove_half_made(
        &self,
        want: &GuestSpec,
        conf: &Conf,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let guest = GuestKey::from(want);
        let vmid = guest.vmid;
        let alive = |by: &str| HostError::Locked { what: edit::called(guest), by: by.to_owned() };
        if !edit::is_free(&self.layout, guest) {
            return Err(alive("a command of Proxmox that is still at work"));
        }
        // A clone goes by the number of what it copies.
        let is_cloned = want.parent().is_some_and(|parent| tool::is_at_work(&self.layout, parent));
        if is_cloned || tool::is_at_work(&self.layout, vmid) {
            return Err(alive("a task of Proxmox that is still at work"));
        }
        if conf.lock().is_some() {
            tool::of(guest.kind, &self.layout, &["unlock".to_owned(), vmid.to_string()], hand)
                .await?;
        }
        if guest.kind == Kind::Container {
            self.unmount(vmid, hand).await?;
        }
        let destroy = ["destroy", &vmid.to_string(), "--purge", "1"].map(str::to_owned);
        tool::of(guest.kind, &self.layout, &destroy, hand).await?;
        if let Some(begun) = self.notes.begun(Task::Making, vmid)? {
            self.free_debris(guest, &begun, hand).await?;
        }
        self.notes.end(Task::Making, vmid)
    }

    /// Says whether nobody works on a guest any more.
    fn is_at_rest(&self, guest: GuestKey) -> bool {
        edit::is_free(&self.layout, guest) && !tool::is_at_work(&self.layout, guest.vmid)
    }

    /// Sees that a guest can be worked on. A lock that a command of ours has left is taken away:
    /// whoever calls this holds the guest, so that command is dead, and a note names the snapshot
    /// that it has not finished. A note alone says nothing: it stays where somebody was killed while
    /// the command went on to its end, and the next lock may be of anybody.
    pub(super) async fn free(
        &self,
        guest: GuestKey,
        conf: &Conf,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let Some(by) = conf.lock() else { return Ok(()) };
        let vmid = guest.vmid;
        let begun = self.notes.begun(Task::Locking, vmid)?;
        let name = begun.and_then(|begun| begun.snapshot);
        let snapshot = name.and_then(|name| conf.snapshots.get(name.as_str()));
        let is_ours = OURS.contains(&by) && snapshot.is_some_and(|section| !is_whole(section));
        if is_ours && self.is_at_rest(guest) {
            info!(%vmid, by, "a command that was killed has left its lock; it is taken away");
            let arguments = ["unlock".to_owned(), vmid.to_string()];
            return tool::of(guest.kind, &self.layout, &arguments, hand).await;
        }
        Err(HostError::Locked { what: edit::called(guest), by: by.to_owned() })
    }

    /// Unmounts the root file system that a creation has left mounted.
    async fn unmount(&self, vmid: Vmid, hand: &Hand) -> Result<(), HostError> {
        let root = Layout::rootfs(vmid);
        let mounts = fs::read_to_string(self.layout.proc().join("mounts")).unwrap_or_default();
        let mut mounted = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        if !mounted.any(|at| Path::new(at).starts_with(&root)) {
            return Ok(());
        }
        tool::ask(&self.layout, "umount", &["-R", &root], ASK, hand).await.map(drop)
    }

    /// Frees the volumes that were made before whoever made them was killed: those with this number
    /// that are younger than that, and in no config. What is older was somebody's.
    pub(super) async fn free_debris(
        &self,
        guest: GuestKey,
        begun: &Begun,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let vmid = guest.vmid;
        let kept = self.notes.kept(vmid)?;
        // The root disk of one that was set aside is called as this guest's would be.
        let beside = self.beside(vmid)?.into_iter().map(|vmid| GuestKey { vmid, ..guest });
        let confs = std::iter::once(guest).chain(beside);
        let conf: String = confs
            .map(|guest| fs::read_to_string(self.layout.conf(guest)).unwrap_or_default())
            .collect();
        let is_named = |volid: &str| {
            conf.contains(&format!(": {volid},")) || conf.contains(&format!(": {volid}\n"))
        };
        for storage in &begun.storages {
            for Listed { volid, ctime } in self.volumes_of(storage, vmid, hand).await? {
                if is_named(&volid) || kept.iter().any(|kept| kept.id == volid) {
                    continue;
                }
                if ctime.is_some_and(|made| made >= begun.since) {
                    info!(volid, "freed: whoever made it was killed");
                    tool::ask(&self.layout, "pvesm", &["free", &volid], ASK, hand).await?;
                } else {
                    warn!(volid, "left alone: nobody knows whose it was");
                }
            }
        }
        Ok(())
    }

    /// Makes the config name the volumes of a template whose making was killed: they have their new
    /// names, and nothing but the config says otherwise. Says whether there was something to do.
    pub(super) async fn finish_sealing(
        &self,
        guest: GuestKey,
        conf: &Conf,
        hand: &Hand,
    ) -> Result<bool, HostError> {
        let vmid = guest.vmid;
        // A container is called a template once all is done, a machine before anything is.
        let is_done = guest.kind == Kind::Container && conf.main.is("template");
        if is_done || self.notes.begun(Task::Sealing, vmid)?.is_none() {
            return Ok(false);
        }
        let mut keys = BTreeMap::new();
        for (key, value) in &conf.main.keys {
            let is_disk = match guest.kind {
                Kind::Container => key == "rootfs" || key.starts_with("mp"),
                Kind::Machine => drives::is_key(key),
            };
            let (volume, rest) = value.split_once(',').unwrap_or((value, ""));
            let Some(storage) = storage_of(volume).filter(|_| is_disk) else { continue };
            let listed = self.volumes_of(&storage, vmid, hand).await?;
            if listed.iter().any(|listed| listed.volid == volume) {
                continue;
            }
            let number = volume.rsplit('-').next().unwrap_or_default();
            let renamed = listed.iter().find(|listed| {
                listed.volid.contains("base") && listed.volid.rsplit('-').next() == Some(number)
            });
            if let Some(renamed) = renamed {
                keys.insert(key.clone(), format!("{},{rest}", renamed.volid));
            }
        }
        if keys.is_empty() {
            // Whoever was killed may have missed nothing but the good end of it.
            let is_whole = conf.main.is("template");
            if is_whole {
                self.notes.end(Task::Sealing, vmid)?;
            }
            return Ok(is_whole);
        }
        info!(%vmid, "a template whose making was killed is finished");
        keys.insert("template".to_owned(), "1".to_owned());
        edit::edit(&self.layout, guest, self.whose(vmid), &Edit { keys, ..Edit::default() })
            .await?;
        self.notes.end(Task::Sealing, vmid)?;
        Ok(true)
    }

    async fn volumes_of(
        &self,
        storage: &StorageId,
        vmid: Vmid,
        hand: &Hand,
    ) -> Result<Vec<Listed>, HostError> {
        let path = format!("/nodes/localhost/storage/{storage}/content");
        let vmid = vmid.to_string();
        let arguments = ["get", &path, "--vmid", &vmid, "--output-format", "json"];
        let text = tool::ask(&self.layout, "pvesh", &arguments, ASK, hand).await?;
        serde_json::from_str(text.trim()).map_err(|err| HostError::Unreadable {
            what: format!("pvesh get {path}"),
            why: err.to_string(),
        })
    }
}
