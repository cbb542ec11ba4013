//! `pct resize`: a larger volume.

use serde::{Deserialize, Serialize};

use super::change;
use crate::conf::Conf;
use crate::conf::volumes::Mount;
use crate::die::{Die, Outcome};
use crate::guest::check_lock;
use crate::job::Job;
use crate::run::Run;
use crate::running;
use crate::say;
use crate::schema::formats;
use crate::schema::options::Given;
use crate::storage::{Storages, Volume};

/// Makes a volume larger.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Resize {
    vmid: u32,
    disk: String,
    size: String,
    digest: Option<String>,
}

/// A volume and the size it is to have.
struct Plan {
    conf: Conf,
    mount: Mount,
    volume: Volume,
    bytes: u64,
}

pub(super) fn command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.vmid("vmid");
    let get = |key: &str| given.get(key).unwrap_or_default().to_owned();
    let digest = given.get("digest").map(str::to_owned);
    let job = Resize { vmid, disk: get("disk"), size: get("size"), digest };
    job.plan(run)?;
    // How the worker ended is not asked.
    run.work("resize", &vmid.to_string(), Job::Resize(job))?;
    Ok(0)
}

impl Resize {
    fn plan(&self, run: &Run) -> Outcome<Plan> {
        let conf = run.load(self.vmid)?;
        check_lock(&conf)?;
        change::check_digest(self.digest.as_deref(), &conf)?;
        let text = conf.main.get(&self.disk).unwrap_or_default();
        let mount = Mount::parse(&self.disk, text).map_err(Die::raw)?;
        let storages = Storages::read(run)?;
        let volume = Volume::parse(&storages, mount.volume())?;
        if volume.owner != Some(self.vmid) {
            let owner = volume.owner.unwrap_or(0);
            let words = format!("can't resize mount point owned by another container ({owner})");
            return Err(Die::raw(format!(
                "{words} at /usr/share/perl5/PVE/API2/LXC.pm line 2390.\n"
            )));
        }
        let now = run.known(&volume)?.size;
        let (adds, size) = match self.size.strip_prefix('+') {
            Some(size) => (true, size),
            None => (false, self.size.as_str()),
        };
        let size = formats::size(size).unwrap_or(0);
        let bytes = if adds { now + size } else { size };
        if bytes < now {
            return Err(Die::new("unable to shrink disk size"));
        }
        if bytes == now {
            return Err(Die::new("disk is already at specified size"));
        }
        Ok(Plan { conf, mount, volume, bytes })
    }

    pub(crate) fn run(self, run: &Run) -> Outcome<()> {
        run.alone(self.vmid, || {
            let Plan { mut conf, mut mount, volume, bytes } = self.plan(run)?;
            run.resize(&volume, bytes)?;
            run.midpoint();
            mount.set_size(bytes);
            conf.main.set(&self.disk, mount.print());
            run.write(self.vmid, &conf)?;
            if volume.format == "raw" {
                let is_running = running::is_running(&run.node, self.vmid);
                say::out(&grown(&volume, bytes, is_running));
            }
            Ok(())
        })
    }
}

/// Returns what the tools of the file system say.
fn grown(volume: &Volume, bytes: u64, is_running: bool) -> String {
    let blocks = bytes / 4096;
    let path = if is_running { "/dev/loop0".into() } else { volume.path() };
    let first = if is_running {
        format!("Filesystem at {path} is mounted on /tmp; on-line resizing required\n")
    } else {
        format!("Resizing the filesystem on {path} to {blocks} (4k) blocks.\n")
    };
    format!(
        "resize2fs 1.47.2 (1-Jan-2025)\n{first}The filesystem on {path} is now {blocks} (4k) \
         blocks long.\n\n"
    )
}
