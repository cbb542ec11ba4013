//! Shows acts as people would type them.

use std::fmt;

use phoenix_domain::{Firewall, GuestKey, Kind};

use super::Act;
use crate::proxmox::layout::Layout;
use crate::proxmox::tool;

/// Shows an act of this guest as people would type it, where they could.
pub(crate) struct Shown<'s>(pub(crate) &'s Act, pub(crate) GuestKey);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(act, guest) = self;
        let vmid = guest.vmid;
        match act {
            Act::Tool(kind, arguments) => {
                f.write_str(tool::name(*kind))?;
                arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
            }
            Act::Edit(edit) => {
                write!(f, "edit {}:", Layout::conf_name(*guest))?;
                let mut parts = Vec::new();
                if let Some(raw) = &edit.raw {
                    let lines: Vec<_> =
                        raw.iter().map(|line| format!("{}: {}", line.key, line.value)).collect();
                    parts.push(if lines.is_empty() {
                        "no raw lines".to_owned()
                    } else {
                        format!("raw lines `{}`", lines.join("`, `"))
                    });
                }
                if edit.mark.is_some() {
                    parts.push("our mark".to_owned());
                }
                if edit.aside.is_some() {
                    parts.push("set aside, with the tag quarantine".to_owned());
                }
                if edit.contents.is_some() {
                    parts.push("what clones find in it".to_owned());
                }
                if !edit.without.is_empty() {
                    parts.push(format!("without {}, whose volumes stay", edit.without.join(", ")));
                }
                write!(f, " {}", parts.join("; "))
            }
            Act::Renumber => {
                let free = vmid.beside().next().unwrap_or(vmid);
                let name = Layout::conf_name(*guest);
                write!(f, "mv {name} to the first free number from {free} on")
            }
            Act::Seed => write!(f, "write what Cloud-Init tells {vmid}: its user, its network"),
            Act::NoSeed => write!(f, "remove what Cloud-Init told {vmid}"),
            Act::Firewall(firewall) => {
                let name = Layout::firewall_name(vmid);
                if *firewall == Firewall::default() {
                    write!(f, "rm -f {name}")
                } else {
                    let rules = firewall.rules.len();
                    let state = if firewall.enabled { "on" } else { "off" };
                    write!(f, "write {name}: {state}, {rules} rules")
                }
            }
            Act::Profile(name) => write!(f, "apparmor_parser -r /etc/apparmor.d/{name}"),
            Act::Directory { path, owner, group } => {
                write!(f, "mkdir -p {}", quoted(path))?;
                if owner.is_some() || group.is_some() {
                    let id = |id: &Option<u32>| id.map(|id| id.to_string()).unwrap_or_default();
                    write!(f, ", owned by {}:{} inside", id(owner), id(group))?;
                }
                Ok(())
            }
            Act::Inside(what) => match guest.kind {
                Kind::Container => write!(f, "lxc-attach -n {vmid}: {what}"),
                Kind::Machine => write!(f, "by the agent of {vmid}: {what}"),
            },
            Act::Wait(what) => write!(f, "wait {what}"),
        }
    }
}

/// Quotes a word as a shell needs it.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_a_shell_needs_it() {
        assert_eq!(quoted("name=eth0,bridge=vmbr0"), "name=eth0,bridge=vmbr0");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
