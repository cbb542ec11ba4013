//! What is done to a guest that is there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use phoenix_domain::{
    AbsolutePath, GibiBytes, Nic, Property, SnapshotName, SpecDigest, Vmid, Volume, VolumeSource,
};
use tokio::time::{Instant, sleep};

use super::sheet::{Frozen, replace};
use super::{Label, Lxc, config, nics_of, store, unreachable};
use crate::command::Command;
use crate::{Hand, HostError};

/// How long a tool of LXC may take.
const TOOL: Duration = Duration::from_mins(2);
/// How long a container has to shut down by itself, in seconds.
const SHUTDOWN: &str = "30";
/// How long the kernel may take to show what a tool has done.
const SHOWN: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(10);

impl Lxc {
    pub(super) async fn set(
        &self,
        vmid: Vmid,
        to: &[Property],
        hand: &Hand,
    ) -> Result<(), HostError> {
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

    pub(super) async fn attach(
        &self,
        vmid: Vmid,
        volume: &Volume,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let mut sheet = self.sheet(vmid)?;
        match &volume.source {
            VolumeSource::Storage { name, storage, .. } => {
                let data = self.volumes(vmid, storage).join(name.as_str());
                if !data.is_dir() {
                    store::make(&data, hand).await?;
                }
                self.label(vmid, volume)?;
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

    /// Grows what is mounted there: a folder has no size, so it is only known by it from now on.
    pub(super) fn grow(
        &self,
        vmid: Vmid,
        place: &AbsolutePath,
        to: GibiBytes,
    ) -> Result<(), HostError> {
        let mut sheet = self.sheet(vmid)?;
        for volume in sheet.volumes.iter_mut().filter(|volume| volume.place == *place) {
            if let VolumeSource::Storage { size, .. } = &mut volume.source {
                *size = to;
            }
            self.label(vmid, volume)?;
        }
        self.keep(vmid, &sheet)
    }

    /// Writes down what a volume is, for when it is mounted no longer.
    fn label(&self, vmid: Vmid, volume: &Volume) -> Result<(), HostError> {
        let VolumeSource::Storage { name, storage, .. } = &volume.source else { return Ok(()) };
        let label = serde_json::to_string(&Label { volume: volume.clone() });
        let label = label.map_err(|err| HostError::Unreadable {
            what: "the label of a volume".to_owned(),
            why: err.to_string(),
        })?;
        let path = self.volumes(vmid, storage).join(format!("{name}.json"));
        replace(&path, &label).map_err(unreachable)
    }

    pub(super) async fn start(&self, vmid: Vmid, hand: &Hand) -> Result<(), HostError> {
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

    pub(super) async fn stop(&self, vmid: Vmid, hand: &Hand) -> Result<(), HostError> {
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
    pub(super) async fn shows(&self, is_so: impl Fn() -> bool) -> bool {
        let begun = Instant::now();
        while !is_so() {
            if begun.elapsed() > SHOWN {
                return false;
            }
            sleep(LOOK).await;
        }
        true
    }

    pub(super) async fn snap(
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
        let rootfs = self.rootfs(vmid, &sheet.root_disk);
        // A subvolume is copied in one moment; what is copied file by file must stand still.
        let must_stand_still = self.init(vmid).is_some() && !store::is_btrfs(&rootfs)?;
        if must_stand_still {
            // Noted first: whoever goes on after we were killed has to let it run again.
            replace(&self.note(vmid, "frozen"), "").map_err(unreachable)?;
            run(&self.tool("lxc-freeze", vmid, TOOL), hand).await?;
        }
        let copied = store::copy(&rootfs, &to, hand).await;
        self.thaw(vmid, hand).await?;
        copied?;
        let frozen = Frozen {
            contents: contents.cloned(),
            properties: sheet.properties.clone(),
            size: sheet.root_disk.size,
        };
        sheet.snapshots.insert(name.clone(), frozen);
        sheet.write(&self.folder(vmid))
    }

    /// Makes a guest that stands still what it was. Its volumes are as they are.
    pub(super) async fn roll_back(
        &self,
        vmid: Vmid,
        name: &SnapshotName,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let mut sheet = self.sheet(vmid)?;
        let Some(frozen) = sheet.snapshots.get(name).cloned() else {
            return Err(HostError::Failed {
                what: format!("going back to {name}"),
                why: "there is no such snapshot".to_owned(),
                output: String::new(),
            });
        };
        let rootfs = self.rootfs(vmid, &sheet.root_disk);
        let then = rootfs.with_extension("then");
        store::remove(&then, hand).await?;
        store::copy(&self.snapshot(vmid, &sheet.root_disk, name), &then, hand).await?;
        // Whoever is killed here finds the snapshot still there, and does it once more.
        store::remove(&rootfs, hand).await?;
        fs::rename(&then, &rootfs).map_err(unreachable)?;
        sheet.properties = frozen.properties;
        sheet.root_disk.size = frozen.size;
        self.keep(vmid, &sheet)
    }

    /// Lets a guest run again that was frozen for being copied.
    pub(super) async fn thaw(&self, vmid: Vmid, hand: &Hand) -> Result<(), HostError> {
        let note = self.note(vmid, "frozen");
        if !note.exists() {
            return Ok(());
        }
        if self.init(vmid).is_some() {
            run(&self.tool("lxc-unfreeze", vmid, TOOL), hand).await?;
        }
        fs::remove_file(note).map_err(unreachable)
    }

    /// Writes the scripts that put the interfaces of a guest on their bridges.
    pub(super) fn prepare_bridges(&self, nics: &[Nic]) -> Result<(), HostError> {
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
}

async fn run(command: &Command, hand: &Hand) -> Result<(), HostError> {
    let ended = command.run(hand).await?;
    if ended.status.success() {
        return Ok(());
    }
    let why = ended.stderr.lines().last().unwrap_or("it says nothing").to_owned();
    Err(HostError::Failed { what: command.to_string(), why, output: ended.stderr })
}
