//! Root file systems and volumes: folders, or subvolumes where the file system is Btrfs.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::statfs;

use crate::command::Command;
use crate::{Hand, HostError};

/// How long a copy of a whole guest may take.
const COPY: Duration = Duration::from_hours(1);
/// The number that the root of every subvolume has, and nothing else.
const SUBVOLUME: u64 = 256;
/// How a Btrfs calls itself.
const BTRFS: u32 = 0x9123_683e;

/// Says whether copies of what is below a folder cost nothing.
pub(super) fn is_btrfs(folder: &Path) -> Result<bool, HostError> {
    let is = statfs(folder).map_err(|err| HostError::Unreachable { err: err.into() })?;
    // The number has as many bits as the machine's word; its own 32 are what counts.
    Ok(u32::try_from(is.f_type & 0xffff_ffff).is_ok_and(|kind| kind == BTRFS))
}

/// Makes an empty root file system.
pub(super) async fn make(path: &Path, hand: &Hand) -> Result<(), HostError> {
    let folder = parent(path)?;
    fs::create_dir_all(folder).map_err(unreachable)?;
    if is_btrfs(folder)? {
        return run("btrfs", &["subvolume", "create", &text(path)], hand).await;
    }
    fs::create_dir(path).map_err(unreachable)
}

/// Unpacks an archive into a root file system.
pub(super) async fn unpack(archive: &Path, into: &Path, hand: &Hand) -> Result<(), HostError> {
    let arguments = [
        "--numeric-owner",
        "--xattrs",
        "--xattrs-include=*",
        "-xpf",
        &text(archive),
        "-C",
        &text(into),
    ];
    run("tar", &arguments, hand).await
}

/// Copies a root file system. The copy is there whole or not at all.
pub(super) async fn copy(from: &Path, to: &Path, hand: &Hand) -> Result<(), HostError> {
    let folder = parent(to)?;
    fs::create_dir_all(folder).map_err(unreachable)?;
    let half = to.with_extension("half");
    remove(&half, hand).await?;
    if is_btrfs(folder)? && is_btrfs(from)? {
        run("btrfs", &["subvolume", "snapshot", &text(from), &text(&half)], hand).await?;
    } else {
        // Where the file system can share blocks, it does.
        run("cp", &["-a", "--reflink=auto", &text(from), &text(&half)], hand).await?;
    }
    fs::rename(&half, to).map_err(unreachable)
}

/// Removes a root file system or a volume, if it is there.
pub(super) async fn remove(path: &Path, hand: &Hand) -> Result<(), HostError> {
    match fs::symlink_metadata(path) {
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(unreachable(err)),
        Ok(_) => {}
    }
    if is_btrfs(path)? && is_subvolume(path) {
        let path = text(path);
        let delete = ["subvolume", "delete", "--commit-each", &path];
        if run("btrfs", &delete, hand).await.is_ok() {
            return Ok(());
        }
        // A guest can make subvolumes of its own, and systemd does: they go first.
        let inum = SUBVOLUME.to_string();
        let own = [&path, "-mindepth", "1", "-depth", "-type", "d", "-inum", &inum];
        let each = ["-exec", "btrfs", "subvolume", "delete", "{}", ";"];
        run("find", &[own.as_slice(), each.as_slice()].concat(), hand).await?;
        return run("btrfs", &delete, hand).await;
    }
    run("rm", &["-rf", "--one-file-system", &text(path)], hand).await
}

fn is_subvolume(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.ino() == SUBVOLUME)
}

async fn run(program: &str, arguments: &[&str], hand: &Hand) -> Result<(), HostError> {
    let mut command = Command::new(Path::new(program), COPY);
    for argument in arguments {
        command = command.plain(*argument);
    }
    let ended = command.run(hand).await?;
    if ended.status.success() {
        return Ok(());
    }
    let why = ended.stderr.lines().last().unwrap_or("it says nothing").to_owned();
    if ended.stderr.contains("No space left on device") {
        return Err(HostError::Full { storage: "of the guests".to_owned() });
    }
    Err(HostError::Failed { what: command.to_string(), why, output: ended.stderr })
}

fn parent(path: &Path) -> Result<&Path, HostError> {
    path.parent().ok_or_else(|| HostError::Impossible {
        what: format!("keeping a guest at {}", path.display()),
        why: "that is no folder in another one".to_owned(),
    })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn unreachable(err: std::io::Error) -> HostError {
    HostError::Unreachable { err }
}

/// Returns the folder of what a storage holds.
pub(super) fn of_storage(dir: &Path, storage: &str) -> PathBuf {
    dir.join("storage").join(storage)
}
