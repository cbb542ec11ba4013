//! `pct destroy`: a container and its volumes.

use std::fs;

use serde::{Deserialize, Serialize};

use super::power;
use crate::conf::Conf;
use crate::die::{Die, Outcome};
use crate::guest::{check_lock, check_protection};
use crate::job::Job;
use crate::run::Run;
use crate::running;
use crate::say;
use crate::schema::options::Given;
use crate::storage::Storages;

/// Destroys a container.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Destroy {
    vmid: u32,
    force: bool,
    purge: bool,
    unreferenced: bool,
}

pub(super) fn command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let job = Destroy {
        vmid,
        force: given.is("force"),
        purge: given.is("purge"),
        unreferenced: given.is("destroy-unreferenced-disks"),
    };
    check(vmid, &run.load(vmid)?)?;
    if !job.force && running::is_running(&run.node, vmid) {
        return Err(is_running(vmid));
    }
    Ok(power::exit(run.work("vzdestroy", &vmid.to_string(), Job::Destroy(job))?))
}

fn is_running(vmid: u32) -> Die {
    Die::new(format!("unable to destroy CT {vmid} - container is running"))
}

fn check(vmid: u32, conf: &Conf) -> Outcome<()> {
    check_protection(conf, &format!("can't remove CT {vmid}"))?;
    check_lock(conf)
}

impl Destroy {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        run.alone(self.vmid, || self.destroy(run))
    }

    fn destroy(&self, run: &Run) -> Outcome<()> {
        let vmid = self.vmid;
        let conf = run.load(vmid)?;
        check(vmid, &conf)?;
        if running::is_running(&run.node, vmid) {
            if !self.force {
                return Err(is_running(vmid));
            }
            say::err(&format!("forced to stop CT {vmid} before destroying!\n"));
            power::stop(run, vmid)?;
        }
        let storages = Storages::read(run)?;
        let mut gone: Vec<String> = Vec::new();
        for section in [&conf.main, &conf.pending] {
            let mounted = section.mounts().into_iter().map(|(_, mount)| mount.volume().to_owned());
            let unused = section.unused().into_iter().map(|(_, volume)| volume);
            for volume in mounted.chain(unused) {
                if gone.contains(&volume) {
                    continue;
                }
                run.free_own(&storages, vmid, &volume)?;
                gone.push(volume);
                run.midpoint();
            }
        }
        run.midpoint();
        if self.unreferenced {
            self.free_unreferenced(run, &storages)?;
        }
        let folder = run.node.at(format!("/var/lib/lxc/{vmid}"));
        fs::remove_dir(folder.join("rootfs")).ok();
        fs::remove_file(folder.join("config")).ok();
        // It stays when something is left in it: a mount, or what a start put there.
        fs::remove_dir(&folder).ok();
        let mut zombie = Conf::default();
        zombie.main.set("lock", "destroyed");
        run.write(vmid, &zombie)?;
        fs::remove_file(run.node.at(format!("/etc/pve/firewall/{vmid}.fw"))).ok();
        if self.purge {
            say::out(&format!("purging CT {vmid} from related configurations..\n"));
        }
        run.forget(vmid)
    }

    fn free_unreferenced(&self, run: &Run, storages: &Storages) -> Outcome<()> {
        for storage in storages.all() {
            if storages.enabled(&storage.name).is_err() || !storage.content.contains("rootdir") {
                continue;
            }
            for (volume, _) in run.volumes(storage)? {
                if volume.owner == Some(self.vmid) {
                    run.free_all(storages, &[volume.id()]);
                }
            }
        }
        Ok(())
    }
}
