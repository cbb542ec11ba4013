//! What is done inside a guest for what it serves, whatever kind of guest it is.

use phoenix_domain::{BootId, Change};

use super::Proxmox;
use crate::inside::Room;
use crate::{Hand, HostError};

impl Proxmox {
    /// Runs what a change means inside a guest.
    pub(super) async fn run_inside(
        &self,
        room: &Room<'_>,
        change: &Change,
        hand: &Hand,
    ) -> Result<(), HostError> {
        let recipe = self.library.recipe(&self.layout.proc(), room.want, change)?;
        let Some(recipe) = recipe else { return Ok(()) };
        // What is set up anew has to show anew that it works.
        self.notes.forget_healthy(room.want.vmid)?;
        room.run(&recipe, hand).await
    }

    /// Waits until a guest is healthy, and notes in which of its boots it was.
    pub(super) async fn see_healthy(
        &self,
        room: &Room<'_>,
        boot: impl Fn() -> Option<BootId>,
        hand: &Hand,
    ) -> Result<(), HostError> {
        room.await_health(hand).await?;
        match boot() {
            Some(boot) => self.notes.mark_healthy(room.want.vmid, &boot, &room.want.service()),
            None => Ok(()),
        }
    }
}
