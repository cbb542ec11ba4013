//! What is left when a trial is interrupted, and when it is kept.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::program::{phoenix, phoenix_started, phoenix_with};
use crate::{debian, features, try_them};

const PATH: (&str, &str) = ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");

/// Returns what there is of the labs in a folder: folders, mounts, namespaces and processes.
fn traces(room: &Path) -> Vec<String> {
    let room = room.to_str().unwrap();
    let mut names: Vec<String> = fs::read_dir(room)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("phoenix-"))
        .collect();
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    names.extend(mounts.lines().filter(|line| line.contains(room)).map(str::to_owned));
    names
}

/// Returns the processes whose command line has a word in it.
fn processes(word: &str) -> Vec<String> {
    let lines = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    lines.filter(|line| line.contains(word)).collect()
}

/// A folder for labs. What a test that fails has left in it goes with it.
struct Room(TempDir);

impl Room {
    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for lab in fs::read_dir(self.path()).into_iter().flatten().filter_map(Result::ok) {
            drop(fs::write(lab.path().join("kept"), ""));
        }
        let room = self.path().to_str().unwrap_or_default();
        let remove = ["feature", "test", "--remove-kept", "--room", room];
        drop(phoenix_with(Path::new("/"), &remove, &[PATH]));
    }
}

fn room() -> Room {
    Room(tempfile::Builder::new().prefix("trial-").tempdir_in("/dev/shm").unwrap())
}

#[test]
fn a_trial_that_is_interrupted_takes_everything_away() {
    let (own, room) = (TempDir::new().unwrap(), room());
    let made = phoenix(own.path(), &["feature", "new", "slow", "--into", "."]);
    assert_eq!(made.code, 0, "{made:?}");
    let script = own.path().join("slow/install.sh");
    fs::write(&script, "#!/bin/sh\ntouch /etc/begun\nsleep 600\n").unwrap();
    let (archive, folder) = (debian(), own.path().to_str().unwrap().to_owned());
    let library = features();
    let mut child = phoenix_started(
        own.path(),
        &[
            "feature",
            "test",
            "slow",
            "--features",
            &folder,
            "--features",
            library.to_str().unwrap(),
            "--archive",
            &archive,
            "--room",
            room.path().to_str().unwrap(),
        ],
        &[PATH],
    );
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = out.by_ref().map(Result::unwrap).find(|line| line.contains("1/5")).unwrap();
    // It sleeps once the file is there, which is seen from outside.
    let begun = || {
        let guest = "lxc/storage/local/901/rootfs/etc/begun";
        fs::read_dir(room.path()).unwrap().any(|lab| lab.unwrap().path().join(guest).exists())
    };
    while !begun() {
        assert!(child.try_wait().unwrap().is_none(), "it ended: {first}");
        std::thread::yield_now();
    }
    let name = fs::read_dir(room.path()).unwrap().next().unwrap().unwrap().file_name();
    let name = name.to_str().unwrap().to_owned();

    #[expect(clippy::disallowed_methods, reason = "as a terminal would")]
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let status = child.wait().unwrap();

    assert!(killed.success());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), Some(130), "{said}");
    assert_eq!(traces(room.path()), [""; 0], "{said}");
    assert!(!Path::new("/run/netns").join(&name).exists());
    assert_eq!(processes(&name), [""; 0]);
}

#[test]
fn what_is_kept_can_be_entered_and_is_taken_away_when_somebody_says_so() {
    let (own, room) = (TempDir::new().unwrap(), room());
    let made = phoenix(own.path(), &["feature", "new", "fine", "--into", "."]);
    assert_eq!(made.code, 0, "{made:?}");
    let (library, in_room) = (features(), ["--room", room.path().to_str().unwrap()]);
    let more = [&["--keep", "--features", library.to_str().unwrap()][..], &in_room].concat();

    let kept = try_them(own.path(), &["fine"], &more);

    assert_eq!(kept.code, 0, "{kept:?}");
    let enter =
        kept.out.lines().find_map(|line| line.trim().strip_prefix("its container: ")).unwrap();
    #[expect(clippy::disallowed_methods, reason = "as a person would type it")]
    let inside = Command::new("sh")
        .args(["-c", &format!("{enter} -c 'cat /etc/fine.conf'")])
        .output()
        .unwrap();
    let inside = String::from_utf8_lossy(&inside.stdout);
    assert!(inside.contains("greeting=hello"), "{inside}");
    // The next trial leaves it alone, and says what else would be a riddle of the shell.
    let another = try_them(own.path(), &["fine"], &in_room);
    assert_eq!(another.code, 1, "{another:?}");
    assert!(another.out.contains("1/5 FAILED: there is no folder lib"), "{another:?}");
    assert!(!traces(room.path()).is_empty());

    let remove = [&["feature", "test", "--remove-kept"][..], &in_room].concat();
    let gone = phoenix_with(own.path(), &remove, &[PATH]);

    assert_eq!(gone.code, 0, "{gone:?}");
    assert_eq!(traces(room.path()), [""; 0], "{gone:?}");
}
