//! The same commands without Phoenix: a shell script, and an Ansible playbook.
//!
//! Both do one call after the other, as such scripts do. Ansible's own modules for Proxmox speak
//! to its REST API, which the double does not have, so its tasks are commands.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use phoenix_domain::GuestSpec;
use phoenix_fake_proxmox::World;

use crate::commands::{Commands, Started};

/// Who does what Phoenix does.
pub(crate) enum Peer {
    /// A bash script.
    Shell,
    /// This `ansible-playbook`.
    Ansible(PathBuf),
}

/// Calls of `pct`, by their arguments.
pub(crate) type Calls = Vec<Vec<String>>;

/// Returns what a script has to call to do what Phoenix did, guest by guest.
pub(crate) fn calls(commands: &Commands, fleet: &[GuestSpec]) -> Calls {
    fleet.iter().flat_map(|want| commands.about(want.vmid).0).map(call).collect()
}

/// What Phoenix brings into a guest by `lxc-attach`, a script does with `pct exec`. It has its
/// scripts in one line each and needs no `pct push`.
fn call(started: Started) -> Vec<String> {
    match (started.program.as_str(), started.guest) {
        ("pct", _) => started.words,
        ("lxc-attach", Some(guest)) => {
            let line = "mkdir -p /opt && echo done >> /opt/installed";
            ["exec", &guest.to_string(), "--", "sh", "-c", line].map(str::to_owned).into()
        }
        (program, _) => panic!("no script does what `{program}` does here"),
    }
}

/// Returns what a script has to ask to know whether these guests are as wanted.
pub(crate) fn questions(fleet: &[GuestSpec]) -> Calls {
    let ask = |verb: &str, want: &GuestSpec| vec![verb.to_owned(), want.vmid.to_string()];
    fleet.iter().flat_map(|want| [ask("status", want), ask("config", want)]).collect()
}

impl Peer {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Ansible(_) => "ansible",
        }
    }

    /// Makes these calls on a node and says how long that took.
    pub(crate) fn make(&self, calls: &Calls, world: &World, dir: &Path) -> Duration {
        let pct = world.program("pct").display().to_string();
        let (program, file, text) = match self {
            Self::Shell => (Path::new("bash"), dir.join("calls.sh"), script(&pct, calls)),
            Self::Ansible(program) => {
                (program.as_path(), dir.join("calls.json"), playbook(&pct, calls))
            }
        };
        fs::write(&file, text).unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "the programs of others are what is measured"
        )]
        let mut command = Command::new(program);
        command
            .arg(&file)
            .current_dir(dir)
            .env("ANSIBLE_LOCALHOST_WARNING", "False")
            .env("ANSIBLE_INVENTORY_UNPARSED_WARNING", "False")
            .stdin(Stdio::null());
        let begun = Instant::now();
        let output = command.output().unwrap();
        let took = begun.elapsed();
        assert!(output.status.success(), "{}: {output:?}", file.display());
        took
    }
}

fn script(pct: &str, calls: &Calls) -> String {
    let quoted = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
    let line = |call: &Vec<String>| {
        let words = call.iter().map(quoted).collect::<Vec<_>>().join(" ");
        format!("{pct} {words}\n")
    };
    format!("set -eu\n{}", calls.iter().map(line).collect::<String>())
}

/// JSON is YAML.
fn playbook(pct: &str, calls: &Calls) -> String {
    let task = |call: &Vec<String>| {
        let words = std::iter::once(pct).chain(call.iter().map(String::as_str));
        serde_json::json!({
            "name": format!("pct {}", call.iter().take(2).cloned().collect::<Vec<_>>().join(" ")),
            "ansible.builtin.command": { "argv": words.collect::<Vec<_>>() },
        })
    };
    let tasks: Vec<_> = calls.iter().map(task).collect();
    let play = serde_json::json!([{
        "name": "The same calls",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": false,
        "tasks": tasks,
    }]);
    play.to_string()
}
