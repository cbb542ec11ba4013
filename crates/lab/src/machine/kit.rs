//! What a virtual machine is made of: programs of Debian that are unpacked in a folder of their own.

use std::fs;
use std::path::{Path, PathBuf};

use super::cpio::Cpio;
use crate::error::LabError;

/// What the kernel cannot do by itself: speak to what QEMU has, and read the seed.
const MODULES: [&str; 9] = [
    "virtio",
    "virtio_ring",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_console",
    "virtio_blk",
    "cdrom",
    "isofs",
];
/// What the machine can do besides its agent.
const APPLETS: [&str; 50] = [
    "sh", "init", "mount", "umount", "mkdir", "insmod", "findfs", "sed", "hostname", "sleep",
    "cat", "echo", "tar", "setsid", "rm", "mv", "ln", "ls", "cp", "dirname", "basename", "kill",
    "killall", "ps", "pidof", "grep", "head", "tail", "wc", "mkfifo", "true", "false", "test", "[",
    "printf", "id", "env", "seq", "touch", "chmod", "sync", "poweroff", "reboot", "halt", "dd",
    "tr", "readlink", "stat", "yes", "uname",
];
/// Where Debian has its libraries.
const LIBRARIES: [&str; 2] = ["usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/pulseaudio"];
/// What starts a program that has libraries of its own.
const LOADER: &str = "lib64/ld-linux-x86-64.so.2";

/// A folder in which everything is that a machine is made of. `cargo xtask test` makes it.
#[derive(Clone, Debug)]
pub struct Kit {
    root: PathBuf,
}

impl Kit {
    /// Takes the folder.
    pub fn at(folder: &Path) -> Result<Self, LabError> {
        let root = folder.join("root");
        let programs =
            [LOADER, "usr/bin/qemu-system-x86_64", "usr/bin/genisoimage", "usr/sbin/qemu-ga"];
        match programs.iter().map(|program| root.join(program)).find(|path| !path.exists()) {
            None => Ok(Self { root }),
            Some(path) => Err(LabError::NoKit { path }),
        }
    }

    /// Returns a system that the programs in it can run in, with `chroot`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns what is typed to start one of its programs: with its own libraries, and not those of this
    /// machine.
    pub(super) fn program(&self, path: &str) -> Vec<String> {
        let libraries = LIBRARIES.map(|folder| self.path(folder)).join(":");
        vec![self.path(LOADER), "--library-path".to_owned(), libraries, self.path(path)]
    }

    /// Returns a path in it.
    pub(super) fn path(&self, path: &str) -> String {
        self.root.join(path).display().to_string()
    }

    /// Returns the kernel.
    pub(super) fn kernel(&self) -> Result<PathBuf, LabError> {
        self.only("boot", |name| name.starts_with("vmlinuz-"))
    }

    /// Returns what the kernel unpacks: a system of one program, the agent, and what both need.
    pub(super) fn system(&self) -> Result<Vec<u8>, LabError> {
        let mut archive = Cpio::new();
        for folder in [
            "bin", "sbin", "dev", "etc", "lib", "lib64", "modules", "proc", "run", "seed", "sys",
            "tmp", "usr",
        ] {
            archive.folder(folder);
        }
        for (name, target) in [("init", "bin/init"), ("usr/bin", "../bin"), ("usr/sbin", "../sbin")]
        {
            archive.link(name, target);
        }
        archive.file("bin/busybox", &self.read(Path::new("usr/bin/busybox"))?);
        for applet in APPLETS {
            archive.link(&format!("bin/{applet}"), "busybox");
        }
        archive.file("etc/inittab", b"::sysinit:/etc/rc\n::respawn:/etc/agent\n");
        archive.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n");
        archive.file("etc/rc", include_bytes!("rc.sh"));
        archive.file("etc/agent", include_bytes!("agent.sh"));
        // What an agent starts that is to shut down.
        archive.file("sbin/shutdown", b"#!/bin/sh\nexec poweroff -f\n");
        archive.file("bin/qemu-ga", &self.read(Path::new("usr/sbin/qemu-ga"))?);
        // Debian's busybox has no such applet.
        archive.file("bin/flock", &self.read(Path::new("usr/bin/flock"))?);
        archive.file(LOADER, &self.read(Path::new(LOADER))?);
        for library in self.libraries("usr/sbin/qemu-ga")? {
            let name = library.file_name().unwrap_or_default().display().to_string();
            archive.file(&format!("lib/{name}"), &self.read(&library)?);
        }
        let modules = self.modules()?;
        for name in MODULES {
            let file = format!("{name}.ko");
            // Some are part of the kernel, in one version or another.
            if let Some(path) = modules.iter().find(|path| path.ends_with(&file)) {
                archive.file(&format!("modules/{file}"), &self.read(path)?);
            }
        }
        Ok(archive.end())
    }

    /// Returns the libraries that a program needs, as its loader says.
    fn libraries(&self, program: &str) -> Result<Vec<PathBuf>, LabError> {
        let mut words = self.program(program);
        words.insert(1, "--list".to_owned());
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let said = crate::process::run(&words)?;
        let said = String::from_utf8_lossy(&said.stdout);
        let paths = said.lines().filter_map(|line| line.split_once("=> ")?.1.split(' ').next());
        Ok(paths.map(PathBuf::from).collect())
    }

    fn modules(&self) -> Result<Vec<PathBuf>, LabError> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.join("usr/lib/modules")];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).map_err(wrap(&folder))?;
            for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        Ok(found)
    }

    fn only(&self, folder: &str, is_it: impl Fn(&str) -> bool) -> Result<PathBuf, LabError> {
        let folder = self.root.join(folder);
        let entries = fs::read_dir(&folder).map_err(wrap(&folder))?;
        let mut names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
        let found = names.find(|name| name.to_str().is_some_and(&is_it));
        found.map(|name| folder.join(name)).ok_or(LabError::NoKit { path: folder })
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, LabError> {
        let path = self.root.join(path);
        fs::read(&path).map_err(wrap(&path))
    }
}

pub(super) fn wrap(path: &Path) -> impl FnOnce(std::io::Error) -> LabError {
    let path = path.to_owned();
    move |err| LabError::File { path, err }
}
