//! Packs of files, as they are brought along with guests.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a broken fixture should stop the test"
)]

use phoenix_domain::PackName;

/// Packs files, each with its text, and returns how the pack is named, and its archive: a text as well.
pub fn pack(files: &[(&str, &str)]) -> (PackName, String) {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o755);
        archive.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    let archive = archive.into_inner().unwrap();
    (PackName::of(&archive), String::from_utf8(archive).unwrap())
}
