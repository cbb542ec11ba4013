//! What lies beside the config and is brought into guests: packed, and named by what it is.
//!
//! The same files make the same archive wherever they lie: in one order, without times and owners. A
//! worker unpacks it as if the files were in a folder of its own.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use phoenix_domain::{Brings, FeatureName, FileName, PackName};
use thiserror::Error;

use crate::code::{Code, code};
use crate::finding::Finding;
use crate::folder::{Folder, Holding};
use crate::scene::Guest;

pub(crate) static UNPACKED: Code =
    code!("0940", Error, "what a guest brings along cannot be packed");

/// How much one script or feature may bring along.
const MOST: usize = 8 * 1024 * 1024;
/// Of how many files and folders.
const MANY: usize = 2000;

/// Archives of what guests bring along.
#[derive(Debug, Default)]
pub struct Packs(BTreeMap<PackName, Vec<u8>>);

/// Why files cannot be packed.
#[derive(Debug, Error)]
enum NotPacked {
    #[error("`{}` leads out of the folder of the config", path.display())]
    LeadsOut { path: PathBuf },
    #[error("`{}` is no file", path.display())]
    NoFile { path: PathBuf },
    #[error("the name of `{}` is not UTF-8", path.display())]
    NoName { path: PathBuf },
    #[error("`{}` cannot be read: {err}", path.display())]
    NotRead { path: PathBuf, err: io::Error },
    #[error("it has more than {} MiB or {MANY} files", MOST / 1024 / 1024)]
    TooMuch,
}

impl Packs {
    /// Packs what guests bring along, and tells each of them how that is named.
    pub(crate) fn of(guests: &mut [Guest], folder: &Folder, findings: &mut Vec<Finding>) -> Self {
        let mut packs = Self::default();
        let (scripts, features) =
            (folder.holding(Holding::Scripts), folder.holding(Holding::Features));
        // Texts that came without a folder have nothing beside them.
        let has_folder = !folder.path().as_os_str().is_empty();
        if !has_folder || !scripts.iter().chain(&features).any(|beside| beside.is_dir()) {
            return packs;
        }
        let mut known: BTreeMap<String, Option<PackName>> = BTreeMap::new();
        for guest in guests {
            let mut brings = Brings::default();
            if let Some(script) = &guest.spec.application_script {
                let pack = || script_of(folder.path(), &scripts, script);
                let (what, place) = (format!("the application script `{script}`"), || {
                    guest.at("application_script")
                });
                brings.script = packs.once(&mut known, what, pack, place, findings);
            }
            let server = guest.spec.server();
            for (nth, feature) in guest.spec.features.iter().chain(&server).enumerate() {
                let what = format!("the feature `{feature}`");
                let pack = || feature_of(folder.path(), &features, feature);
                let place = || match guest.spec.features.get(nth) {
                    Some(_) => guest.at("features").index(nth),
                    None => guest.at.clone(),
                };
                let pack = packs.once(&mut known, what, pack, place, findings);
                brings.features.extend(pack.map(|pack| (feature.clone(), pack)));
            }
            guest.spec.brings = brings;
        }
        packs
    }

    /// Returns an archive.
    pub fn archive(&self, pack: &PackName) -> Option<&[u8]> {
        self.0.get(pack).map(Vec::as_slice)
    }

    /// Packs what several guests may bring along, once.
    fn once(
        &mut self,
        known: &mut BTreeMap<String, Option<PackName>>,
        what: String,
        pack: impl FnOnce() -> Result<Option<Packing>, NotPacked>,
        place: impl FnOnce() -> crate::Place,
        findings: &mut Vec<Finding>,
    ) -> Option<PackName> {
        let vacant = match known.entry(what) {
            Entry::Occupied(known) => return known.get().clone(),
            Entry::Vacant(vacant) => vacant,
        };
        let archive = pack().and_then(|packing| packing.map(Packing::archive).transpose());
        let name = archive.map(|archive| {
            archive.map(|archive| {
                let name = PackName::of(&archive);
                self.0.insert(name.clone(), archive);
                name
            })
        });
        let name = name.unwrap_or_else(|why| {
            let message = format!("{} cannot be brought along: {why}", vacant.key());
            let help = "put the file itself there; what is large is fetched by the script, and what is secret is given by `secrets`";
            findings.push(Finding::new(&UNPACKED, place(), message).help(help));
            None
        });
        vacant.insert(name).clone()
    }
}

