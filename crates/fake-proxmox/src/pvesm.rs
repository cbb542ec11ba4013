//! `pvesm`: the storages.

use serde_json::{Map, Value, json};

use crate::cli::{Command, Program, known_but_absent};
use crate::die::{Die, Outcome};
use crate::job::Job;
use crate::run::Run;
use crate::say;
use crate::schema::options::Given;
use crate::schema::{Format, Prop, VMID, formats, needed, text};
use crate::storage::{Storage, Storages, Volume};
use crate::vmlist;

fn is_size(value: &str) -> bool {
    let digits = value.strip_suffix(['M', 'G']).unwrap_or(value);
    formats::is_digits(digits)
}

const STORAGE: Prop = Prop { format: Format::Is(formats::storage_id), ..text("storage") };
const CONTENT: Prop = text("content");

fn alloc_options() -> Vec<Prop> {
    vec![
        needed(STORAGE),
        VMID,
        needed(text("filename")),
        Prop { pattern: Some(is_size), ..needed(text("size")) },
        Prop { one_of: &["raw", "qcow2", "subvol", "vmdk"], ..text("format") },
    ]
}

/// The commands.
pub(crate) const PVESM: Program = Program {
    name: "pvesm",
    groups: &[
        &[
            known_but_absent("add", "<type> <storage> [OPTIONS]"),
            known_but_absent("remove", "<storage>"),
            known_but_absent("set", "<storage> [OPTIONS]"),
        ],
        &[
            Command {
                name: "alloc",
                positions: &["storage", "vmid", "filename", "size"],
                usage: "<storage> <vmid> <filename> <size> [OPTIONS]",
                options: alloc_options,
                run: alloc,
            },
            Command {
                name: "free",
                positions: &["volume"],
                usage: "<volume> [OPTIONS]",
                options: || {
                    vec![
                        needed(text("volume")),
                        STORAGE,
                        crate::schema::integer("delay", 1, Some(30)),
                    ]
                },
                run: free_command,
            },
            Command {
                name: "list",
                positions: &["storage"],
                usage: "<storage> [OPTIONS]",
                options: || vec![needed(STORAGE), CONTENT, Prop { optional: true, ..VMID }],
                run: list,
            },
        ],
        &[
            known_but_absent("prune-backups", "<storage> [OPTIONS]"),
            Command {
                name: "status",
                positions: &[],
                usage: " [OPTIONS]",
                options: || {
                    let flags = ["enabled", "format"].map(crate::schema::boolean);
                    let target = Prop { format: Format::Is(formats::node), ..text("target") };
                    [STORAGE, CONTENT, target].into_iter().chain(flags).collect()
                },
                run: status,
            },
        ],
        &[
            known_but_absent("export", "<volume> <format> <filename> [OPTIONS]"),
            known_but_absent("extractconfig", "<volume>"),
            known_but_absent("import", "<volume> <format> <filename> [OPTIONS]"),
            Command {
                name: "path",
                positions: &["volume"],
                usage: "<volume>",
                options: || vec![needed(text("volume"))],
                run: path,
            },
        ],
    ],
};

/// A storage as it is listed.
pub(crate) struct Status {
    pub(crate) storage: Storage,
    pub(crate) is_enabled: bool,
    pub(crate) total: u64,
    pub(crate) used: u64,
}

/// Returns the state of all storages that hold a content.
pub(crate) fn states(run: &Run, content: Option<&str>) -> Outcome<Vec<Status>> {
    let storages = Storages::read(run)?;
    let wanted: Option<Vec<&str>> = content.map(formats::split_list);
    let mut states = Vec::new();
    for storage in storages.all() {
        let is_enabled = storages.enabled(&storage.name).is_ok();
        let fits = wanted.as_ref().is_none_or(|wanted| {
            is_enabled && wanted.iter().any(|content| storage.content.contains(*content))
        });
        if fits {
            let (total, used) = if is_enabled { run.room(storage)? } else { (0, 0) };
            states.push(Status { storage: storage.clone(), is_enabled, total, used });
        }
    }
    states.sort_by(|one, other| one.storage.name.cmp(&other.storage.name));
    Ok(states)
}

