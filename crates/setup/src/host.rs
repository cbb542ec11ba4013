//! A host as it is: files below a root, and what its programs say. Nothing here changes anything.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::change::{Act, FileChange, HostChange, Owner};
use crate::item::Refusal;
use crate::process::{self, Answer};

/// How long a program may look.
const PATIENCE: Duration = Duration::from_mins(1);

/// A host, or a folder that is as one.
#[derive(Clone, Debug)]
pub struct Host {
    root: PathBuf,
}

/// A user of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub uid: u32,
    /// The number of its own group.
    pub gid: u32,
    /// Its folder.
    pub home: String,
}

/// A file that is to be.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Its path on the host.
    pub path: &'a str,
    /// What it is to say.
    pub text: String,
    /// Its mode.
    pub mode: u32,
    /// A command that has to accept the text first; `{}` stands for the file it is in.
    pub check: &'a [&'a str],
    /// Why it is.
    pub why: &'a str,
}

impl Host {
    /// Takes a folder for a host: `/`, but for tests.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Returns the folder that is the host's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns where something of the host is.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Returns what a file says, if it is there.
    pub fn text(&self, path: &str) -> Result<Option<String>, Refusal> {
        match fs::read(self.at(path)) {
            Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| {
                Refusal::new(path, "it is not UTF-8", "see what it is, and move it out of the way")
            }),
            Err(err) if is_absent(&err) => Ok(None),
            Err(err) => Err(unreadable(path, &err)),
        }
    }

    /// Returns what a file of the kernel says, without its line end.
    pub fn line(&self, path: &str) -> Result<Option<String>, Refusal> {
        Ok(self.text(path)?.map(|text| text.trim().to_owned()))
    }

    /// Returns where a symbolic link leads.
    pub fn link(&self, path: &str) -> Option<String> {
        fs::read_link(self.at(path)).ok().map(|target| target.display().to_string())
    }

    /// Says whether there is something.
    pub fn exists(&self, path: &str) -> bool {
        fs::symlink_metadata(self.at(path)).is_ok()
    }

    /// Returns the names of what is in a folder, in their order.
    pub fn names(&self, path: &str) -> Result<Vec<String>, Refusal> {
        let entries = match fs::read_dir(self.at(path)) {
            Ok(entries) => entries,
            Err(err) if is_absent(&err) => return Ok(Vec::new()),
            Err(err) => return Err(unreadable(path, &err)),
        };
        let mut names = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()
            .map_err(|err| unreadable(path, &err))?;
        names.sort_unstable();
        Ok(names)
    }

    /// Says whether the host has a program.
    pub fn has(&self, program: &str) -> bool {
        process::FOLDERS.iter().any(|folder| {
            let found = fs::metadata(self.at(&format!("{folder}/{program}")));
            found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
    }

    /// Asks a program of the host, whatever it answers.
    pub fn ask(&self, argv: &[&str]) -> Result<Answer, Refusal> {
        let argv: Vec<_> = argv.iter().map(|word| (*word).to_owned()).collect();
        process::run(&self.root, &argv, None, None, PATIENCE).map_err(|err| {
            let what = argv.join(" ");
            Refusal::new(what, err.to_string(), "see that the program is there and answers")
        })
    }

    /// Asks a program that has to answer well.
    pub fn asked(&self, argv: &[&str]) -> Result<String, Refusal> {
        let answer = self.ask(argv)?;
        if answer.is_good() {
            return Ok(answer.out);
        }
        Err(Refusal::new(argv.join(" "), answer.said(), "type it, and see what it says"))
    }

    /// Asks a program for JSON.
    pub fn asked_json(&self, argv: &[&str]) -> Result<serde_json::Value, Refusal> {
        let text = self.asked(argv)?;
        serde_json::from_str(&text).map_err(|err| {
            let why = format!("it did not answer in JSON: {err}");
            Refusal::new(argv.join(" "), why, "type it, and see what it says")
        })
    }

    /// Returns a user of the host.
    pub fn account(&self, user: &str) -> Result<Option<Account>, Refusal> {
        let passwd = self.text("/etc/passwd")?.unwrap_or_default();
        Ok(passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(user) {
                return None;
            }
            let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            Some(Account { uid, gid, home: fields.nth(1)?.to_owned() })
        }))
    }

    /// Returns the number of a group of the host.
    pub fn group(&self, group: &str) -> Result<Option<u32>, Refusal> {
        let groups = self.text("/etc/group")?.unwrap_or_default();
        Ok(groups.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() == Some(group) { fields.nth(1)?.parse().ok() } else { None }
        }))
    }

    /// Returns the numbers of an owner.
    pub(crate) fn ids(&self, owner: &Owner) -> Result<Option<(u32, u32)>, Refusal> {
        let (user, group) = (self.account(&owner.user)?, self.group(&owner.group)?);
        Ok(user.map(|user| user.uid).zip(group))
    }

    /// Returns the change that makes a file of root so, if it is otherwise.
    pub fn want(&self, wanted: Wanted<'_>) -> Result<Option<HostChange>, Refusal> {
        self.want_of(wanted, Owner::root())
    }

    /// Returns the change that makes a file of somebody so, if it is otherwise.
    pub fn want_of(&self, wanted: Wanted<'_>, owner: Owner) -> Result<Option<HostChange>, Refusal> {
        let Wanted { path, text, mode, check, why } = wanted;
        let was = self.text(path)?;
        // The file system of a cluster has rights of its own.
        let rights = (!path.starts_with("/etc/pve/")).then_some((mode, owner));
        let are_rights = match &rights {
            None => true,
            Some((mode, owner)) => self.has_rights(path, *mode, owner)?,
        };
        if was.as_deref() == Some(&*text) && are_rights {
            return Ok(None);
        }
        let check =
            (!check.is_empty()).then(|| check.iter().map(|word| (*word).to_owned()).collect());
        let path = path.to_owned();
        let file = FileChange { path, was, text, rights, check, guard: None };
        Ok(Some(HostChange::live(Act::File(file), why)))
    }

    /// Returns the change that makes a folder so, if it is otherwise.
    pub fn want_folder(
        &self,
        path: &str,
        mode: u32,
        owner: &Owner,
        why: &str,
    ) -> Result<Option<HostChange>, Refusal> {
        if self.at(path).is_dir() && self.has_rights(path, mode, owner)? {
            return Ok(None);
        }
        if self.exists(path) && !self.at(path).is_dir() {
            let advice = "move it out of the way, or name another path";
            return Err(Refusal::new(path, "it is there and no folder", advice));
        }
        let act = Act::Folder { path: path.to_owned(), mode, owner: owner.clone() };
        Ok(Some(HostChange::live(act, why)))
    }

    /// Returns the change that has a setting of the kernel so, if there is such a setting.
    pub fn want_kernel(
        &self,
        path: &str,
        value: &str,
        why: &str,
    ) -> Result<Option<HostChange>, Refusal> {
        let was = self.line(path)?;
        Ok(was.filter(|was| was != value).map(|was| {
            let act = Act::Kernel { path: path.to_owned(), was, value: value.to_owned() };
            HostChange::live(act, why)
        }))
    }

    fn has_rights(&self, path: &str, mode: u32, owner: &Owner) -> Result<bool, Refusal> {
        let Ok(found) = fs::metadata(self.at(path)) else { return Ok(false) };
        Ok(found.mode() & 0o7777 == mode && self.ids(owner)? == Some((found.uid(), found.gid())))
    }
}

fn is_absent(err: &io::Error) -> bool {
    matches!(err.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unreadable(path: &str, err: &io::Error) -> Refusal {
    Refusal::new(
        path,
        format!("it cannot be read: {err}"),
        "setup needs root; see what the path is",
    )
}
