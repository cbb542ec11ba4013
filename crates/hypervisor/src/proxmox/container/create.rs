//! Makes a container.

use phoenix_domain::{Change, GuestKey, GuestSpec, Origin};

use crate::proxmox::Proxmox;
use crate::proxmox::conf::Conf;
use crate::proxmox::notes::Task;
use crate::{Hand, HostError};

impl Proxmox {
    pub(super) async fn create_container(
        &self,
        want: &GuestSpec,
        origin: &Origin,
        change: &Change,
        hand: &Hand,
    ) -> Result<(), HostError> {
        self.check_container(want, origin)?;
        self.renumber(want.vmid).await?;
        self.clear_for(want, hand).await?;
        let storages = [want.root_disk.storage.clone()];
        match origin {
            Origin::Template { archive } | Origin::CloudImage { image: archive } => {
                self.bring_archive(archive, hand).await?;
                self.notes.begin(Task::Making, want.vmid, &storages)?;
                let empty = Conf::default();
                let acts = self.ground(want, &empty, None, &[])?.acts(change);
                self.do_all(want, &empty, &acts, hand).await?;
            }
            Origin::Clone { parent } => {
                // Proxmox locks a guest for as long as it is cloned, and refuses whoever comes
                // second. So they come one after the other.
                let turn = self.turn(*parent, hand).await?;
                let hand = hand.and(&turn.lock);
                let of = GuestKey { vmid: *parent, ..want.into() };
                let conf = self.to_clone(of)?;
                self.free_parent(of, &conf, &hand).await?;
                self.notes.begin(Task::Making, want.vmid, &storages)?;
                self.notes.begin(Task::Cloning, *parent, &[])?;
                let empty = Conf::default();
                let acts = self.ground(want, &empty, Some(&conf), &[])?.acts(change);
                self.do_all(want, &empty, &acts, &hand).await?;
                self.notes.end(Task::Cloning, *parent)?;
            }
        }
        self.notes.end(Task::Making, want.vmid)
    }

    /// Says before a guest is made what will be missing on the way to its end.
    pub(in crate::proxmox) fn check_container(
        &self,
        want: &GuestSpec,
        origin: &Origin,
    ) -> Result<(), HostError> {
        self.check_bridges(want)?;
        self.check_id_maps(want)?;
        self.library.check(want)?;
        match origin {
            Origin::Template { archive } | Origin::CloudImage { image: archive } => {
                self.find_archive(archive).map(drop)
            }
            Origin::Clone { .. } => Ok(()),
        }
    }
}
