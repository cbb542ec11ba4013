//! The machine itself: disks that are full, broken or gone, and too few descriptors.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_testkit::nats::NatsServer;

use crate::dice::Dice;
use crate::field::{Field, pace};
use crate::invariants::Breach;
use crate::programs::tool;

/// How the file system is asked to lose all that it has not written yet: `FS_IOC_SHUTDOWN`, without a last flush.
const SHUT_DOWN: &str = "import fcntl, os, struct, sys\n\
    fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

/// A disk of one's own, gone with its value.
struct Disk(PathBuf);

impl Disk {
    /// Makes one in memory that holds so many MiB.
    fn small(place: PathBuf, mib: u64) -> Self {
        fs::create_dir_all(&place).unwrap();
        let size = format!("size={mib}m");
        let text = place.display().to_string();
        tool("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", &text]).expect("mount needs root");
        Self(place)
    }

    /// Makes one of a file with ext4, which can lose its power.
    fn of_file(file: &Path, place: PathBuf) -> Self {
        fs::create_dir_all(&place).unwrap();
        File::create(file).unwrap().set_len(128 << 20).unwrap();
        let disk = Self(place);
        tool("mkfs.ext4", &["-q", "-F", &file.display().to_string()]).expect("mkfs.ext4");
        disk.mount(file);
        disk
    }

    fn mount(&self, file: &Path) {
        let (file, place) = (file.display().to_string(), self.0.display().to_string());
        tool("mount", &["-o", "loop", &file, &place]).expect("mount needs root and loop devices");
    }

    /// Loses all that was not written yet, and is there again with the rest. Whoever writes to it must stand still
    /// already: with its power a machine loses its programs, and none of them answers once more after its disk.
    fn lose_power(&self, file: &Path, meanwhile: impl FnOnce()) {
        self.shut_down();
        meanwhile();
        self.come_back(file);
    }

    /// Loses all that was not written yet, and gives nothing but errors from now on.
    fn shut_down(&self) {
        let place = self.0.display().to_string();
        tool("python3", &["-c", SHUT_DOWN, &place]).expect("the file system does not shut down");
    }

    /// Is there again with what was written.
    fn come_back(&self, file: &Path) {
        tool("umount", &[&self.0.display().to_string()]).expect("somebody uses it still");
        self.mount(file);
    }

    /// Writes until nothing more fits.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filling");
        let mut file = File::create(&path).unwrap();
        for size in [64 * 1024, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        tool("umount", &["--lazy", &self.0.display().to_string()]);
    }
}

fn server_in(store: &Path, sync: &str) -> NatsServer {
    let store = store.join("store");
    NatsServer::start_with(&format!(
        "jetstream {{ store_dir: \"{}\", {sync}max_file_store: 1TB }}",
        store.display()
    ))
}

/// The disk of the server is full for a while.
pub(super) async fn full(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let disk = Disk::small(field.path("disk"), 8);
    field.server = server_in(&disk.0, "sync_interval: always, ");
    field.host.set(&pace(dice.between(10, 60)));
    field.start();
    field.submit().await;
    tokio::time::sleep(dice.millis(10, 800)).await;
    let filling = disk.fill();
    field.harmed(1);
    tokio::time::sleep(dice.millis(500, 3000)).await;
    fs::remove_file(filling).unwrap();
    // It does not notice by itself that there is room again.
    field.server.restart();
    let breaches = field.must_settle(Duration::from_mins(1)).await;
    field.keep_disk(Box::new(disk));
    breaches
}

/// The disk of the workers' own notes is full for a while.
pub(super) async fn notes_full(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let disk = Disk::small(field.path("disk"), 1);
    field.state = disk.0.join("state");
    field.host.set(&pace(dice.between(10, 40)));
    field.start();
    field.submit().await;
    tokio::time::sleep(dice.millis(10, 600)).await;
    let filling = disk.fill();
    field.harmed(1);
    tokio::time::sleep(dice.millis(100, 1500)).await;
    fs::remove_file(filling).unwrap();
    let breaches = field.must_settle(Duration::from_mins(1)).await;
    field.keep_disk(Box::new(disk));
    breaches
}

/// The machine of the server loses its power, again and again.
pub(super) async fn power(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let file = field.path("disk.img");
    let disk = Disk::of_file(&file, field.path("disk"));
    field.server = server_in(&disk.0, "sync_interval: always, ");
    field.host.set(&pace(dice.between(5, 40)));
    field.start();
    field.submit().await;
    for _ in 0..dice.between(1, 4) {
        tokio::time::sleep(dice.millis(20, 700)).await;
        field.server.freeze();
        disk.lose_power(&file, || field.server.kill());
        field.harmed(1);
        field.server.restart();
    }
    let breaches = field.must_settle(Duration::from_mins(1)).await;
    field.keep_disk(Box::new(disk));
    breaches
}

/// Asks for the fleet of a worker whose notes are on a disk of their own, and returns that with its file.
async fn notes_on_a_disk(field: &mut Field, dice: &mut Dice) -> (Disk, PathBuf) {
    let file = field.path("disk.img");
    let disk = Disk::of_file(&file, field.path("disk"));
    field.state = disk.0.join("state");
    field.host.set(&pace(dice.between(5, 40)));
    field.start();
    field.submit().await;
    (disk, file)
}

/// The machine of a worker loses its power: the worker goes, and its notes that were not written yet.
pub(super) async fn notes_power(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let (disk, file) = notes_on_a_disk(field, dice).await;
    for _ in 0..dice.between(1, 4) {
        tokio::time::sleep(dice.millis(20, 500)).await;
        field.workers[0].freeze();
        disk.lose_power(&file, || field.workers.remove(0).kill());
        field.harmed(1);
        field.start();
    }
    let breaches = field.must_settle(Duration::from_mins(1)).await;
    field.keep_disk(Box::new(disk));
    breaches
}

/// The disk of a worker's notes gives errors for a while, and the worker lives.
pub(super) async fn notes_broken(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    let (disk, file) = notes_on_a_disk(field, dice).await;
    tokio::time::sleep(dice.millis(20, 500)).await;
    disk.shut_down();
    field.harmed(1);
    tokio::time::sleep(dice.millis(100, 1500)).await;
    // Whoever mends a disk ends what is on it.
    field.workers.clear();
    disk.come_back(&file);
    let breaches = field.must_settle(Duration::from_mins(1)).await;
    field.keep_disk(Box::new(disk));
    breaches
}

/// A worker has next to no descriptors for a while, or no more memory.
pub(super) async fn limits(field: &mut Field, dice: &mut Dice) -> Vec<Breach> {
    field.host.set(&pace(dice.between(5, 30)));
    field.start();
    field.submit().await;
    tokio::time::sleep(dice.millis(10, 500)).await;
    let pid = field.workers[0].pid().to_string();
    // One that gets no memory ends, so it may be gone by the second time.
    let limit = |what: &str| tool("prlimit", &["--pid", &pid, what]);
    let (little, enough) = if dice.falls(50) {
        (format!("--nofile={}:1024", dice.between(6, 40)), "--nofile=1024:1024")
    } else {
        (format!("--as={}:unlimited", dice.between(1, 64) << 20), "--as=unlimited:unlimited")
    };
    limit(&little).expect("prlimit");
    field.harmed(1);
    tokio::time::sleep(dice.millis(200, 2000)).await;
    limit(enough);
    Vec::new()
}
