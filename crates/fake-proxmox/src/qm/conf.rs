//! The configurations of the node's machines.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::drive::Drive;
use crate::conf::Section;
use crate::die::{Die, ENOENT, Outcome};
use crate::node::write_whole;
use crate::run::Run;
use crate::say::{self, add};
use crate::schema::formats;
use crate::{sha1, vmlist};

/// The configuration of a machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    pub(crate) main: Section,
    pub(crate) pending: Section,
    pub(crate) snapshots: BTreeMap<String, Section>,
    pub(crate) digest: String,
}

impl Machine {
    fn parse(vmid: u32, text: &str) -> Self {
        let mut machine = Self { digest: sha1::hex(text.as_bytes()), ..Self::default() };
        let mut place = String::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if let Some(name) =
                line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
            {
                name.clone_into(&mut place);
                machine.section(&place);
                continue;
            }
            let section = machine.section(&place);
            if let Some(comment) = line.strip_prefix('#') {
                let old = section.get("description").unwrap_or_default().to_owned();
                let gap = if old.is_empty() { "" } else { "\n" };
                section.set("description", format!("{old}{gap}{}", formats::decode(comment)));
            } else if let Some((key, value)) = line.split_once(':') {
                section.set(key, value.trim());
            } else {
                say::err(&format!("vm {vmid} - unable to parse config: {line}\n"));
            }
        }
        machine
    }

    fn section(&mut self, place: &str) -> &mut Section {
        match place {
            "" => &mut self.main,
            "PENDING" | "pending" => &mut self.pending,
            name => self.snapshots.entry(name.to_owned()).or_default(),
        }
    }

    fn print(&self) -> String {
        let mut text = print(&self.main);
        if !self.pending.is_empty() {
            add!(text, "\n[PENDING]\n{}", print(&self.pending));
        }
        for (name, section) in &self.snapshots {
            add!(text, "\n[{name}]\n{}", print(section));
        }
        text
    }

    /// Returns the drives, in the order of their kinds and numbers.
    pub(crate) fn drives(section: &Section) -> Vec<(String, Drive)> {
        let parse = |(key, value): (&String, &String)| {
            Drive::is_key(key)
                .then(|| Drive::parse(value).ok().map(|drive| (key.clone(), drive)))?
        };
        section.values.iter().filter_map(parse).collect()
    }
}

fn print(section: &Section) -> String {
    let mut text = String::new();
    for line in section.get("description").unwrap_or_default().lines() {
        add!(text, "#{}\n", formats::encode(line));
    }
    for (key, value) in section.values.iter().filter(|(key, _)| *key != "description") {
        add!(text, "{key}: {value}\n");
    }
    text
}

impl Run {
    fn machine_name(&self, vmid: u32) -> String {
        format!("nodes/{}/qemu-server/{vmid}.conf", self.settings.node)
    }

    pub(crate) fn machine_path(&self, vmid: u32) -> PathBuf {
        self.node.at("/etc/pve").join(self.machine_name(vmid))
    }

    pub(crate) fn machine(&self, vmid: u32) -> Outcome<Machine> {
        match fs::read_to_string(self.machine_path(vmid)) {
            Ok(text) => Ok(Machine::parse(vmid, &text)),
            Err(err) if err.kind() == ErrorKind::NotFound => {
                let name = self.machine_name(vmid);
                Err(Die::new(format!("Configuration file '{name}' does not exist")).errno(ENOENT))
            }
            Err(err) => Err(err.into()),
        }
    }

    pub(crate) fn write_machine(&self, vmid: u32, machine: &Machine) -> Outcome<()> {
        self.check()?;
        let is_new = !self.machine_path(vmid).exists();
        write_whole(&self.machine_path(vmid), machine.print().as_bytes())?;
        vmlist::touched(self, vmid, is_new)
    }

    pub(crate) fn forget_machine(&self, vmid: u32) -> Outcome<()> {
        fs::remove_file(self.machine_path(vmid))
            .map_err(|err| Die::new(format!("failed to remove config file: {err}")))?;
        vmlist::touched(self, vmid, true)
    }

    /// Does something alone with a machine.
    pub(crate) fn alone_with_machine<T>(
        &self,
        vmid: u32,
        code: impl FnOnce() -> Outcome<T>,
    ) -> Outcome<T> {
        let name = format!("/var/lock/qemu-server/lock-{vmid}.conf");
        self.locked(&name, self.settings.lock_wait_ms, code)
    }

    fn life_of_machine(&self, vmid: u32) -> PathBuf {
        self.node.at(format!("/run/qemu-server/{vmid}.pid"))
    }

    /// Returns the process of a machine that runs.
    pub(crate) fn machine_pid(&self, vmid: u32) -> Option<u32> {
        fs::read_to_string(self.life_of_machine(vmid)).ok()?.trim().parse().ok()
    }

    pub(crate) fn set_machine_pid(&self, vmid: u32, pid: Option<u32>) -> Outcome<()> {
        let path = self.life_of_machine(vmid);
        match pid {
            Some(pid) => crate::node::write_deep(&path, &format!("{pid}\n")),
            None => Ok(fs::remove_file(path)?),
        }
    }
}

/// Refuses to touch a machine that somebody locked.
pub(crate) fn check_lock(machine: &Machine) -> Outcome<()> {
    match machine.main.lock() {
        Some(lock) => Err(Die::new(format!("VM is locked ({lock})"))),
        None => Ok(()),
    }
}
