//! `pct template`: a container that others are cloned from.

use super::power;
use crate::conf::Conf;
use crate::die::{Die, Outcome};
use crate::guest::check_lock;
use crate::job::Job;
use crate::run::Run;
use crate::running;
use crate::schema::options::Given;
use crate::storage::features::{self, Feature};
use crate::storage::{Storages, Volume};

pub(super) fn command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    run.alone(vmid, || {
        let conf = run.load(vmid)?;
        check(run, vmid, &conf)?;
        // How the worker ended is not asked.
        run.work("vztemplate", &vmid.to_string(), Job::Template { vmid }).map(drop)
    })?;
    Ok(0)
}

fn check(run: &Run, vmid: u32, conf: &Conf) -> Outcome<()> {
    check_lock(conf)?;
    if !conf.snapshots.is_empty() {
        return Err(Die::new("unable to create template, because CT contains snapshots"));
    }
    if conf.main.is_template() {
        return Err(Die::new("you can't convert a template to a template"));
    }
    if running::is_running(&run.node, vmid) {
        return Err(Die::new("you can't convert a CT to template if the CT is running"));
    }
    Ok(())
}

/// Renames the volumes; the program that started this worker holds the lock.
pub(crate) fn run(run: &Run, vmid: u32) -> Outcome<()> {
    let mut conf = run.load(vmid)?;
    let storages = Storages::read(run)?;
    let mounts = conf.main.mounts();
    for (_, mount) in &mounts {
        let id = mount.volume();
        let is_able = mount.is_volume()
            && features::has(&Volume::parse(&storages, id)?, Feature::Template, false);
        if !is_able {
            return Err(Die::new(format!("Template feature is not available for '{id}'")));
        }
    }
    for (key, mut mount) in mounts {
        let base = run.make_base(&storages, mount.volume())?;
        mount.set_volume(&base);
        conf.main.set(&key, mount.print());
        run.midpoint();
    }
    run.write(vmid, &conf)?;
    conf.main.set("template", "1");
    run.write(vmid, &conf)?;
    power::write_lxc_config(run, vmid, &conf)
}
