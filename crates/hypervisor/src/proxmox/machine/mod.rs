//! Virtual machines, by `qm`.
//!
//! As with containers, looking starts no process on the host: the config is a file, the process is in
//! `/proc`, and the agent inside is asked over its own socket. What Cloud-Init tells a machine are three
//! files (`seeds`), of which Proxmox makes a drive at every start.

mod acts;
pub(super) mod drives;
mod images;
mod look;
mod nets;
mod seeds;
mod wait;

use phoenix_domain::{Change, Foreseen, GuestKey, GuestSpec, Origin, Property, Run};

use self::acts::Ground;
pub(super) use self::seeds::password;
use super::acts::{Act, Common, Shown, after};
use super::conf::Conf;
use super::notes::Task;
use super::{Proxmox, edit};
use crate::inside::{Room, Way};
use crate::{Hand, HostError};

impl Proxmox {
    pub(super) async fn apply_to_machine(
        &self,
        want: &GuestSpec,
        change: &Change,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let key = GuestKey::from(want);
        if let Change::Create { origin, .. } = change {
            return self.create_machine(want, origin, change, hand).await;
        }
        let conf = self.conf(key)?.ok_or_else(|| HostError::Failed {
            what: format!("working on {}", want.vmid),
            why: "it is gone".to_owned(),
            output: String::new(),
        })?;
        if *change == Change::RemoveHalfMade {
            return self.remove_half_made(want, &conf, hand).await;
        }
        self.free(key, &conf, hand).await?;
        self.settle(want, hand).await?;
        let vmid = want.vmid;
        let acts = self.machine_acts(want, &conf, None, change)?;
        match change {
            Change::SetProperties { .. } | Change::Attach { .. } | Change::Detach { .. } => {
                // Noted first: whoever is killed in between makes one restart too many, not one too few.
                if waits_for_restart(change)
                    && let Some(process) = self.process(vmid)
                {
                    self.notes.mark_stale(vmid, &process.boot())?;
                }
                self.do_all(want, &conf, &acts, hand).await
            }
            Change::Start | Change::Restart => {
                if self.finish_sealing(key, &conf, hand).await? {
                    return Ok(());
                }
                self.notes.forget_clean(vmid)?;
                self.do_all(want, &conf, &acts, hand).await
            }
            Change::AwaitAgent => self.await_agent(want, hand).await,
            Change::InstallFeature { .. }
            | Change::SetUpService { .. }
            | Change::RunApplicationScript { .. }
            | Change::RestartServices
            | Change::ForgetApplication => {
                self.run_inside(&self.machine_room(want), change, hand).await
            }
            Change::AwaitHealthy => {
                let boot = || self.process(vmid).map(|process| process.boot());
                self.see_healthy(&self.machine_room(want), boot, hand).await
            }
            Change::CleanForTemplate => {
                let boot = self.process(vmid).map(|process| process.boot());
                self.machine_room(want).clean(hand).await?;
                boot.map_or(Ok(()), |boot| self.notes.mark_clean(vmid, &boot))
            }
            Change::ConvertToTemplate { .. } if conf.main.is("template") => {
                self.finish_sealing(key, &conf, hand).await?;
                self.notes.end(Task::Sealing, vmid)
            }
            Change::Stop => {
                // Somebody else may have started it since it was cleaned; stopped, nothing tells.
                let runs = self.process(vmid).map(|process| process.boot());
                if !self.notes.is_clean(vmid, runs.as_ref())? {
                    self.notes.forget_clean(vmid)?;
                }
                self.do_all(want, &conf, &acts, hand).await
            }
            Change::SetAside { .. } => Err(HostError::Impossible {
                what: format!("setting {vmid} aside"),
                why: "it is a virtual machine".to_owned(),
            }),
            Change::ConvertToTemplate { .. } if !self.notes.is_clean(vmid, None)? => {
                Err(HostError::Failed {
                    what: format!("turning {vmid} into a template"),
                    why: "it was started after it was cleaned for its clones".to_owned(),
                    output: String::new(),
                })
            }
            Change::ConvertToTemplate { .. } => {
                self.notes.begin(Task::Sealing, vmid, &[])?;
                self.do_all(want, &conf, &acts, hand).await?;
                self.notes.end(Task::Sealing, vmid)
            }
            Change::RollBack { .. } => Err(HostError::Impossible {
                what: format!("taking {vmid} back to a snapshot"),
                why: "that would take back what its disks store as well".to_owned(),
            }),
            Change::TakeSnapshot { name, .. } | Change::RemoveSnapshot { name } => {
                self.notes.begin_locking(vmid, name)?;
                self.do_all(want, &conf, &acts, hand).await?;
                self.notes.end(Task::Locking, vmid)
            }
            Change::GrowRootDisk { .. }
            | Change::GrowVolume { .. }
            | Change::Adopt
            | Change::Destroy { .. }
            | Change::Create { .. }
            | Change::RemoveHalfMade => self.do_all(want, &conf, &acts, hand).await,
        }
    }

