//! Containers, by `pct`.

mod acts;
mod aside;
mod create;
mod volumes;

use std::fs;

use phoenix_domain::{Change, Foreseen, GuestKey, GuestSpec, Kind, Run, Vmid};

pub(super) use self::acts::DEFAULT_SWAP;
use self::acts::Ground;
use self::volumes::{keys_at, with_kept};
use super::acts::{Act, Common, Shown, after};
use super::conf::Conf;
use super::look::{container, unreachable};
use super::notes::{Kept, Task};
use super::words::mount::mounts;
use super::{Proxmox, words};
use crate::command::Command;
use crate::inside::{Room, Way};
use crate::kernel::{self, Init};
use crate::{Hand, HostError};

impl Proxmox {
    pub(super) async fn apply_to_container(
        &self,
        want: &GuestSpec,
        change: &Change,
        hand: &Hand,
    ) -> Result<(), HostError> {
        if let Change::Create { origin, .. } = change {
            return self.create_container(want, origin, change, hand).await;
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
            Change::SetProperties { .. } => {
                self.set_properties(want, &conf, change, &acts, hand).await
            }
            Change::Attach { .. } => self.attach(want, &conf, change, hand).await,
            Change::Detach { place } => {
                self.note_volumes(want, &conf, &keys_at(&conf, place))?;
                self.do_all(want, &conf, &acts, hand).await
            }
            Change::SetAside { .. } => {
                self.check_aside(want)?;
                self.check_still(want.vmid)?;
                self.note_volumes(want, &conf, &ground.keys_to_keep(&[]))?;
                self.do_all(want, &conf, &acts, hand).await
            }
            Change::Destroy { volumes } => {
                self.note_volumes(want, &conf, &ground.keys_to_keep(volumes))?;
                self.do_all(want, &conf, &acts, hand).await
            }
            Change::Start | Change::Restart => {
                if self.finish_sealing(want.into(), &conf, hand).await? {
                    return Ok(());
                }
                self.check_start(&conf)?;
                self.do_all(want, &conf, &acts, hand).await
            }
            Change::InstallFeature { .. }
            | Change::SetUpService { .. }
            | Change::RunApplicationScript { .. }
            | Change::RestartServices
            | Change::ForgetApplication => self.run_inside(&self.room(want), change, hand).await,
            Change::AwaitHealthy => {
                let boot = || self.init(want.vmid).map(|init| init.boot());
                self.see_healthy(&self.room(want), boot, hand).await
            }
            Change::ConvertToTemplate { .. } => {
                self.notes.begin(Task::Sealing, want.vmid, &[])?;
                self.do_all(want, &conf, &acts, hand).await?;
                self.notes.end(Task::Sealing, want.vmid)
            }
            Change::TakeSnapshot { name, .. }
            | Change::RemoveSnapshot { name }
            | Change::RollBack { name } => {
                self.notes.begin_locking(want.vmid, name)?;
                self.do_all(want, &conf, &acts, hand).await?;
                self.notes.end(Task::Locking, want.vmid)
            }
            Change::GrowVolume { place, to } => {
                self.do_all(want, &conf, &acts, hand).await?;
                self.note_growth(want, Some(place), *to).await
            }
            Change::GrowRootDisk { to } => {
                self.do_all(want, &conf, &acts, hand).await?;
                self.note_growth(want, None, *to).await
            }
            Change::Create { .. }
            | Change::RemoveHalfMade
            | Change::Stop
            | Change::AwaitAgent
            | Change::CleanForTemplate
            | Change::Adopt => self.do_all(want, &conf, &acts, hand).await,
        }
    }

    pub(super) fn commands_for_container(
        &self,
        want: &GuestSpec,
        ahead: &[Foreseen],
    ) -> Vec<Vec<String>> {
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
            let shown = acts.iter().filter(is_to_be_done);
            all.push(shown.map(|act| Shown(act, want.into()).to_string()).collect());
            let is_running = before.guest.as_ref().is_some_and(|guest| guest.run != Run::Stopped);
            let later = after(&conf, parent.as_ref(), &acts, self.whose(want.vmid), is_running);
            if let Change::Detach { place } = change {
                kept = with_kept(kept, want, &conf, &keys_at(&conf, place), &labels);
            }
            conf = later;
        }
        all
    }

    async fn set_properties(
        &self,
        want: &GuestSpec,
        conf: &Conf,
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
        self.do_all(want, conf, acts, hand).await
    }

    /// Says whether a container runs: whether its monitor listens for commands.
    pub(in crate::proxmox) fn is_running(&self, vmid: Vmid) -> Result<bool, HostError> {
        let sockets = fs::read_to_string(self.layout.proc().join("net/unix"));
        let sockets = sockets.map_err(unreachable)?;
        let socket = format!(" @/var/lib/lxc/{vmid}/command");
        Ok(sockets.lines().any(|line| line.ends_with(&socket)))
    }

    /// Finds the init of a container that runs.
    pub(in crate::proxmox) fn init(&self, vmid: Vmid) -> Option<Init> {
        kernel::init(&self.layout.proc(), &self.layout.cgroup(vmid))
    }

    /// Returns the way into a container. The process is the one that `pct exec` becomes after a
    /// second of Perl.
    pub(in crate::proxmox) fn room<'r>(&'r self, want: &'r GuestSpec) -> Room<'r> {
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

    fn ground<'g>(
        &'g self,
        want: &'g GuestSpec,
        conf: &'g Conf,
        parent: Option<&'g Conf>,
        kept: &'g [Kept],
    ) -> Result<Ground<'g>, HostError> {
        let common = Common { cell: &self.cell, want, conf, parent };
        Ok(Ground { common, container: container(want)?, kept })
    }

    /// Says before anything is changed that the host would refuse to start a guest with these ids.
    pub(in crate::proxmox) fn check_id_maps(&self, want: &GuestSpec) -> Result<(), HostError> {
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
