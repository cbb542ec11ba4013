//! What is asked of the guest in a machine, and of the disk that tells it its name.

use crate::die::{Die, ENOENT, Outcome};
use crate::run::Run;
use crate::say::{self, add};
use crate::schema::options::Given;

/// Refuses when nobody in the machine can answer.
fn ask(run: &Run, vmid: u32) -> Outcome<()> {
    let machine = run.machine(vmid)?;
    if run.machine_pid(vmid).is_none() {
        return Err(Die::new(format!("VM {vmid} is not running")).errno(ENOENT));
    }
    let agent = machine.main.get("agent").unwrap_or_default();
    if !agent.starts_with('1') && !agent.contains("enabled=1") {
        return Err(Die::new("No QEMU guest agent configured"));
    }
    if !run.settings.machines_boot {
        return Err(Die::new("QEMU guest agent is not running"));
    }
    Ok(())
}

pub(super) fn ping(run: &Run, given: &mut Given) -> Outcome<u8> {
    ask(run, given.vmid("vmid"))?;
    Ok(0)
}

pub(super) fn guest(run: &Run, given: &mut Given) -> Outcome<u8> {
    ask(run, given.vmid("vmid"))?;
    say::err("what a guest answers is not part of the test double\n");
    Ok(70)
}

pub(super) fn cloudinit(run: &Run, given: &mut Given) -> Outcome<u8> {
    if given.get("action") != Some("dump") {
        say::err("this command is not part of the test double\n");
        return Ok(70);
    }
    let main = run.machine(given.vmid("vmid"))?.main;
    let name = main.get("name").unwrap_or("VM");
    if given.get("type") != Some("user") {
        say::err("this kind of file is not part of the test double\n");
        return Ok(70);
    }
    let mut text = format!(
        "#cloud-config\nhostname: {}\nmanage_etc_hosts: true\nfqdn: {name}\n",
        name.split('.').next().unwrap_or(name)
    );
    if let Some(user) = main.get("ciuser") {
        add!(text, "user: {user}\n");
    }
    if let Some(password) = main.get("cipassword") {
        add!(text, "password: {password}\nchpasswd:\n  expire: False\n");
    }
    say::out(&format!("{text}users:\n  - default\npackage_upgrade: true\n\n"));
    Ok(0)
}
