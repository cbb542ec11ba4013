//! `fake-pve`: makes a node, lets things go wrong on it, shows it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::fault::{Fault, What, When, add_fault};
use crate::say;
use crate::settings::{Settings, StorageSetting};
use crate::world::{World, init};

/// Returns how the commands are used.
pub fn usage() -> String {
    "usage: fake-pve init DIR [--storage NAME:TYPE:GIB ...] [--node NAME] [--natural]
                     [--bridge NAME ...] [--template NAME=FILE ...]
       fake-pve fault DIR KIND [--program P] [--subcommand S] [--vmid N] [--times N]
                     [--when before|during|after] [--ms N] [--exit N]
                     [--stdout TEXT] [--stderr TEXT] [--lock NAME]
              KIND is fail, lie, hang, slow, half, kill-starter, kill-self,
              kill-all, lose-answer or foreign-lock
       fake-pve show DIR
"
    .into()
}

/// Does what the words say, with the program that the node's programs are to be; returns what is
/// to be printed, or what is wrong.
pub fn administer(words: &[String], binary: &Path) -> Result<String, String> {
    let mut words = words.iter().map(String::as_str);
    match words.next() {
        Some("init") => make(words, binary),
        Some("fault") => fault(words),
        Some("show") => {
            let dir = words.next().ok_or_else(usage)?;
            show(Path::new(dir)).map_err(|broken| broken.to_string())
        }
        Some("help" | "--help" | "-h") => Ok(usage()),
        Some(_) | None => Err(usage()),
    }
}

pub(crate) fn main(words: &[String]) -> u8 {
    let binary = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("fake-pve"));
    match administer(words, &binary) {
        Ok(text) => {
            say::out(&text);
            0
        }
        Err(text) => {
            say::err(&format!("{}\n", text.trim_end()));
            2
        }
    }
}

fn make<'a>(mut words: impl Iterator<Item = &'a str>, binary: &Path) -> Result<String, String> {
    let dir = words.next().filter(|dir| !dir.starts_with('-')).ok_or_else(usage)?;
    if std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(format!("{dir} is not empty: name a folder that is not there yet"));
    }
    let mut settings = Settings::default();
    let mut storages = Vec::new();
    let mut bridges = Vec::new();
    let mut templates = Vec::new();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{}", usage()));
        match word {
            "--storage" => storages.push(storage(value()?)?),
            "--node" => value()?.clone_into(&mut settings.node),
            "--natural" => settings.latency = Settings::natural().latency,
            "--bridge" => bridges.push(value()?.to_owned()),
            "--template" => {
                let pair = value()?;
                let split =
                    pair.split_once('=').map(|(name, file)| (name.to_owned(), file.to_owned()));
                templates.push(split.ok_or_else(|| format!("'{pair}' is not NAME=FILE"))?);
            }
            _ => return Err(format!("unknown option {word}\n{}", usage())),
        }
    }
    if !storages.is_empty() {
        settings.storages = storages;
    }
    if !bridges.is_empty() {
        settings.bridges = bridges;
    }
    let world = init(Path::new(dir), &settings, binary).map_err(|broken| broken.to_string())?;
    for (name, file) in templates {
        world
            .add_template(&name, Path::new(&file))
            .map_err(|broken| format!("cannot take {file} as a template: {broken}"))?;
    }
    Ok(format!("{}\n", world.root().display()))
}

fn storage(text: &str) -> Result<StorageSetting, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let wrong = || format!("'{text}' is not NAME:TYPE:GIB, as tank:zfspool:500");
    let [name, kind, gib] = parts.as_slice() else { return Err(wrong()) };
    let gib = gib.parse().map_err(|_| wrong())?;
    Ok(StorageSetting { name: (*name).into(), kind: (*kind).into(), gib })
}

fn fault<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<String, String> {
    let dir = words.next().ok_or_else(usage)?;
    let kind = words.next().ok_or_else(usage)?;
    let mut fault = Fault::new(What::Lie);
    let (mut when, mut ms, mut exit) = (When::During, 1000, 255);
    let (mut stdout, mut stderr, mut lock) = (String::new(), String::new(), "backup".to_owned());
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value\n{}", usage()))?;
        let wrong = || format!("{word}: '{value}' is not a number");
        match word {
            "--program" => fault.program = Some(value.into()),
            "--subcommand" => fault.subcommand = Some(value.into()),
            "--vmid" => fault.vmid = Some(value.parse().map_err(|_| wrong())?),
            "--times" => fault.times = value.parse().map_err(|_| wrong())?,
            "--ms" => ms = value.parse().map_err(|_| wrong())?,
            "--exit" => exit = value.parse().map_err(|_| wrong())?,
            "--stdout" => value.clone_into(&mut stdout),
            "--stderr" => value.clone_into(&mut stderr),
            "--lock" => value.clone_into(&mut lock),
            "--when" => {
                when = match value {
                    "before" => When::Before,
                    "during" => When::During,
                    "after" => When::After,
                    _ => return Err(format!("--when is before, during or after, not '{value}'")),
                };
            }
            _ => return Err(format!("unknown option {word}\n{}", usage())),
        }
    }
    fault.what = match kind {
        "fail" => What::Fail { exit, stdout, stderr },
        "lie" => What::Lie,
        "hang" => What::Hang,
        "slow" => What::Slow { ms },
        "half" => What::Half,
        "kill-starter" => What::KillStarter { when },
        "kill-self" => What::KillSelf { when },
        "kill-all" => What::KillAll { when },
        "lose-answer" => What::LoseAnswer,
        "foreign-lock" => What::ForeignLock { lock, ms },
        _ => return Err(format!("there is no fault '{kind}'\n{}", usage())),
    };
    let world = World::open(Path::new(dir)).map_err(|broken| broken.to_string())?;
    add_fault(world.root(), fault).map_err(|broken| broken.to_string())?;
    Ok(String::new())
}

fn show(dir: &Path) -> Result<String, crate::world::Broken> {
    let world = World::open(dir)?;
    let mut text = String::new();
    for vmid in world.containers()? {
        let state = world.pid(vmid).filter(|_| world.is_running(vmid));
        let state = state.map_or_else(|| "stopped".into(), |pid| format!("running, process {pid}"));
        writeln!(text, "container {vmid}: {state}").ok();
        for line in world.conf(vmid)?.unwrap_or_default().lines() {
            writeln!(text, "    {line}").ok();
        }
    }
    for volume in world.volumes()? {
        let (id, folder) = (volume.id, volume.folder.display().to_string());
        writeln!(text, "volume {id}: {} MiB in {folder}", volume.size >> 20).ok();
    }
    for mount in world.stale_mounts() {
        writeln!(text, "mounted: {mount}").ok();
    }
    Ok(text)
}
