//! The seed of a machine as Proxmox is told it: three files in a storage that holds snippets.
//!
//! Proxmox makes a drive of them whenever the machine is started. They say who may log in, so they
//! are nobody else's to read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use phoenix_domain::{GuestSpec, Nic, SecretRef, User, Vmid, Volume, VolumeSource};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::nets;
use crate::HostError;
use crate::proxmox::Proxmox;
use crate::proxmox::conf::Section;
use crate::proxmox::inventory::Folder;
use crate::proxmox::look::unreachable;
use crate::seed::Seed;
use crate::vault::{Opened, PASSWORD};

/// The parts of a seed, as `cicustom` calls them.
const PARTS: [&str; 3] = ["user", "network", "meta"];

/// What a machine is told, as far as we told it.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) user: Value,
    pub(super) network: Value,
}

impl Proxmox {
    /// Returns the storage that seeds are kept in, or says what is missing for there to be one.
    pub(super) fn shelf(&self) -> Result<Folder, HostError> {
        let mut folders = self.folders().into_iter();
        let is_one = |folder: &Folder| folder.content.iter().any(|content| content == "snippets");
        folders.find(is_one).ok_or_else(|| HostError::Impossible {
            what: "telling a machine its name and its network".to_owned(),
            why: "no storage of this node holds snippets; allow it on one that is a folder, as in \
                  `pvesm set local --content iso,vztmpl,backup,snippets`"
                .to_owned(),
        })
    }

    /// Returns what `cicustom` has to be.
    pub(super) fn cicustom(&self, vmid: Vmid) -> Result<String, HostError> {
        let storage = self.shelf()?.name;
        let parts = PARTS.map(|part| format!("{part}={storage}:snippets/{}", name(vmid, part)));
        Ok(parts.join(","))
    }

    /// Reads what a machine is told; nothing where that is not of ours.
    pub(super) fn told(&self, vmid: Vmid, section: &Section) -> Option<Told> {
        let ours = self.cicustom(vmid).ok()?;
        if section.get("cicustom") != Some(ours.as_str()) {
            return None;
        }
        let read = |part| {
            let text = fs::read_to_string(self.seed_file(vmid, part).ok()?).ok()?;
            let json = text.strip_prefix("#cloud-config\n").unwrap_or(&text);
            serde_json::from_str(json).ok()
        };
        Some(Told { user: read("user")?, network: read("network")? })
    }

    /// Writes what a machine is told.
    pub(in crate::proxmox) async fn put_seed(
        &self,
        want: &GuestSpec,
        have: &Section,
    ) -> Result<(), HostError> {
        let secrets = self.library.open(&password(want)).await?;
        let hash = secrets.value(PASSWORD);
        let seed = self.seed(want, have, hash)?;
        for (part, text) in [("user", &seed.user), ("network", &seed.network), ("meta", &seed.meta)]
        {
            let path = self.seed_file(want.vmid, part)?;
            replace(&path, text).map_err(|err| HostError::Failed {
                what: format!("writing {}", path.display()),
                why: err.to_string(),
                output: String::new(),
            })?;
        }
        Ok(())
    }

    /// Says before a machine is made that it could not be told who it is.
    pub(in crate::proxmox) async fn check_seed(&self, want: &GuestSpec) -> Result<(), HostError> {
        let secrets = self.library.open(&password(want)).await?;
        self.seed(want, &Section::default(), secrets.value(PASSWORD)).map(drop)
    }

    fn seed(
        &self,
        want: &GuestSpec,
        have: &Section,
        hash: Option<&SecretString>,
    ) -> Result<Seed, HostError> {
        let nics: Vec<Nic> = nets::addressed(want, &self.cell, have);
        let want = GuestSpec { nics, ..want.clone() };
        Seed::of(&want, hash, None).map_err(|err| HostError::Impossible {
            what: format!("telling {} its name and its network", want.vmid),
            why: err.to_string(),
        })
    }

    /// Takes away what a machine was told, once it is gone.
    pub(in crate::proxmox) fn forget_seed(&self, vmid: Vmid) -> Result<(), HostError> {
        for part in PARTS {
            match self.seed_file(vmid, part).map(fs::remove_file) {
                Ok(Err(err)) if err.kind() != io::ErrorKind::NotFound => {
                    return Err(unreachable(err));
                }
                // Where there is no storage for them there are none.
                Ok(Ok(()) | Err(_)) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn seed_file(&self, vmid: Vmid, part: &str) -> Result<PathBuf, HostError> {
        let folder = self.layout.host(&self.shelf()?.path).join("snippets");
        Ok(folder.join(name(vmid, part)))
    }
}

impl Told {
    /// Returns the user in the words of what is wanted. Whose hash is another one than the wanted
    /// is another user; one that is not known now is taken to be what it was.
    pub(super) fn user(&self, want: &GuestSpec, known: &Opened) -> Option<User> {
        let users = self.user.get("users")?.as_array()?;
        let told = users.iter().find(|user| user.is_object())?;
        let text = |key: &str| told.get(key).and_then(Value::as_str);
        let wanted = want.machine().and_then(|machine| machine.user.as_ref());
        let is_wanted = |hash: &str| {
            known.value(PASSWORD).is_none_or(|known| known.expose_secret().trim() == hash)
        };
        let password_hash = text("passwd").filter(|hash| is_wanted(hash));
        let key = told.get("ssh_authorized_keys").and_then(|keys| keys.get(0)?.as_str());
        Some(User {
            name: text("name")?.into(),
            password_hash: password_hash
                .and_then(|_| wanted.and_then(|wanted| wanted.password_hash.clone())),
            ssh_key: key.map(Into::into),
        })
    }

    /// Says whether it is told this name.
    pub(super) fn is_named(&self, want: &GuestSpec) -> bool {
        self.user.get("hostname").and_then(Value::as_str) == Some(want.name.as_str())
    }

    /// Returns the directories of NFS servers that it mounts.
    pub(super) fn volumes(&self) -> Vec<Volume> {
        let mounts = self.user.get("mounts").and_then(Value::as_array);
        let read = |mount: &Value| {
            let (server, path) = mount.get(0)?.as_str()?.split_once(':')?;
            let source = VolumeSource::Nfs { server: server.into(), path: path.parse().ok()? };
            Some(Volume { source, place: mount.get(1)?.as_str()?.parse().ok()? })
        };
        mounts.into_iter().flatten().filter_map(read).collect()
    }
}

/// Returns the secret that a machine's seed holds, if it holds one.
pub(in crate::proxmox) fn password(want: &GuestSpec) -> BTreeMap<Box<str>, SecretRef> {
    let user = want.machine().and_then(|machine| machine.user.as_ref());
    let hash = user.and_then(|user| user.password_hash.as_ref());
    let hash = hash.and_then(|name| name.as_str().parse().ok());
    hash.map(|hash| (PASSWORD.into(), hash)).into_iter().collect()
}

fn name(vmid: Vmid, part: &str) -> String {
    format!("phoenix-{vmid}-{part}.yaml")
}

/// Replaces a file that nobody else may read: who reads it sees the old one or the new one.
fn replace(path: &PathBuf, text: &str) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let beside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    let mut file = options.create(true).write(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    fs::rename(&beside, path)
}
