//! The packages in a fresh Debian: judged, installed, used, upgraded, removed, purged.

use std::path::{Path, PathBuf, absolute};

use anyhow::{Result, bail};

use crate::debian;
use crate::process::Program;
use crate::tools;
use crate::workspace::Workspace;

/// Judges packages as Debian's own are judged. What it writes goes to memory, and its mounts end with it.
const JUDGE: &str = "mount -t tmpfs judge /mnt && mkdir /mnt/over /mnt/work /mnt/root && \
     mount -t overlay overlay -o \"lowerdir=$1,upperdir=/mnt/over,workdir=/mnt/work\" /mnt/root && \
     mount -t proc proc /mnt/root/proc && mkdir /mnt/root/mnt/debs /mnt/root/mnt/deploy && \
     mount --bind \"$2\" /mnt/root/mnt/debs && mount --bind deploy /mnt/root/mnt/deploy && \
     exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 chroot /mnt/root sh -c \
     'exec lintian --allow-root --fail-on error,warning --suppress-tags-from-file /mnt/deploy/lintian.tags \
     /mnt/debs/*.deb'";

/// Fails where anything is wrong with the packages, or anything is left of them.
pub(super) fn check(workspace: &Workspace, debs: &[PathBuf]) -> Result<()> {
    let Some(folder) = debs.first().and_then(|deb| deb.parent()) else {
        bail!("there is no package")
    };
    if !debian::is_root() {
        bail!(
            "packages are installed as root, and this is somebody else: \
             `sudo cargo xtask package --check`"
        );
    }
    let folder = absolute(folder)?;
    judge(workspace, &folder)?;
    tools::ZSTD.ensure(workspace)?;
    Program::new("deploy/fresh.sh")
        .arg(absolute(debian::archive(workspace)?)?)
        .arg(folder)
        .arg(absolute(tools::NATS_SERVER.ensure(workspace)?)?)
        .run()
}

fn judge(workspace: &Workspace, debs: &Path) -> Result<()> {
    let judge = absolute(debian::judge(workspace)?)?;
    Program::new("unshare")
        .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", JUDGE, "sh"])
        .args([&judge, debs])
        .run()
}