fn status(run: &Run, given: &mut Given) -> Outcome<u8> {
    let mut states = states(run, given.get("content"))?;
    if let Some(name) = given.get("storage") {
        states.retain(|state| state.storage.name == name);
    }
    if given.is("enabled") {
        states.retain(|state| state.is_enabled);
    }
    let width = states.iter().map(|state| state.storage.name.len()).max().unwrap_or(0) + 1;
    say::out(&format!(
        "{:<width$} {:>10} {:>10} {:>15} {:>15} {:>15} {:>8}\n",
        "Name", "Type", "Status", "Total (KiB)", "Used (KiB)", "Available (KiB)", "%"
    ));
    for state in states {
        let Status { storage, is_enabled, total, used } = state;
        let word = if is_enabled { "active" } else { "disabled" };
        let hundredths = used * 10_000 / total.max(1);
        let percent = if is_enabled {
            format!("{:>4}.{:02}%", hundredths / 100, hundredths % 100)
        } else {
            "     N/A".into()
        };
        let free = total.saturating_sub(used);
        say::out(&format!(
            "{:<width$} {:>10} {word:>10} {:>15} {:>15} {:>15} {percent:>8}\n",
            storage.name,
            storage.kind.name(),
            total / 1024,
            used / 1024,
            free / 1024,
        ));
    }
    Ok(0)
}

/// Returns what is on a storage, as the programming interface shows it.
pub(crate) fn content(
    run: &Run,
    storage: &str,
    vmid: Option<u32>,
    wanted: Option<&str>,
) -> Outcome<Vec<Map<String, Value>>> {
    let storages = Storages::read(run)?;
    let storage = storages.enabled(storage)?;
    let guests = vmlist::guests(&run.node)?;
    let mut items = Vec::new();
    for (volume, label) in run.volumes(storage)? {
        let owner = volume.owner.unwrap_or(0);
        let is_container = guests.get(&owner).is_some_and(|guest| guest.kind == "lxc");
        let content = if is_container { "rootdir" } else { "images" };
        let fits = vmid.is_none_or(|vmid| vmid == owner)
            && storage.content.contains(content)
            && wanted.is_none_or(|wanted| wanted == content);
        if !fits {
            continue;
        }
        let (size, ctime) = Run::sizes(&label);
        let mut item = Map::new();
        item.insert("content".into(), json!(content));
        item.insert("ctime".into(), json!(ctime));
        item.insert("format".into(), json!(volume.format));
        if let Some((base, _)) = &volume.base {
            item.insert("parent".into(), json!(base));
        }
        item.insert("size".into(), json!(size));
        if volume.storage.kind.has_path() {
            item.insert("used".into(), json!(size));
        }
        item.insert("vmid".into(), json!(owner));
        item.insert("volid".into(), json!(volume.id()));
        items.push(item);
    }
    for kind in ["vztmpl", "snippets", "iso"] {
        let is_wanted = wanted.is_none_or(|wanted| wanted == kind);
        if vmid.is_none() && is_wanted && storage.content.contains(kind) {
            items.extend(files(run, storage, kind));
        }
    }
    Ok(items)
}

fn files(run: &Run, storage: &Storage, kind: &str) -> Vec<Map<String, Value>> {
    use std::os::unix::fs::MetadataExt as _;
    let folder = crate::storage::name::folder_of(kind);
    let shelf = run.node.own("storage").join(&storage.name).join(folder);
    let mut items = Vec::new();
    for entry in std::fs::read_dir(shelf).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(found) = entry.metadata() else { continue };
        let format = match (kind, name.rsplit('.').next()) {
            ("vztmpl", Some("gz")) => "tgz",
            ("vztmpl", Some("zst")) => "tzst",
            ("vztmpl", Some("xz")) => "txz",
            ("vztmpl", _) => "tar",
            ("snippets", _) => "snippet",
            _ => "iso",
        };
        let mut item = Map::new();
        item.insert("content".into(), json!(kind));
        item.insert("ctime".into(), json!(found.ctime()));
        item.insert("format".into(), json!(format));
        item.insert("size".into(), json!(found.size()));
        item.insert("volid".into(), json!(format!("{}:{kind}/{name}", storage.name)));
        items.push(item);
    }
    items.sort_by_key(|item| item.get("volid").map(Value::to_string));
    items
}

