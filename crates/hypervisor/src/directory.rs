//! Makes a directory of the host that is to be mounted into a guest.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, Gid, Mode, OFlags, ResolveFlags, Uid, fchown, openat, openat2};
use rustix::io::Errno;

use crate::HostError;

/// Where the ids of an unprivileged container begin on the host.
pub(crate) const FIRST_ID: u32 = 100_000;

/// Makes a directory below a root and gives it to an id inside of a guest. What is in it stays as
/// it is.
pub(crate) fn make(
    root: &Path,
    path: &str,
    owner: Option<u32>,
    group: Option<u32>,
    is_mapped: bool,
) -> Result<(), HostError> {
    let failed = |why: String| HostError::Failed {
        what: format!("making the directory {path}"),
        why,
        output: String::new(),
    };
    let below = path.trim_start_matches('/');
    fs::create_dir_all(root.join(below)).map_err(|err| failed(err.to_string()))?;
    // A directory on its way may be mounted in a guest, whose root could put a link there and have
    // any file of the host given away.
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, root, flags, Mode::empty());
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
    let there = root.and_then(|root| openat2(root, below, flags, Mode::empty(), resolve));
    let there = there.map_err(|err| match err {
        Errno::LOOP => {
            failed("there is a symbolic link in its path; name what it leads to".to_owned())
        }
        err => failed(err.to_string()),
    })?;
    let outside = |id: u32| if is_mapped { id.saturating_add(FIRST_ID) } else { id };
    let uid = owner.map(|id| Uid::from_raw(outside(id)));
    let gid = group.map(|id| Gid::from_raw(outside(id)));
    if uid.is_some() || gid.is_some() {
        fchown(&there, uid, gid).map_err(|err| failed(err.to_string()))?;
    }
    Ok(())
}
