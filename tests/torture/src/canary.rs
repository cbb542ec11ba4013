//! A secret that nobody knows but a run, and where it is seen.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// As many bytes of a file as are looked at; what is longer is an image of somebody's disk.
const LONGEST: u64 = 32 << 20;

/// How long nobody looks: others want to run as well.
const REST: Duration = Duration::from_millis(1);

/// A secret, and who looks for it in every process of the machine until it is dropped.
pub(crate) struct Canary {
    value: String,
    /// Where the operator keeps it.
    pub(crate) file: PathBuf,
    is_over: Arc<AtomicBool>,
    eyes: Option<JoinHandle<BTreeSet<String>>>,
}

impl Canary {
    /// Makes one that is kept in this folder, as the password of a database.
    pub(crate) fn kept_in(folder: &Path) -> Self {
        // In no file of this build, and in no process before.
        let value = format!("canary-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        let file = folder.join("secrets.json");
        let text = json!({ "phoenix/prod/postgresql": { "password": value } }).to_string();
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let (flag, words) = (Arc::clone(&is_over), value.clone());
        let eyes = thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !flag.load(Ordering::Relaxed) {
                seen.extend(in_processes(&words));
                thread::sleep(REST);
            }
            seen
        });
        Self { value, file, is_over, eyes: Some(eyes) }
    }

    /// Says whether it is in this.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        text.contains(&self.value) || text.contains(&STANDARD.encode(&self.value))
    }

    /// Returns the files below a folder that have it, but for the one where it is kept.
    pub(crate) fn in_files(&self, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
            if path == self.file {
                continue;
            }
            if metadata.is_dir() {
                found.extend(self.in_files(&path));
            } else if metadata.is_file() && metadata.len() <= LONGEST {
                let bytes = fs::read(&path).unwrap_or_default();
                found.extend(self.is_in(&bytes).then(|| path.display().to_string()));
            }
        }
        found
    }

    /// Looks no more, and returns which processes had it, and where.
    pub(crate) fn in_processes(&mut self) -> Vec<String> {
        self.is_over.store(true, Ordering::Relaxed);
        let eyes = self.eyes.take();
        eyes.and_then(|eyes| eyes.join().ok()).into_iter().flatten().collect()
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn in_processes(value: &str) -> Vec<String> {
    let mut seen = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        for what in ["cmdline", "environ"] {
            let bytes = fs::read(entry.path().join(what)).unwrap_or_default();
            if String::from_utf8_lossy(&bytes).contains(value) {
                let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
                seen.push(format!("{what} of {}", name.trim()));
            }
        }
    }
    seen
}
