//! What is mounted below `/var/lib/lxc`, and stays so after a crash: a link, and a line.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::die::Outcome;
use crate::node::{Node, write_whole};
use crate::say;

fn target(vmid: u32) -> String {
    format!("/var/lib/lxc/{vmid}/rootfs")
}

/// Shows a root file system where Proxmox mounts it.
pub(crate) fn mount(node: &Node, vmid: u32, folder: &Path) -> Outcome<()> {
    let target = target(vmid);
    let path = node.at(&target);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // A mount over one that a crash left hides it.
    if path.is_symlink() {
        fs::remove_file(&path)?;
    } else if path.exists() {
        fs::remove_dir(&path)?;
    }
    symlink(folder, &path)?;
    change(node, |lines| {
        lines.push(format!("/dev/loop{} {target} ext4 rw,relatime 0 0", vmid % 64));
    })
}

/// Takes away what was mounted last.
pub(crate) fn umount(node: &Node, vmid: u32) -> Outcome<()> {
    umount_at(node, &target(vmid)).map(drop)
}

/// Takes away what was mounted last at a path; whether there was something.
pub(crate) fn umount_at(node: &Node, target: &str) -> Outcome<bool> {
    let path = node.at(target);
    let mut found = false;
    let mut stays = false;
    change(node, |lines| {
        let is_it = |line: &String| line.split(' ').nth(1) == Some(target);
        if let Some(last) = lines.iter().rposition(is_it) {
            lines.remove(last);
            found = true;
        }
        stays = lines.iter().any(is_it);
    })?;
    if found && !stays && path.is_symlink() {
        fs::remove_file(&path)?;
        fs::create_dir_all(&path)?;
    }
    Ok(found)
}

fn change(node: &Node, code: impl FnOnce(&mut Vec<String>)) -> Outcome<()> {
    let _alone = node.alone()?;
    let path = node.at("/proc/mounts");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    code(&mut lines);
    let text = say::lines(&lines);
    write_whole(&path, text.as_bytes())
}
