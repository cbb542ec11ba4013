//! `start`, `stop`, `shutdown`.

use super::conf::{Machine, check_lock};
use super::job::MachineJob;
use super::life;
use crate::conf::keys::numbered;
use crate::die::{Die, Outcome};
use crate::job::Job;
use crate::pct::power::bridge_mtu;
use crate::run::Run;
use crate::say;
use crate::schema::options::Given;

/// Returns the exit code of a command that tells whether its worker failed.
pub(super) fn exit(failed: bool) -> u8 {
    if failed { 255 } else { 0 }
}

pub(super) fn start_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    if run.machine_pid(vmid).is_some() {
        return Err(Die::new(format!("VM {vmid} already running")));
    }
    let job = MachineJob::Start { vmid, skip_lock: given.is("skiplock") };
    Ok(exit(run.work("qmstart", &vmid.to_string(), Job::Machine(job))?))
}

pub(super) fn start(run: &Run, vmid: u32, skip_lock: bool) -> Outcome<()> {
    run.alone_with_machine(vmid, || {
        let mut machine = run.machine(vmid)?;
        if machine.main.is_template() {
            return Err(Die::new("you can't start a vm if it's a template"));
        }
        if !skip_lock {
            check_lock(&machine)?;
        }
        if !machine.pending.is_empty() {
            apply(&mut machine);
            run.write_machine(vmid, &machine)?;
        }
        if Machine::drives(&machine.main).iter().any(|(_, drive)| drive.is_cloudinit()) {
            say::out("generating cloud-init ISO\n");
        }
        let is_net = |key: &String| numbered(key, "net").is_some();
        for (_, value) in machine.main.values.iter().filter(|(key, _)| is_net(key)) {
            // The real one says so from the script of the interface.
            let bridge = value.split(',').find_map(|part| part.strip_prefix("bridge="));
            bridge.map_or(Ok(0), |bridge| bridge_mtu(run, bridge))?;
        }
        run.midpoint();
        life::begin(run, vmid)
    })
}

/// Applies what waited for the next start.
pub(super) fn apply(machine: &mut Machine) {
    let pending = std::mem::take(&mut machine.pending);
    for key in crate::schema::formats::split_list(pending.get("delete").unwrap_or_default()) {
        machine.main.values.remove(key);
    }
    for (key, value) in pending.values.iter().filter(|(key, _)| *key != "delete") {
        machine.main.set(key, value.clone());
    }
}

pub(super) fn stop_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let job = MachineJob::Stop { vmid, skip_lock: given.is("skiplock") };
    Ok(exit(run.work("qmstop", &vmid.to_string(), Job::Machine(job))?))
}

pub(super) fn stop(run: &Run, vmid: u32, skip_lock: bool) -> Outcome<()> {
    if !run.machine_path(vmid).exists() {
        let node = &run.settings.node;
        let words = format!("unable to find configuration file for VM {vmid} on node '{node}'");
        return Err(Die::new(words));
    }
    run.alone_with_machine(vmid, || {
        if run.machine_pid(vmid).is_none() {
            return Ok(());
        }
        if !skip_lock {
            check_lock(&run.machine(vmid)?)?;
        }
        run.midpoint();
        life::end(run, vmid)
    })
}

pub(super) fn shutdown_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    run.machine(vmid)?;
    if run.machine_pid(vmid).is_none() {
        // It is said, and is no failure.
        say::err(&format!("VM {vmid} not running\n\n"));
        return Ok(0);
    }
    let job = MachineJob::Shutdown { vmid, force: given.is("forceStop") };
    Ok(exit(run.work("qmshutdown", &vmid.to_string(), Job::Machine(job))?))
}

pub(super) fn shutdown(run: &Run, vmid: u32, force: bool) -> Outcome<()> {
    if run.settings.machines_boot || force {
        return stop(run, vmid, false);
    }
    let has_agent = run.machine(vmid)?.main.get("agent").is_some_and(|agent| agent.contains('1'));
    if has_agent {
        say::err(&format!(
            "QEMU Guest Agent is not running - VM {vmid} qga command 'guest-ping' failed - got \
             timeout\n"
        ));
    }
    Err(Die::new("VM quit/powerdown failed - got timeout"))
}
