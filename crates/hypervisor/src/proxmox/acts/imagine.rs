//! A config as it will be, so that a plan can show the commands behind the first one.

use super::Act;
use super::sealed::{Sealed, sealed};
use crate::proxmox::conf::Conf;
use crate::proxmox::mark::Whose;

/// Returns a config as it will be after these acts, as far as later changes go by it.
pub(in crate::proxmox) fn after(
    before: &Conf,
    parent: Option<&Conf>,
    acts: &[Act],
    whose: Whose,
    is_running: bool,
) -> Conf {
    let mut conf = before.clone();
    for act in acts {
        match act {
            Act::Tool(_, arguments) => imagine(&mut conf, parent, arguments, is_running),
            Act::Edit(edit) => conf.main = edit.made(&conf.main, whose),
            Act::Renumber => conf = Conf::default(),
            Act::Seed
            | Act::NoSeed
            | Act::Firewall(_)
            | Act::Profile(_)
            | Act::Directory { .. }
            | Act::Inside(_)
            | Act::Wait(_) => {}
        }
    }
    conf
}

/// Does to a config what a command of `pct` or `qm` does.
fn imagine(conf: &mut Conf, parent: Option<&Conf>, arguments: &[String], is_running: bool) {
    let mut words = arguments.iter().map(String::as_str);
    let verb = words.next().unwrap_or_default();
    if verb == "clone" {
        if let Some(parent) = parent {
            conf.main = match sealed(parent) {
                Some(Sealed::Snapshot(name)) => parent.snapshots.get(&name).cloned(),
                Some(Sealed::Template) | None => Some(parent.main.clone()),
            }
            .unwrap_or_default();
            conf.main.keys.remove("template");
        }
    } else if verb == "resize" || verb != "set" && verb != "create" {
        return;
    }
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--") else { continue };
        let value = words.next().unwrap_or_default();
        match option {
            "delete" if is_running => {
                let pending = conf.pending.get_or_insert_default();
                let waiting = pending.keys.entry("delete".to_owned()).or_default();
                *waiting = format!("{waiting},{value}");
            }
            "delete" => {
                for key in value.split(',') {
                    conf.main.keys.remove(key);
                }
            }
            _ => {
                conf.main.keys.insert(option.to_owned(), value.to_owned());
            }
        }
    }
}
