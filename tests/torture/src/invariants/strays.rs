//! Nobody is left behind.

use std::fs;
use std::path::Path;

/// Returns the processes that work in a folder, but for these.
pub(crate) fn wait_for(folder: &Path, but: &[u32]) -> Vec<String> {
    let here = folder.display().to_string();
    let mut strays = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&here) && !but.contains(&pid) {
            strays.push(format!("{pid}: {}", line.chars().take(120).collect::<String>()));
        }
    }
    strays
}
