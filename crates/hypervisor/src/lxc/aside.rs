//! Sets a guest aside: its folders get another number. Its volumes are in folders of their own, and stay.

use std::fs;
use std::io::ErrorKind;

use phoenix_domain::{Property, Vmid};

use super::sheet::{Moved, Sheet, replace};
use super::{Lxc, config, unreachable};
use crate::{Aside, HostError, aside};

impl Lxc {
    /// Sets a guest aside. From the moment on that its sheet says so, there is none with its old number;
    /// whoever comes next moves what somebody who was killed has not moved yet.
    pub(super) fn set_aside(&self, what: Aside) -> Result<(), HostError> {
        let vmid = what.of;
        let mut sheet = self.sheet(vmid)?;
        if self.init(vmid).is_some() {
            return Err(HostError::Failed {
                what: format!("setting {vmid} aside"),
                why: "it runs".to_owned(),
                output: String::new(),
            });
        }
        let is_free = |there: &Vmid| {
            !self.folder(*there).exists() && !self.of_guest(*there, &sheet.root_disk).exists()
        };
        let under = vmid.beside().find(is_free).ok_or_else(|| aside::nowhere(vmid))?;
        for property in &mut sheet.properties {
            if let Property::Boot(boot) = property {
                boot.at_boot = false;
            }
        }
        sheet.volumes.clear();
        sheet.aside = Some(Moved { under, what });
        sheet.write(&self.folder(vmid))?;
        self.renumber(vmid)
    }

    /// Moves the folders of a guest that says that it was set aside, if it has its old number still.
    pub(super) fn renumber(&self, vmid: Vmid) -> Result<(), HostError> {
        let Some(sheet) = Sheet::read(&self.folder(vmid))? else { return Ok(()) };
        let Some(Moved { under, .. }) = sheet.aside.as_ref().filter(|one| one.what.of == vmid)
        else {
            return Ok(());
        };
        let (from, to) =
            (self.of_guest(vmid, &sheet.root_disk), self.of_guest(*under, &sheet.root_disk));
        match fs::rename(from, to) {
            Err(err) if err.kind() != ErrorKind::NotFound => return Err(unreachable(err)),
            Ok(()) | Err(_) => {}
        }
        let config = self.config(*under, &sheet, config::render);
        replace(&self.folder(vmid).join("config"), &config).map_err(unreachable)?;
        self.forget_notes(vmid);
        fs::rename(self.folder(vmid), self.folder(*under)).map_err(unreachable)
    }

    /// Returns what a guest remembers of having been set aside, once it has its new number.
    pub(super) fn aside(&self, there: Vmid) -> Result<Option<Aside>, HostError> {
        let sheet = Sheet::read(&self.folder(there))?;
        let moved = sheet.and_then(|sheet| sheet.aside).filter(|moved| moved.under == there);
        Ok(moved.map(|moved| moved.what))
    }
}