fn list(run: &Run, given: &mut Given) -> Outcome<u8> {
    let vmid = given.get("vmid").map(|_| given.vmid("vmid"));
    let storage = given.get("storage").unwrap_or_default();
    let items = content(run, storage, vmid, given.get("content"))?;
    let get = |item: &Map<String, Value>, key: &str| match item.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let name = items.iter().map(|item| get(item, "volid").len()).max().unwrap_or(0);
    let most = items.iter().filter_map(|item| item.get("size").and_then(Value::as_u64)).max();
    let digits = most.unwrap_or(0).to_string().len();
    let row = |volume: &str, format: &str, kind: &str, size: &str| {
        format!("{volume:<name$} {format:<7} {kind:<9} {size:>digits$}")
    };
    say::out(&format!("{} VMID\n", row("Volid", "Format", "Type", "Size")));
    let line = |item: &Map<String, Value>| {
        row(&get(item, "volid"), &get(item, "format"), &get(item, "content"), &get(item, "size"))
    };
    for item in items.iter().filter(|item| item.contains_key("vmid")) {
        say::out(&format!("{} {}\n", line(item), get(item, "vmid")));
    }
    for item in items.iter().filter(|item| !item.contains_key("vmid")) {
        say::out(&format!("{}\n", line(item)));
    }
    Ok(0)
}

fn alloc(run: &Run, given: &mut Given) -> Outcome<u8> {
    let get = |key: &str| given.get(key).unwrap_or_default();
    let (name, size) = (get("filename"), get("size"));
    let kib = match size.strip_suffix('G') {
        Some(gib) => gib.parse::<u64>().unwrap_or(0) << 20,
        None => match size.strip_suffix('M') {
            Some(mib) => mib.parse::<u64>().unwrap_or(0) << 10,
            None => size.parse().unwrap_or(0),
        },
    };
    let storages = Storages::read(run)?;
    let storage = storages.enabled(get("storage"))?;
    let ending =
        ["raw", "qcow2", "vmdk"].into_iter().find(|end| name.ends_with(&format!(".{end}")));
    if let (Some(format), Some(ending)) = (given.get("format"), ending)
        && format != ending
    {
        let why = format!("different storage formats ({format} != {ending})");
        return Err(Die::param("format", why));
    }
    let format = given.get("format").or(ending).unwrap_or("raw");
    let name = (!name.is_empty()).then_some(name);
    let volume = run.allocate_image(storage, given.vmid("vmid"), format, name, kib)?;
    say::out(&format!("successfully created '{}'\n", volume.id()));
    Ok(0)
}

fn free_command(run: &Run, given: &mut Given) -> Outcome<u8> {
    let volume = given.get("volume").unwrap_or_default();
    let volume = match (volume.contains(':'), given.get("storage")) {
        (true, _) => volume.to_owned(),
        (false, Some(storage)) => format!("{storage}:{volume}"),
        (false, None) => {
            return Err(Die::param("volume", "no storage specified - incomplete volume ID"));
        }
    };
    let storages = Storages::read(run)?;
    let parsed = Volume::parse(&storages, &volume)?;
    let owner = parsed.owner.map(|owner| format!("{owner}@")).unwrap_or_default();
    let id = format!("{owner}{}", parsed.storage.name);
    // How the worker ended is not asked.
    run.work("imgdel", &id, Job::Free { volume })?;
    Ok(0)
}

/// Removes a volume, in a worker.
pub(crate) fn free(run: &Run, storages: &Storages, volume: &str) -> Outcome<()> {
    let parsed = Volume::parse(storages, volume)?;
    if parsed.content == "images" {
        run.free(storages, volume)?;
    } else if std::fs::remove_file(run.folder(&parsed, None)).is_err() {
        say::err(&format!("disk image '{}' does not exist\n", parsed.path()));
    }
    say::out(&format!("Removed volume '{volume}'\n"));
    Ok(())
}

fn path(run: &Run, given: &mut Given) -> Outcome<u8> {
    let storages = Storages::read(run)?;
    let volume = Volume::parse(&storages, given.get("volume").unwrap_or_default())?;
    say::out(&format!("{}\n", volume.path()));
    Ok(0)
}
