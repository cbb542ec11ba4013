//! `push` and `pull`: a file into a container, or out of it.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Stdio;

use serde::{Deserialize, Serialize};

use crate::attach;
use crate::die::{Die, Outcome};
use crate::job::Job;
use crate::run::Run;
use crate::running;
use crate::schema::options::Given;

/// Whose a file is to be, and who may read it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Owner {
    user: Option<String>,
    group: Option<String>,
    perms: Option<String>,
}

/// Copies a file of the node into a container.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Push {
    vmid: u32,
    file: String,
    destination: String,
    owner: Owner,
}

/// Copies a file out of a container.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Pull {
    vmid: u32,
    path: String,
    destination: String,
    owner: Owner,
}

fn owner(given: &mut Given) -> Owner {
    Owner { user: given.take("user"), group: given.take("group"), perms: given.take("perms") }
}

pub(super) fn push_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    run.alone(vmid, || {
        if !running::is_running(&run.node, vmid) {
            return Err(Die::new("can only push files to a running CT"));
        }
        run.load(vmid)?;
        let owner = owner(given);
        let take = |given: &mut Given, key| given.take(key).unwrap_or_default();
        let (file, destination) = (take(given, "file"), take(given, "destination"));
        let job = Job::Push(Push { vmid, file, destination, owner });
        run.work("push_file", &vmid.to_string(), job).map(drop)
    })?;
    Ok(0)
}

pub(super) fn pull_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    run.alone(vmid, || {
        if !running::is_running(&run.node, vmid) {
            return Err(Die::raw(
                "can only pull files from a running VM at /usr/share/perl5/PVE/CLI/pct.pm line \
                 664.\n",
            ));
        }
        let owner = owner(given);
        let take = |given: &mut Given, key| given.take(key).unwrap_or_default();
        let (path, destination) = (take(given, "path"), take(given, "destination"));
        let job = Job::Pull(Pull { vmid, path, destination, owner });
        run.work("pull_file", &vmid.to_string(), job).map(drop)
    })?;
    Ok(0)
}

impl Push {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        let Ok(source) = File::open(&self.file) else {
            return Err(Die::new(format!("failed to open {} for reading", self.file)));
        };
        let life = running::life(&run.node, self.vmid)?;
        let act = attach::Act::Receive { path: self.destination, owner: self.owner };
        attach::inside(run, &life, &act, Stdio::from(source), None)
    }
}

impl Pull {
    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        let life = running::life(&run.node, self.vmid)?;
        let file = create(Path::new(&self.destination), &self.owner)?;
        let act = attach::Act::Send { path: self.path };
        attach::inside(run, &life, &act, Stdio::null(), Some(file))
    }
}

/// Makes a file, or empties the one that is there.
pub(crate) fn create(path: &Path, owner: &Owner) -> Outcome<File> {
    let id = |name: &Option<String>, file: &str, what: &str| match name {
        None => Ok(None),
        Some(name) => number_of(name, file)
            .map(Some)
            .ok_or_else(|| Die::new(format!("failed to get {what} for: {name}"))),
    };
    let user = id(&owner.user, "/etc/passwd", "uid")?;
    let group = id(&owner.group, "/etc/group", "gid")?;
    let mode = owner.perms.as_deref().map(mode).transpose()?;
    let new = File::options().write(true).create_new(true).mode(0o0).open(path);
    let is_new = new.is_ok();
    let file = new
        .or_else(|_| File::options().write(true).create(true).truncate(true).open(path))
        .map_err(|err| {
            let why = std::io::Error::from_raw_os_error(err.raw_os_error().unwrap_or(0));
            let why = why.to_string();
            let why = why.split(" (os error").next().unwrap_or_default().to_owned();
            Die::new(format!("failed to create file: {}: {why}", path.display()))
        })?;
    let mode = mode.or_else(|| is_new.then_some(0o644));
    if let Some(mode) = mode {
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    if user.is_some() || group.is_some() {
        let now = file.metadata()?;
        let user = user.unwrap_or_else(|| now.uid());
        let group = group.unwrap_or_else(|| now.gid());
        std::os::unix::fs::fchown(&file, Some(user), Some(group))
            .map_err(|err| Die::new(format!("failed to change file owner: {err}")))?;
    }
    Ok(file)
}

fn number_of(name: &str, file: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// Reads a mode: octal, unless it begins with `0x`.
fn mode(text: &str) -> Outcome<u32> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => u32::from_str_radix(text, 8),
    };
    parsed.map_err(|_| {
        let zero = if text.starts_with('0') { "" } else { "0" };
        Die::new(format!("invalid mode: '{zero}{text}'"))
    })
}