    async fn create_machine(
        &self,
        want: &GuestSpec,
        origin: &Origin,
        change: &Change,
        hand: &Hand,
    ) -> Result<(), HostError> {
        self.check_machine(want, origin)?;
        let vmid = want.vmid;
        self.clear_for(want, hand).await?;
        self.notes.forget_clean(vmid)?;
        let storages = [want.root_disk.storage.clone()];
        let empty = Conf::default();
        match origin {
            Origin::Template { archive: image } | Origin::CloudImage { image } => {
                let image = self.bring_image(image, hand).await?;
                self.notes.begin(Task::Making, vmid, &storages)?;
                let acts = self.machine_acts_of(want, &empty, None, change, &image)?;
                self.do_all(want, &empty, &acts, hand).await?;
            }
            Origin::Clone { parent } => {
                let of = GuestKey { vmid: *parent, ..GuestKey::from(want) };
                let turn = self.turn(*parent, hand).await?;
                let hand = hand.and(&turn.lock);
                let conf = self.to_clone(of)?;
                if let Some(by) = conf.lock() {
                    let (what, by) = (edit::called(of), by.to_owned());
                    return Err(HostError::Locked { what, by });
                }
                self.notes.begin(Task::Making, vmid, &storages)?;
                let acts = self.machine_acts(want, &empty, Some(&conf), change)?;
                self.do_all(want, &empty, &acts, &hand).await?;
            }
        }
        self.notes.end(Task::Making, vmid)
    }

    fn machine_acts(
        &self,
        want: &GuestSpec,
        conf: &Conf,
        parent: Option<&Conf>,
        change: &Change,
    ) -> Result<Vec<Act>, HostError> {
        let image = match &want.origin {
            Origin::Template { archive: image } | Origin::CloudImage { image } => image,
            Origin::Clone { .. } => "",
        };
        self.machine_acts_of(want, conf, parent, change, image)
    }

    fn machine_acts_of(
        &self,
        want: &GuestSpec,
        conf: &Conf,
        parent: Option<&Conf>,
        change: &Change,
        image: &str,
    ) -> Result<Vec<Act>, HostError> {
        let cicustom = self.cicustom(want.vmid)?;
        let cicustom = &cicustom;
        let common = Common { cell: &self.cell, want, conf, parent };
        Ok(Ground { common, cicustom, image }.acts(change))
    }

    pub(super) fn commands_for_machine(
        &self,
        want: &GuestSpec,
        ahead: &[Foreseen],
    ) -> Vec<Vec<String>> {
        let key = GuestKey::from(want);
        let read = |vmid| self.conf(GuestKey { vmid, ..key }).ok().flatten();
        let mut conf = read(want.vmid).unwrap_or_default();
        let parent = want.parent().and_then(read);
        let mut all = Vec::new();
        for Foreseen { before, change, .. } in ahead {
            let Ok(acts) = self.machine_acts(want, &conf, parent.as_ref(), change) else { break };
            all.push(acts.iter().map(|act| Shown(act, key).to_string()).collect());
            let is_running = before.guest.as_ref().is_some_and(|guest| guest.run != Run::Stopped);
            conf = after(&conf, parent.as_ref(), &acts, self.whose(want.vmid), is_running);
        }
        all
    }

    /// Says before a machine is made what will be missing on the way to its end.
    pub(super) fn check_machine(&self, want: &GuestSpec, origin: &Origin) -> Result<(), HostError> {
        self.check_bridges(want)?;
        self.library.check(want)?;
        self.shelf()?;
        match origin {
            Origin::Template { archive: image } | Origin::CloudImage { image } => {
                self.check_image(image)
            }
            Origin::Clone { .. } => Ok(()),
        }
    }

    /// Returns the way into a machine.
    pub(super) fn machine_room<'r>(&'r self, want: &'r GuestSpec) -> Room<'r> {
        let way = Way::Agent(self.agent(want.vmid));
        Room { want, library: &self.library, proc: self.layout.proc(), way }
    }
}

/// Says whether a machine that runs goes by a change only when it is started anew.
fn waits_for_restart(change: &Change) -> bool {
    let Change::SetProperties { to } = change else { return true };
    to.iter().any(|property| match property {
        Property::Name(_) | Property::Nics(_) | Property::User(_) => true,
        // Proxmox itself notes that these wait.
        Property::Cores(_)
        | Property::Memory(_)
        | Property::Swap(_)
        | Property::Boot(_)
        | Property::Gpus(_)
        | Property::Firewall(_)
        | Property::Options(_)
        | Property::Confinement { .. }
        | Property::RawLines(_)
        | Property::IdMaps(_)
        | Property::Spec(_) => false,
    })
}
