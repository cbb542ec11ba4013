//! The disk of the server is full for a while. NATS answers then, and keeps nothing.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use phoenix_testkit::guest;
use phoenix_testkit::host::Settings;
use tempfile::TempDir;

use super::site::{Site, lxc, quick};

/// A disk of a few MiB; gone with the test.
struct SmallDisk {
    place: TempDir,
}

impl SmallDisk {
    fn new() -> Self {
        let place = TempDir::with_prefix("phoenix-disk-").unwrap();
        let path = place.path().to_string_lossy();
        tool("mount", &["-t", "tmpfs", "-o", "size=8m", "tmpfs", &path]);
        Self { place }
    }

    fn path(&self) -> &Path {
        self.place.path()
    }

    fn filling(&self) -> PathBuf {
        self.path().join("filling")
    }

    /// Writes until nothing more fits.
    fn fill(&self) {
        let mut file = File::create(self.filling()).unwrap();
        for size in [64 * 1024, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.filling()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let path = self.path().to_string_lossy();
        tool("umount", &["--lazy", &path]);
    }
}

#[expect(clippy::disallowed_methods, reason = "a disk is made by a process")]
fn tool(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} needs root: {status}");
}

#[tokio::test]
async fn a_full_disk_of_the_server_delays_is_told_and_loses_nothing() {
    let disk = SmallDisk::new();
    let mut site = Site::keeping(disk.path(), &Settings { latency_ms: 50, ..quick() }).await;
    let all = [guest(900).features(&["one", "two", "three", "four", "five", "six"]).build()];
    let _worker = site.worker();
    site.submit(&all).await;
    site.until_ledger("a feature is begun", |_| site.host.begun(lxc(900), "install-feature") == 1)
        .await;

    disk.fill();

    let log = site.folder("a.log");
    let is_told = || fs::read_to_string(&log).is_ok_and(|log| log.contains("its disk may be full"));
    site.poll("the worker says why it waits", is_told).await;
    assert!(!site.state(lxc(900)).await.is_complete());

    // It does not notice by itself that there is room again.
    disk.empty();
    site.server.restart();
    site.until_complete(&all).await;
    site.assert_all_is_well().await;
}
