//! What is to go wrong, and when.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::die::Outcome;
use crate::node::Node;
use crate::world::Broken;

/// Something that is to go wrong.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fault {
    /// Only for this program, as `pct`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Only for this subcommand, as `create`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subcommand: Option<String>,
    /// Only for this guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmid: Option<u32>,
    /// How many commands it strikes.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens.
    #[serde(flatten)]
    pub what: What,
}

fn once() -> u32 {
    1
}

/// What happens to a command.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum What {
    /// It says this and does nothing.
    Fail {
        /// The exit code.
        exit: u8,
        /// What it prints.
        #[serde(default)]
        stdout: String,
        /// What it complains.
        #[serde(default)]
        stderr: String,
    },
    /// It succeeds and does nothing.
    Lie,
    /// It does nothing and never ends.
    Hang,
    /// It takes this long before it begins.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// It does half of it; then it and its worker are gone, as after SIGKILL.
    Half,
    /// Who started it is killed; it goes on as the real one would.
    KillStarter {
        /// When.
        when: When,
    },
    /// It and its worker are killed.
    KillSelf {
        /// When.
        when: When,
    },
    /// Who started it is killed, and it and its worker with it: the power goes.
    KillAll {
        /// When.
        when: When,
    },
    /// It does all of it, says nothing and exits with 255.
    LoseAnswer,
    /// Somebody else locks the guest for a while, just before.
    ForeignLock {
        /// What the lock says, as `backup`.
        lock: String,
        /// Milliseconds.
        ms: u64,
    },
}

/// At which moment of a command.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Nothing is done yet.
    Before,
    /// Something is done, something is not.
    During,
    /// All is done, nothing is said.
    After,
}

impl Fault {
    /// Makes a fault that strikes any one command.
    pub fn new(what: What) -> Self {
        Self { program: None, subcommand: None, vmid: None, times: 1, what }
    }

    /// Makes it strike only this program and subcommand, as `pct create`.
    #[must_use]
    pub fn of(mut self, program: &str, subcommand: &str) -> Self {
        self.program = Some(program.to_owned());
        self.subcommand = Some(subcommand.to_owned());
        self
    }

    /// Makes it strike only this guest.
    #[must_use]
    pub fn vmid(mut self, vmid: u32) -> Self {
        self.vmid = Some(vmid);
        self
    }

    /// Makes it strike so many commands.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    fn is_for(&self, program: &str, subcommand: &str, vmid: Option<u32>) -> bool {
        self.times > 0
            && self.program.as_deref().is_none_or(|wanted| wanted == program)
            && self.subcommand.as_deref().is_none_or(|wanted| wanted == subcommand)
            && self.vmid.is_none_or(|wanted| Some(wanted) == vmid)
    }
}

const FILE: &str = "faults.json";

/// Puts a fault behind those that are there.
pub fn add_fault(root: &Path, fault: Fault) -> Result<(), Broken> {
    let node = Node::new(root);
    let add = || -> Outcome<()> {
        let _alone = node.alone()?;
        let mut faults: Vec<Fault> = node.read_json(FILE)?.unwrap_or_default();
        faults.push(fault);
        node.write_json(FILE, &faults)
    };
    add().map_err(Broken::from)
}

/// Takes the first fault that is meant for a command, once.
pub(crate) fn take(
    node: &Node,
    program: &str,
    subcommand: &str,
    vmid: Option<u32>,
) -> Outcome<Option<What>> {
    if !node.own(FILE).exists() {
        return Ok(None);
    }
    let _alone = node.alone()?;
    let mut faults: Vec<Fault> = node.read_json(FILE)?.unwrap_or_default();
    let Some(fault) = faults.iter_mut().find(|fault| fault.is_for(program, subcommand, vmid))
    else {
        return Ok(None);
    };
    fault.times -= 1;
    let what = fault.what.clone();
    faults.retain(|fault| fault.times > 0);
    node.write_json(FILE, &faults)?;
    Ok(Some(what))
}
