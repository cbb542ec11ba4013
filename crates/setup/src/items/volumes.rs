//! Volumes that belong to no guest, in a storage of ZFS. None is ever made smaller or destroyed.

use phoenix_config::{HostSpec, LooseVolume, Storage};
use serde_json::Value;

use super::storages;
use crate::change::{Act, HostChange, Run};
use crate::host::Host;
use crate::item::{Item, Look, Refusal};

/// The number of no guest, under which they are kept.
const NOBODY: &str = "99999";
const GUESTS: &str = "/etc/pve/.vmlist";

/// The volumes on one pool.
pub(super) struct Volumes {
    part: String,
    volumes: Vec<(LooseVolume, Option<(String, Storage)>)>,
}

impl Volumes {
    pub(super) fn all(spec: &HostSpec) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for volume in &spec.volumes {
            let of = |storage: &Storage| storage.id == volume.storage;
            let dataset =
                spec.datasets.iter().find(|dataset| dataset.storage.as_ref().is_some_and(of));
            let made =
                dataset.and_then(|dataset| Some((dataset.full_name(), dataset.storage.clone()?)));
            // A storage that is not of ours stands on a pool of its own.
            let part =
                dataset.map_or_else(|| volume.storage.to_string(), |dataset| dataset.pool.clone());
            let entry = (volume.clone(), made);
            match all.iter_mut().find(|volumes| volumes.part == part) {
                Some(volumes) => volumes.volumes.push(entry),
                None => all.push(Self { part, volumes: vec![entry] }),
            }
        }
        all
    }
}

impl Item for Volumes {
    fn name(&self) -> &'static str {
        "volumes"
    }

    fn part(&self) -> Option<&str> {
        Some(&self.part)
    }

    fn about(&self) -> &'static str {
        "volumes that belong to no guest"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["storages"]
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        is_free(host)?;
        let mut look = Look::default();
        for (volume, made) in &self.volumes {
            match change(host, volume, made.as_ref()) {
                Ok(change) => look.changes.extend(change),
                Err(refusal) => look.left_out.push(refusal),
            }
        }
        Ok(look)
    }
}

/// Refuses where somebody has the number: a guest takes its volumes with it.
fn is_free(host: &Host) -> Result<(), Refusal> {
    let guests = host.text(GUESTS)?.unwrap_or_default();
    let guests: Value = serde_json::from_str(&guests).unwrap_or_default();
    if guests.pointer(&format!("/ids/{NOBODY}")).is_none() {
        return Ok(());
    }
    let why = "volumes that belong to no guest are kept under this number, and this guest would take them with it";
    Err(Refusal::new(format!("the guest {NOBODY}"), why, "give the guest another number"))
}

fn change(
    host: &Host,
    volume: &LooseVolume,
    made: Option<&(String, Storage)>,
) -> Result<Option<HostChange>, Refusal> {
    let storage = volume.storage.as_str();
    let called = || format!("the volume {}", volume.name);
    let known = storages::known(host)?;
    let (dataset, holds) = match (known.get(storage), made) {
        (Some(found), _) => {
            let dataset = found.keys.get("pool").filter(|_| found.kind == "zfspool");
            let content = found.keys.get("content").map(String::as_str).unwrap_or_default();
            (dataset.cloned(), content.split(',').any(|word| word.trim() == "images"))
        }
        (None, Some((dataset, made))) => {
            let holds = made.content.iter().any(|word| word == "images");
            (made.is_zfs.then(|| dataset.clone()), holds)
        }
        (None, None) => {
            let why = format!("there is no storage {storage}");
            return Err(Refusal::new(called(), why, "`pvesm status` lists those there are"));
        }
    };
    let Some(dataset) = dataset.filter(|_| holds) else {
        let why = format!("the storage {storage} is none of ZFS that may hold `images`");
        let advice = format!("`pvesm set {storage} --content images,…`, or name another storage");
        return Err(Refusal::new(called(), why, advice));
    };
    let name = format!("vm-{NOBODY}-disk-{}", volume.name);
    let wanted = volume.size.0.saturating_mul(1 << 30);
    let found = if known.contains_key(storage) { size(host, storage, &name)? } else { None };
    match found {
        None => {
            let size = format!("{}G", volume.size.0);
            let run = Run::of(["pvesm", "alloc", storage, NOBODY, &name, &size]);
            Ok(Some(HostChange::live(Act::Run(run), "there is no such volume")))
        }
        Some(found) if found < wanted => {
            let run =
                Run::of(["zfs", "set", &format!("volsize={wanted}"), &format!("{dataset}/{name}")]);
            let why = format!("it has {} GiB, and is to have {}", found >> 30, volume.size.0);
            Ok(Some(HostChange::live(Act::Run(run), why)))
        }
        Some(found) if found > wanted => {
            let why =
                format!("it has {} GiB, and nothing makes it smaller", found.div_ceil(1 << 30));
            let advice = format!(
                "write `size_gb` as it is, or destroy it by hand: `pvesm free {storage}:{name}`"
            );
            Err(Refusal::new(called(), why, advice))
        }
        Some(_) => Ok(None),
    }
}

/// Returns how large a volume is, in bytes.
fn size(host: &Host, storage: &str, name: &str) -> Result<Option<u64>, Refusal> {
    let argv = ["pvesm", "list", storage, "--vmid", NOBODY];
    let listed = host.asked(&argv)?;
    let volume = format!("{storage}:{name}");
    let line = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let Some(line) = line.into_iter().find(|line| line.first() == Some(&volume.as_str())) else {
        return Ok(None);
    };
    let size = line.get(3).and_then(|size| size.parse().ok());
    size.map(Some).ok_or_else(|| {
        Refusal::new(
            argv.join(" "),
            format!("it does not say how large {volume} is"),
            "type it, and see",
        )
    })
}
