//! What there is of a guest, read from its sheet and from the kernel.

use std::fs;
use std::path::Path;

use phoenix_domain::{Facets, GuestSpec, Owner, Property, Run, SeenGuest, Vmid, Volume};

use super::sheet::Sheet;
use super::{Healthy, Label, Lxc, PROC, config, entries, label_of, unreachable};
use crate::HostError;
use crate::inside::Looking;
use crate::kernel::{self, Init};
use crate::vault::Opened;

impl Lxc {
    pub(super) fn seen_guest(
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
                Looking { proc, want, library, secrets, is_healthy }.enter(init)?
            }
            (Facets::Inside, None) | (Facets::Config, _) => None,
        };
        let is_ours = sheet.cell == self.machine.cell && sheet.aside.is_none();
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
            is_clean: false,
            freezes_volumes: false,
            inside,
        })
    }

    pub(super) fn is_healthy(&self, want: &GuestSpec, init: &Init) -> bool {
        let noted = fs::read_to_string(self.note(want.vmid, "healthy")).unwrap_or_default();
        let now = Healthy { boot: init.boot().to_string(), service: want.service() };
        serde_json::from_str::<Healthy>(&noted).is_ok_and(|noted| noted == now)
    }

    /// Returns the volumes of a guest that are mounted no longer.
    pub(super) fn kept(&self, vmid: Vmid, sheet: Option<&Sheet>) -> Result<Vec<Volume>, HostError> {
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
}
