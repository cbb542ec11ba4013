//! `apparmor_parser`, as far as a profile is loaded and removed; and `umount`.

use std::collections::BTreeSet;
use std::fs;

use crate::die::Outcome;
use crate::mounts;
use crate::node::{write_deep, write_whole};
use crate::run::Run;
use crate::say;

const LOADED: &str = "/sys/kernel/security/apparmor/profiles";

/// What is done with the profiles of a file.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Deed {
    Add,
    Remove,
    Look,
}

pub(crate) fn main(run: &Run, words: &[String]) -> u8 {
    let mut deed = Deed::Add;
    let mut exit = 0;
    for word in words {
        match word.as_str() {
            "-R" | "--remove" => deed = Deed::Remove,
            "-Q" | "--skip-kernel-load" | "-N" | "--names" => deed = Deed::Look,
            option if option.starts_with('-') => {}
            file => {
                if let Err(die) = load(run, file, deed) {
                    say::err(&die.text());
                    exit = 1;
                }
            }
        }
    }
    exit
}

fn load(run: &Run, file: &str, deed: Deed) -> Outcome<()> {
    let own = run.node.at(file);
    let path = if own.exists() { own } else { file.into() };
    let Ok(text) = fs::read_to_string(&path) else {
        let words = format!("File {file} not found, skipping...");
        return Err(crate::die::Die::new(words));
    };
    let names = names(&text);
    if names.is_empty() || text.matches('{').count() != text.matches('}').count() {
        return Err(crate::die::Die::new(format!(
            "AppArmor parser error for {file} in {file} at line {}: syntax error, unexpected \
             TOK_END_OF_RULE",
            text.lines().count()
        )));
    }
    let _alone = run.node.alone()?;
    let loaded = fs::read_to_string(run.node.at(LOADED)).unwrap_or_default();
    let mut lines: BTreeSet<String> = loaded.lines().map(str::to_owned).collect();
    for name in names {
        let line = format!("{name} (enforce)");
        match deed {
            Deed::Add => {
                lines.insert(line);
            }
            Deed::Remove => {
                lines.remove(&line);
            }
            Deed::Look => {}
        }
    }
    let text: String = say::lines(&lines);
    if deed == Deed::Look { Ok(()) } else { write_deep(&run.node.at(LOADED), &text) }
}

/// Returns the profiles a file defines.
fn names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("profile ") {
            let name = rest.split_whitespace().next().unwrap_or_default();
            names.push(name.trim_matches('"').trim_end_matches('{').to_owned());
        } else if line.starts_with('/') && line.ends_with('{') {
            names.push(line.split_whitespace().next().unwrap_or_default().to_owned());
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// `umount` of what a crash left below `/var/lib/lxc`.
pub(crate) fn umount(run: &Run, words: &[String]) -> u8 {
    let targets = words.iter().filter(|word| !word.starts_with('-'));
    let mut exit = 0;
    for target in targets {
        let own = run.node.root().to_string_lossy().into_owned();
        let target = target.strip_prefix(own.as_str()).unwrap_or(target);
        match mounts::umount_at(&run.node, target) {
            Ok(true) => {}
            Ok(false) => {
                say::err(&format!("umount: {target}: not mounted.\n"));
                exit = 32;
            }
            Err(die) => {
                say::err(&die.text());
                exit = 1;
            }
        }
    }
    exit
}

/// Makes the list of loaded profiles, empty but for lxc's own.
pub(crate) fn begin(run: &crate::node::Node) -> Outcome<()> {
    let path = run.at(LOADED);
    path.parent().map(fs::create_dir_all);
    let text = "lxc-container-default-cgns (enforce)\npve-container-mounthotplug (enforce)\n";
    write_whole(&path, text.as_bytes())
}
