//! Puts the files of a commit into a folder, and nothing outside of it.

use std::fs;
use std::io::{self, Cursor};
use std::path::{Component, Path, PathBuf};

use tar::{Archive, EntryType};
use thiserror::Error;

/// The most files and folders of a configuration.
const MOST: usize = 20_000;

/// Why the files of a commit are not taken.
#[derive(Debug, Error)]
pub(super) enum ExportError {
    /// The disk would not have it, or the archive is none.
    #[error("its files cannot be put into {}", to.display())]
    NotPut {
        to: PathBuf,
        #[source]
        err: io::Error,
    },
    /// A link leads to what is no part of the commit.
    #[error("`{}` is a link that leads out of the folder", path.display())]
    LeadsOut { path: PathBuf },
    /// It is neither a file, nor a folder, nor a link.
    #[error("`{}` is no file", path.display())]
    NoFile { path: PathBuf },
    /// There is more than a configuration has.
    #[error("there are more than {MOST} files")]
    TooMany,
}

/// Puts the files of an archive into a folder that has nothing in it yet.
pub(super) fn unpack(archive: &[u8], to: &Path) -> Result<(), ExportError> {
    let not_put = |err| ExportError::NotPut { to: to.to_owned(), err };
    if to.exists() {
        fs::remove_dir_all(to).map_err(not_put)?;
    }
    fs::create_dir_all(to).map_err(not_put)?;
    let root = to.canonicalize().map_err(not_put)?;
    let mut archive = Archive::new(Cursor::new(archive));
    let mut links = Vec::new();
    for (nth, entry) in archive.entries().map_err(not_put)?.enumerate() {
        let mut entry = entry.map_err(not_put)?;
        let path = entry.path().map_err(not_put)?.into_owned();
        if nth >= MOST {
            return Err(ExportError::TooMany);
        }
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            // The name of the commit.
            continue;
        }
        if kind == EntryType::Symlink {
            links.push(path.clone());
        } else if !matches!(kind, EntryType::Regular | EntryType::Directory) {
            return Err(ExportError::NoFile { path });
        }
        let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        // It follows no link that it has made before.
        if !is_inside || !entry.unpack_in(&root).map_err(not_put)? {
            return Err(ExportError::LeadsOut { path });
        }
    }
    // Where links lead is known once everything is there.
    let leads_out =
        |path: &PathBuf| !root.join(path).canonicalize().is_ok_and(|at| at.starts_with(&root));
    match links.into_iter().find(leads_out) {
        Some(path) => Err(ExportError::LeadsOut { path }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tar::{Builder, Header};
    use tempfile::TempDir;

    use super::*;

    /// Returns an archive of files with these texts, and of links that lead to these.
    fn archive(files: &[(&str, &str)], links: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            archive.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        for (path, to) in links {
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, path, to).unwrap();
        }
        archive.into_inner().unwrap()
    }

    #[test]
    fn files_and_links_among_them_are_put_into_a_folder_that_was_emptied() {
        let folder = TempDir::new().unwrap();
        let to = folder.path().join("files");
        fs::create_dir(&to).unwrap();
        fs::write(to.join("old"), "old").unwrap();

        let archive = archive(&[("a.json", "{}"), ("b/c", "c")], &[("b/a", "../a.json")]);
        unpack(&archive, &to).unwrap();

        assert_eq!(fs::read_to_string(to.join("b/a")).unwrap(), "{}");
        assert!(!to.join("old").exists());
    }

    #[test]
    fn a_link_that_leads_out_is_refused_however_it_is_written() {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("secret"), "s").unwrap();
        for to in ["/etc/passwd", "../secret", "b/../../secret", "nowhere", "b/up/secret"] {
            let links = [("b/up", "../.."), ("a.json", to)];
            let links = if to == "b/up/secret" { &links[..] } else { &links[1..] };
            let archive = archive(&[("b/c", "c")], links);

            let refused = unpack(&archive, &folder.path().join("files")).unwrap_err();

            assert!(matches!(refused, ExportError::LeadsOut { .. }), "{to}: {refused}");
        }
    }
}