/// Packs a script, and the files in the folder of its name beside it.
fn script_of(
    config: &Path,
    folders: &[PathBuf],
    script: &FileName,
) -> Result<Option<Packing>, NotPacked> {
    let is_there = |folder: &&PathBuf| folder.join(script.as_str()).is_file();
    let Some(folder) = folders.iter().find(is_there) else { return Ok(None) };
    let path = folder.join(script.as_str());
    let mut packing = Packing::within(config, folder)?;
    let name = script.as_str().rsplit('/').next().unwrap_or_default();
    packing.add(&path, format!("script/{name}"))?;
    let mut beside = path.into_os_string();
    beside.push(".d");
    let beside = PathBuf::from(beside);
    if beside.is_dir() {
        packing.add(&beside, "script".to_owned())?;
    }
    Ok(Some(packing))
}

/// Packs a feature, and the shell files that the features of its folder share.
fn feature_of(
    config: &Path,
    folders: &[PathBuf],
    feature: &FeatureName,
) -> Result<Option<Packing>, NotPacked> {
    let is_there = |folder: &&PathBuf| folder.join(feature.as_str()).is_dir();
    let Some(folder) = folders.iter().find(is_there) else { return Ok(None) };
    let mut packing = Packing::within(config, folder)?;
    packing.add(&folder.join(feature.as_str()), "feature".to_owned())?;
    let shared = folder.join("lib");
    if shared.is_dir() {
        packing.add(&shared, "lib".to_owned())?;
    }
    Ok(Some(packing))
}

/// Files that become an archive.
struct Packing {
    /// Whatever is packed is below it.
    root: PathBuf,
    files: Vec<(String, u32, Vec<u8>)>,
    size: usize,
    count: usize,
}

impl Packing {
    /// Begins with nothing. What is packed of a folder of scripts or features may be a link to what lies
    /// in the folder of the config, or in that folder where it is elsewhere, and to nothing else.
    fn within(config: &Path, folder: &Path) -> Result<Self, NotPacked> {
        let root = if folder.starts_with(config) { config } else { folder };
        let root = root.canonicalize().map_err(not_read(root))?;
        Ok(Self { root, files: Vec::new(), size: 0, count: 0 })
    }

    /// Adds a file, or all files of a folder in one order.
    fn add(&mut self, path: &Path, name: String) -> Result<(), NotPacked> {
        self.count += 1;
        if self.count > MANY {
            return Err(NotPacked::TooMuch);
        }
        let at = path.canonicalize().map_err(not_read(path))?;
        if !at.starts_with(&self.root) {
            return Err(NotPacked::LeadsOut { path: path.to_owned() });
        }
        let metadata = fs::metadata(&at).map_err(not_read(path))?;
        if metadata.is_file() {
            // What it is found to be too large for is not read first.
            let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
            if self.size.saturating_add(size) > MOST {
                return Err(NotPacked::TooMuch);
            }
            let bytes = fs::read(&at).map_err(not_read(path))?;
            self.size += bytes.len();
            // Who checked it out, and with which umask, is no part of it.
            let is_program = metadata.permissions().mode() & 0o100 != 0;
            self.files.push((name, if is_program { 0o755 } else { 0o644 }, bytes));
            return Ok(());
        }
        if !metadata.is_dir() {
            return Err(NotPacked::NoFile { path: path.to_owned() });
        }
        let entries = fs::read_dir(&at).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = entries.map_err(not_read(path))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let below = path.join(entry.file_name());
            let Some(own) = below.file_name().and_then(|own| own.to_str()) else {
                return Err(NotPacked::NoName { path: below });
            };
            if !Brings::is_left_out(&name, own) {
                let name = format!("{name}/{own}");
                self.add(&below, name)?;
            }
        }
        Ok(())
    }

    fn archive(self) -> Result<Vec<u8>, NotPacked> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, mode, bytes) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            header.set_mode(*mode);
            let added = archive.append_data(&mut header, name, bytes.as_slice());
            added.map_err(not_read(Path::new(name)))?;
        }
        archive.into_inner().map_err(not_read(&self.root))
    }
}

