//! The configurations of the node's containers: where they are, who may write them.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::conf::Conf;
use crate::conf::keys;
use crate::die::{Die, ENOENT, Outcome};
use crate::node::write_whole;
use crate::run::Run;
use crate::{say, vmlist};

impl Run {
    /// Returns the file of a container, as messages name it.
    pub(crate) fn conf_name(&self, vmid: u32) -> String {
        format!("nodes/{}/lxc/{vmid}.conf", self.settings.node)
    }

    pub(crate) fn conf_path(&self, vmid: u32) -> PathBuf {
        self.node.at("/etc/pve").join(self.conf_name(vmid))
    }

    /// Reads a configuration; what cannot be read in it is said once a change.
    pub(crate) fn load(&self, vmid: u32) -> Outcome<Conf> {
        let text = fs::read_to_string(self.conf_path(vmid)).map_err(|err| {
            if err.kind() == ErrorKind::NotFound {
                let name = self.conf_name(vmid);
                Die::new(format!("Configuration file '{name}' does not exist")).errno(ENOENT)
            } else {
                err.into()
            }
        })?;
        let (conf, warnings) = Conf::parse(vmid, &text);
        let seen = self.read.borrow_mut().insert(vmid, conf.digest.clone());
        if seen.as_ref() != Some(&conf.digest) {
            for warning in warnings {
                say::err(&warning);
            }
        }
        Ok(conf)
    }

    pub(crate) fn write(&self, vmid: u32, conf: &Conf) -> Outcome<()> {
        self.check()?;
        let is_new = !self.conf_path(vmid).exists();
        write_whole(&self.conf_path(vmid), conf.print().as_bytes())?;
        vmlist::touched(self, vmid, is_new)
    }

    /// Removes a configuration.
    pub(crate) fn forget(&self, vmid: u32) -> Outcome<()> {
        fs::remove_file(self.conf_path(vmid))
            .map_err(|err| Die::new(format!("failed to remove config file: {err}")))?;
        vmlist::touched(self, vmid, true)
    }

    /// Does something alone with a container.
    pub(crate) fn alone<T>(&self, vmid: u32, code: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        self.locked(&lock_name(vmid), self.settings.lock_wait_ms, code)
    }

    /// Makes a configuration that holds nothing but the lock.
    pub(crate) fn create_and_lock(&self, vmid: u32) -> Outcome<()> {
        self.locked(&lock_name(vmid), self.settings.lock_wait_ms / 2, || {
            vmlist::check_unused(self, vmid)?;
            let mut conf = Conf::default();
            conf.main.set("lock", "create");
            self.write(vmid, &conf)
        })
    }

    /// Sets the lock of a container that has none.
    pub(crate) fn set_lock(&self, vmid: u32, lock: &str) -> Outcome<Conf> {
        self.alone(vmid, || {
            let mut conf = self.load(vmid)?;
            check_lock(&conf)?;
            conf.main.set("lock", lock);
            self.write(vmid, &conf)?;
            Ok(conf)
        })
    }

    /// Takes the lock away; `None` is any.
    pub(crate) fn remove_lock(&self, vmid: u32, lock: Option<&str>) -> Outcome<()> {
        self.alone(vmid, || {
            let mut conf = self.load(vmid)?;
            match (conf.main.lock(), lock) {
                (None, _) => {
                    let which = lock.map_or_else(|| "any".into(), |lock| format!("'{lock}' "));
                    return Err(Die::new(format!("no lock found trying to remove {which} lock")));
                }
                (Some(found), Some(lock)) if found != lock => {
                    let words = format!("found lock '{found}' trying to remove '{lock}' lock");
                    return Err(Die::new(words));
                }
                (Some(_), _) => {}
            }
            conf.main.values.remove("lock");
            self.write(vmid, &conf)
        })
    }

    /// Returns the numbers of this node's containers.
    pub(crate) fn containers(&self) -> Outcome<Vec<u32>> {
        let guests = vmlist::guests(&self.node)?;
        let own = |(_, guest): &(&u32, &vmlist::Guest)| {
            guest.node == self.settings.node && guest.kind == "lxc"
        };
        Ok(guests.iter().filter(own).map(|(vmid, _)| *vmid).collect())
    }

    /// Returns whether the interfaces of a container are numbered as its configuration says.
    pub(crate) fn nets(conf: &Conf) -> BTreeMap<String, crate::schema::Values> {
        let is_net = |key: &&String| keys::numbered(key, "net").is_some();
        let parsed = conf.main.values.iter().filter(|(key, _)| is_net(key));
        parsed
            .filter_map(|(key, value)| {
                let net = crate::schema::parts::parse(&keys::NET, value, "").ok()?;
                Some((key.clone(), net))
            })
            .collect()
    }
}

fn lock_name(vmid: u32) -> String {
    format!("/run/lock/lxc/pve-config-{vmid}.lock")
}

/// Refuses to touch a container that somebody locked.
pub(crate) fn check_lock(conf: &Conf) -> Outcome<()> {
    match conf.main.lock() {
        Some(lock) => Err(Die::new(format!("CT is locked ({lock})"))),
        None => Ok(()),
    }
}

/// Refuses to take away what is protected.
pub(crate) fn check_protection(conf: &Conf, words: &str) -> Outcome<()> {
    if conf.main.get("protection") == Some("1") {
        return Err(Die::new(format!("{words} - protection mode enabled")));
    }
    Ok(())
}
