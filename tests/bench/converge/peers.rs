//! The others, which make the calls of a list: a shell as good as one can be, Terraform, Ansible.
//!
//! None of them looks at a guest when it is asked again: the shell and Ansible believe marks that they have made
//! themselves, Terraform its state.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use phoenix_testkit::pve::PveNode;
use serde_json::{Map, Value, json};

use super::{MANY, Run, fleet, started};
use crate::usage;

/// The Python it runs in itself, and not one that it has to look for.
const ANSIBLE_PYTHON: &str = "ansible_python_interpreter='{{ ansible_playbook_python }}'";

pub(super) enum Peer {
    Shell,
    Terraform(PathBuf),
    Ansible { program: PathBuf, forks: u32 },
}

impl Peer {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Shell => "shell, xargs -P4".to_owned(),
            Self::Terraform(_) => "terraform, 10 at once".to_owned(),
            Self::Ansible { forks, .. } => format!("ansible, {forks} forks"),
        }
    }

    pub(super) fn is_slow(&self) -> bool {
        matches!(self, Self::Ansible { .. })
    }

    /// What takes minutes does so once, and other numbers of forks are there for completeness.
    pub(super) fn takes_part(&self, guests: u32, round: usize) -> bool {
        let Self::Ansible { forks, .. } = self else { return true };
        match (round, *forks) {
            (0, 16) => true,
            (0, _) | (_, 16) => guests < MANY,
            (_, _) => false,
        }
    }
}

/// A node, and what makes its guests.
pub(super) struct Site<'p> {
    peer: &'p Peer,
    node: PveNode,
}

impl<'p> Site<'p> {
    pub(super) fn new(peer: &'p Peer, node: PveNode, guests: u32) -> Self {
        let site = Self { peer, node };
        match peer {
            Peer::Shell => site.write_script(guests),
            Peer::Terraform(program) => {
                site.write("main.tf.json", &site.resources(guests));
                site.start(program, &["init", "-input=false"]);
            }
            Peer::Ansible { .. } => site.write_playbook(guests),
        }
        site
    }

    /// Makes all guests what they should be.
    pub(super) fn run(&self) -> Run {
        let (cpu, before) = (usage::cpu_of_children(), started(&self.node));
        let begun = Instant::now();
        match self.peer {
            Peer::Shell => {
                self.start(Path::new("xargs"), &["-a", "guests", "-P4", "-n1", "sh", "guest.sh"]);
            }
            Peer::Terraform(program) => {
                let words = ["apply", "-input=false", "-auto-approve", "-parallelism=10"];
                self.start(program, &words);
            }
            Peer::Ansible { program, forks } => {
                let forks = forks.to_string();
                self.start(program, &["-i", "hosts", "--forks", &forks, "guests.json"]);
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        let cpu = usage::cpu_of_children() - cpu;
        Run { seconds, cpu, started: started(&self.node) - before }
    }

    fn start(&self, program: &Path, words: &[&str]) {
        #[expect(
            clippy::disallowed_methods,
            reason = "the programs of others are what is measured"
        )]
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(self.node.dir())
            .env("ANSIBLE_PIPELINING", "True")
            .env("ANSIBLE_HOST_KEY_CHECKING", "False")
            .env("CHECKPOINT_DISABLE", "1")
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}: {output:?}", program.display());
    }

    /// Returns a call as a shell has it, which leaves a mark when it went well.
    fn line(&self, number: u32, nth: usize, call: &[String]) -> String {
        let quoted = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
        let words = call.iter().map(quoted).collect::<Vec<_>>().join(" ");
        let (pct, mark) = (self.node.world.program("pct"), self.mark(number, nth));
        format!("{} {words} > /dev/null && : > {mark}", pct.display())
    }

    fn mark(&self, number: u32, nth: usize) -> String {
        self.node.dir().join(format!("marks-{number}-{nth}")).display().to_string()
    }

    /// One script for each guest, which asks nobody anything that a mark can say.
    fn write_script(&self, guests: u32) {
        let (mut list, mut cases) = (String::new(), String::new());
        for number in fleet::numbers(guests) {
            let mut script = String::new();
            for (nth, call) in fleet::calls(number).iter().enumerate() {
                let (line, mark) = (self.line(number, nth, call), self.mark(number, nth));
                // Writing to a string does not fail.
                writeln!(script, "[ -e {mark} ] || {{ {line}; }}").ok();
            }
            let name = format!("guest-{number}.sh");
            fs::write(self.node.dir().join(&name), format!("set -eu\n{script}")).unwrap();
            writeln!(list, "{number}").ok();
        }
        cases.push_str("set -eu\n. ./guest-$1.sh\n");
        fs::write(self.node.dir().join("guests"), list).unwrap();
        fs::write(self.node.dir().join("guest.sh"), cases).unwrap();
    }

    /// A resource for each call, which waits for the one before it of the same guest.
    fn resources(&self, guests: u32) -> Value {
        let mut resources = Map::new();
        for number in fleet::numbers(guests) {
            for (nth, call) in fleet::calls(number).iter().enumerate() {
                let command = json!({ "command": self.line(number, nth, call) });
                let mut resource = json!({ "provisioner": [{ "local-exec": command }] });
                if let Some(before) = nth.checked_sub(1) {
                    let before = format!("terraform_data.g{number}_{before}");
                    resource["depends_on"] = json!([before]);
                }
                resources.insert(format!("g{number}_{nth}"), resource);
            }
        }
        json!({ "resource": { "terraform_data": resources } })
    }

    /// A host for each guest, on this machine, and a task for each of its calls.
    fn write_playbook(&self, guests: u32) {
        let mut hosts = String::new();
        for number in fleet::numbers(guests) {
            writeln!(hosts, "g{number} number={number} ansible_connection=local {ANSIBLE_PYTHON}")
                .ok();
        }
        // All that is of one guest in a call is its number, so that there is one playbook for all of them.
        let some = fleet::numbers(1).next().unwrap_or_default();
        let calls = fleet::calls(some);
        let tasks: Vec<_> = (0..calls.len())
            .map(|nth| {
                json!({
                    "name": format!("call {nth}"),
                    "ansible.builtin.shell": {
                        "cmd": format!("sh {{{{ number }}}}-{nth}.sh"),
                        "creates": self.mark(some, nth).replace(&some.to_string(), "{{ number }}"),
                    },
                })
            })
            .collect();
        for number in fleet::numbers(guests) {
            for (nth, call) in fleet::calls(number).iter().enumerate() {
                let path = self.node.dir().join(format!("{number}-{nth}.sh"));
                fs::write(path, self.line(number, nth, call)).unwrap();
            }
        }
        let play = json!([{ "hosts": "all", "gather_facts": false, "tasks": tasks }]);
        fs::write(self.node.dir().join("hosts"), hosts).unwrap();
        self.write("guests.json", &play);
    }

    fn write(&self, name: &str, value: &Value) {
        fs::write(self.node.dir().join(name), value.to_string()).unwrap();
    }
}
