//! The numbers that unprivileged containers have on the host.

use crate::host::{Host, Wanted};
use crate::item::{Item, Look, Refusal};

/// What Proxmox maps an unprivileged container to.
const RANGE: &str = "root:100000:65536";

pub(super) struct SubIds;

impl Item for SubIds {
    fn name(&self) -> &'static str {
        "sub-ids"
    }

    fn about(&self) -> &'static str {
        "the numbers of unprivileged containers"
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        let mut changes = Vec::new();
        for path in ["/etc/subuid", "/etc/subgid"] {
            let was = host.text(path)?.unwrap_or_default();
            let why = "unprivileged containers are mapped to this range, written once";
            let wanted = Wanted { path, text: once(&was, RANGE), mode: 0o644, check: &[], why };
            changes.extend(host.want(wanted)?);
        }
        Ok(Look::of(changes))
    }
}

/// Returns a text that has a line once: where it stood first, else at the end.
pub(super) fn once(text: &str, line: &str) -> String {
    let mut is_there = false;
    let mut kept = String::new();
    for old in text.lines() {
        if old.trim() == line {
            if is_there {
                continue;
            }
            is_there = true;
        }
        kept.push_str(old);
        kept.push('\n');
    }
    if !is_there {
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_there_once_and_the_others_stay() {
        assert_eq!(once("", "x"), "x\n");
        assert_eq!(once("a\nx\nb\n x\n", "x"), "a\nx\nb\n");
        assert_eq!(once("a", "x"), "a\nx\n");
    }
}
