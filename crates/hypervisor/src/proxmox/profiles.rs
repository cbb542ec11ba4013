//! AppArmor profiles that guests are confined by.

use std::fs;
use std::path::PathBuf;

use phoenix_domain::ProfileName;

use super::look::unreachable;
use super::{Proxmox, tool};
use crate::{Hand, HostError};

impl Proxmox {
    /// Sees that an AppArmor profile is loaded before a guest is started with it.
    pub(super) async fn load_profile(
        &self,
        name: &ProfileName,
        hand: &Hand,
    ) -> Result<(), HostError> {
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

    /// Says whether a profile is loaded, and the one that our library has.
    pub(super) fn is_up_to_date(&self, name: &ProfileName) -> bool {
        let is_ours = self.library.profile(name).is_none_or(|ours| {
            let (ours, installed) = (fs::read(ours), fs::read(self.installed(name)));
            matches!((ours, installed), (Ok(ours), Ok(installed)) if ours == installed)
        });
        is_ours && self.is_loaded(name)
    }

    fn installed(&self, name: &ProfileName) -> PathBuf {
        self.layout.host("/etc/apparmor.d").join(name.as_str())
    }

    fn is_loaded(&self, name: &ProfileName) -> bool {
        let path = self.layout.host("/sys/kernel/security/apparmor/profiles");
        let loaded = fs::read_to_string(path).unwrap_or_default();
        loaded.lines().any(|line| line.split(" (").next() == Some(name.as_str()))
    }
}