fn not_read(path: &Path) -> impl FnOnce(io::Error) -> NotPacked {
    let path = path.to_owned();
    |err| NotPacked::NotRead { path, err }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::*;

    fn script(folder: &TempDir) -> Result<Vec<u8>, NotPacked> {
        let scripts = [folder.path().join("scripts")];
        let packing = script_of(folder.path(), &scripts, &"a.sh".parse().unwrap())?;
        packing.expect("it is there").archive()
    }

    fn folder() -> TempDir {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("scripts/a.sh.d/sub")).unwrap();
        fs::write(folder.path().join("scripts/a.sh"), "echo\n").unwrap();
        fs::write(folder.path().join("scripts/a.sh.d/sub/x"), "x").unwrap();
        fs::write(folder.path().join("scripts/a.sh.d/b"), "b").unwrap();
        folder
    }

    #[test]
    fn the_same_files_make_the_same_archive_whoever_checked_them_out_and_when() {
        let (one, other) = (folder(), folder());
        let file = fs::File::open(other.path().join("scripts/a.sh")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(other.path().join("scripts/a.sh.d/b"), private).unwrap();

        assert_eq!(script(&one).unwrap(), script(&other).unwrap());

        let program = fs::Permissions::from_mode(0o755);
        fs::set_permissions(other.path().join("scripts/a.sh.d/b"), program).unwrap();
        assert_ne!(script(&one).unwrap(), script(&other).unwrap());
    }

    #[test]
    fn the_files_beside_a_script_are_packed_with_it_in_one_order() {
        let archive = script(&folder()).unwrap();

        let mut archive = tar::Archive::new(archive.as_slice());
        let names = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string());
        assert_eq!(names.collect::<Vec<_>>(), ["script/a.sh", "script/b", "script/sub/x"]);
    }

    #[test]
    fn a_link_that_leads_out_is_refused_and_one_that_does_not_is_what_it_leads_to() {
        let folder = folder();
        fs::write(folder.path().join("common"), "s").unwrap();
        symlink("../../common", folder.path().join("scripts/a.sh.d/c")).unwrap();
        assert!(script(&folder).is_ok());

        for out in ["/etc/passwd", "../../..", "/dev/null"] {
            let link = folder.path().join("scripts/a.sh.d/d");
            symlink(out, &link).unwrap();
            let refused = script(&folder).unwrap_err();
            assert!(matches!(refused, NotPacked::LeadsOut { .. }), "{out}: {refused}");
            fs::remove_file(link).unwrap();
        }
    }

    #[test]
    fn what_is_too_large_or_has_no_end_is_refused() {
        let folder = folder();
        let large = fs::File::create(folder.path().join("scripts/a.sh.d/large")).unwrap();
        large.set_len(8 * 1024 * 1024).unwrap();
        assert!(matches!(script(&folder), Err(NotPacked::TooMuch)));

        large.set_len(0).unwrap();
        for name in ["round", "about"] {
            symlink(".", folder.path().join("scripts/a.sh.d").join(name)).unwrap();
        }
        assert!(matches!(script(&folder), Err(NotPacked::TooMuch | NotPacked::NotRead { .. })));
    }
}
