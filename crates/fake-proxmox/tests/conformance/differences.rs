//! What is tolerated, and what cannot be replayed, each with its reason.

use serde_json::Value;

use crate::lab::Answer;

/// An answer that differs, in lines that have one of these words, or in these keys of JSON.
pub(crate) struct Difference {
    pub(crate) case: &'static str,
    pub(crate) words: &'static [&'static str],
    pub(crate) why: &'static str,
}

impl Difference {
    /// Leaves out the lines that may differ.
    pub(crate) fn mask(&self, answer: Answer) -> Answer {
        let text = |text: String| {
            if let Ok(mut value) = serde_json::from_str(&text) {
                self.prune(&mut value);
                return value.to_string();
            }
            let kept =
                text.lines().filter(|line| !self.words.iter().any(|word| line.contains(word)));
            kept.collect::<Vec<_>>().join("\n")
        };
        let exit = if self.words.contains(&EXIT) { 0 } else { answer.exit };
        Answer { stdout: text(answer.stdout), stderr: text(answer.stderr), exit }
    }

    /// Takes keys out of JSON; the order of a list is chance, too.
    fn prune(&self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|key, _| !self.words.contains(&key.as_str()));
                map.values_mut().for_each(|value| self.prune(value));
            }
            Value::Array(list) => {
                for value in list.iter_mut() {
                    self.prune(value);
                }
                list.sort_by_key(Value::to_string);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Among the words: the exit code may differ as well.
const EXIT: &str = "(exit)";
const COUNTED: &[&str] = &["disk", "maxdisk", "mem", "netin", "netout", "pid", "uptime"];
const SMALL: &str = "the guest is a small one that has no processes";
const CGROUP: &str = "that kernel did not measure pressure, and Perl complained";
const UDEV: &str = "that node had no udevadm, and complained";

pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        case: "status-verbose",
        words: &["disk: ", "mem: ", "netin: ", "netout: ", "pid: ", "uptime: "],
        why: SMALL,
    },
    Difference { case: "pvesh-get-nodes-localhost-lxc", words: COUNTED, why: SMALL },
    Difference {
        case: "pvesh-get-nodes-localhost-lxc-130-status-current",
        words: COUNTED,
        why: SMALL,
    },
    Difference { case: "pct-df", words: &["Volume", "rootfs"], why: SMALL },
    Difference { case: "pct-fsck", words: &[": clean, "], why: SMALL },
    Difference {
        case: "push-result-ls",
        words: &["/root/f1", "s.sh"],
        why: "ls of busybox has other columns; tests/behaviour/guests.rs looks at owner and mode",
    },
    Difference { case: "push-mode-and-keepenv", words: &["s.sh"], why: "as push-result-ls" },
    Difference {
        case: "create-privileged",
        words: &["drwxr-xr-x"],
        why: "Debian has more folders",
    },
    Difference {
        case: "resize-ok",
        words: &["resize2fs", "Filesystem", "filesystem", "desc_blocks"],
        why: "that node was not allowed to grow a file system that is mounted",
    },
    Difference {
        case: "resize-plus",
        words: &["resize2fs", "Filesystem", "filesystem", "desc_blocks"],
        why: "as resize-ok",
    },
    Difference { case: "raw-lxc-start", words: &["udevadm"], why: UDEV },
    Difference { case: "hookscript-not-exec", words: &["udevadm"], why: UDEV },
    Difference { case: "clone-no-full-flag", words: &["udevadm"], why: UDEV },
    Difference {
        case: "start-missing-bind-where-is-cause",
        words: &["pve-container@130"],
        why: "the double writes no journal",
    },
    Difference {
        case: "pvesh-get-cluster-resources",
        words: &["content"],
        why: "a list whose order is that of Perl's hashes, which is chance",
    },
    Difference {
        case: "qm-start",
        words: &["bootsplash"],
        why: "that node lacked the picture, and complained",
    },
    Difference { case: "qm-status-running", words: &["uninitialized"], why: CGROUP },
    Difference { case: "qm-list", words: &["uninitialized", " 200 vm1"], why: CGROUP },
    Difference {
        case: "recreate-over-stale-mount",
        words: &["/dev/loop", EXIT],
        why: "the last program looks for mounts of this machine; tests/behaviour/crash.rs looks at the node's",
    },
    Difference {
        case: "start-over-stale",
        words: &["/dev/loop", EXIT],
        why: "as recreate-over-stale-mount",
    },
];

pub(crate) const NOT_REPLAYED: &[(&str, &str)] = &[
    ("rest-api", "asks the daemons over the network; the double has none"),
    ("pveum-token", "users and tokens are for the daemons"),
    ("task-log", "the double keeps no log of tasks"),
    (
        "crash-kill9-parent-and-worker",
        "shows the processes of that moment; tests/behaviour/crash.rs does it",
    ),
    ("crash-kill9-parent-only", "as crash-kill9-parent-and-worker"),
    ("crash-sigint-parent", "as crash-kill9-parent-and-worker"),
    ("crash-sigterm-parent", "as crash-kill9-parent-and-worker"),
    ("set-running-dev", "failed only because that kernel had no AppArmor"),
    ("set-running-mp-bind", "as set-running-dev"),
    ("exec-check-mounts", "asks systemd, ip and device nodes of the guest, which has only busybox"),
    ("clone-linked-non-template", "failed only because a snapshot had left a dirty journal"),
];
