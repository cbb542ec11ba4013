//! `pveam`: the archives containers are made of.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use crate::cli::{Command, Program};
use crate::die::{Die, Outcome};
use crate::run::Run;
use crate::say;
use crate::schema::options::Given;
use crate::schema::{Format, Prop, formats, needed, text};
use crate::storage::{Storage, Storages};

const STORAGE: Prop = Prop { format: Format::Is(formats::storage_id), ..text("storage") };

/// The commands.
pub(crate) const PVEAM: Program = Program {
    name: "pveam",
    groups: &[
        &[Command {
            name: "download",
            positions: &["storage", "template"],
            usage: "<storage> <template>",
            options: || vec![needed(STORAGE), needed(text("template"))],
            run: download,
        }],
        &[
            Command {
                name: "available",
                positions: &[],
                usage: " [OPTIONS]",
                options: || {
                    vec![Prop { one_of: &["system", "mail", "turnkeylinux"], ..text("section") }]
                },
                run: available,
            },
            Command {
                name: "list",
                positions: &["storage"],
                usage: "<storage>",
                options: || vec![needed(STORAGE)],
                run: list,
            },
            Command {
                name: "remove",
                positions: &["template_path"],
                usage: "<template_path>",
                options: || vec![needed(text("template_path"))],
                run: remove,
            },
            Command { name: "update", positions: &[], usage: "", options: Vec::new, run: update },
        ],
    ],
};

fn mirror(run: &Run) -> Vec<String> {
    let entries = fs::read_dir(run.node.own("mirror")).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[expect(clippy::unnecessary_wraps, reason = "all commands have one form")]
fn update(_: &Run, _: &mut Given) -> Outcome<u8> {
    say::out("update successful\n");
    Ok(0)
}

#[expect(clippy::unnecessary_wraps, reason = "all commands have one form")]
fn available(run: &Run, given: &mut Given) -> Outcome<u8> {
    if given.get("section").is_none_or(|section| section == "system") {
        for name in mirror(run) {
            say::out(&format!("{:<15} {name}\n", "system"));
        }
    }
    Ok(0)
}

fn with_templates<'a>(storages: &'a Storages, name: &str) -> Outcome<&'a Storage> {
    let storage = storages.enabled(name)?;
    if storage.content.contains("vztmpl") {
        return Ok(storage);
    }
    Err(Die::new(format!("storage '{name}' does not support templates")))
}

fn list(run: &Run, given: &mut Given) -> Outcome<u8> {
    let storages = Storages::read(run)?;
    let storage = with_templates(&storages, given.get("storage").unwrap_or_default())?;
    let folder = run.node.own("storage").join(&storage.name).join("template/cache");
    let mut lines = vec![("NAME".to_owned(), "SIZE".to_owned())];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let size = entry.metadata().map_or(0, |found| found.size());
        let hundredths = size * 100 / (1 << 20);
        let name = format!("{}:vztmpl/{}", storage.name, entry.file_name().to_string_lossy());
        lines.push((name, format!("{}.{:02}MB", hundredths / 100, hundredths % 100)));
    }
    if let Some((_, rest)) = lines.split_first_mut() {
        rest.sort();
    }
    for (name, size) in lines {
        say::out(&format!("{name:<60} {size:<6}\n"));
    }
    Ok(0)
}

fn download(run: &Run, given: &mut Given) -> Outcome<u8> {
    let storages = Storages::read(run)?;
    let storage = with_templates(&storages, given.get("storage").unwrap_or_default())?;
    let name = given.get("template").unwrap_or_default();
    if name.contains('/') {
        return Err(Die::param("template", format!("no such template '{name}'")));
    }
    let from = run.node.own("mirror").join(name);
    let to = run.node.own("storage").join(&storage.name).join("template/cache").join(name);
    let url = format!("http://download.proxmox.com/images/system/{name}");
    if to.exists() {
        say::out(&format!("OK, got correct file already, no need to re-download '{name}'\n"));
        return Ok(0);
    }
    say::out(&format!("downloading {url} to {}/template/cache/{name}\n", storage.path()));
    if !from.is_file() {
        say::out(
            "Resolving download.proxmox.com (download.proxmox.com)... failed: Temporary failure in \
             name resolution.\nwget: unable to resolve host address 'download.proxmox.com'\n",
        );
        let words = "download failed: command '/usr/bin/wget' failed: exit code 4";
        return Err(Die::new(words));
    }
    let beside = to.with_extension(format!("tmp_dwnl.{}", std::process::id()));
    fs::copy(&from, &beside)?;
    run.midpoint();
    fs::rename(&beside, &to)?;
    say::out(&format!(
        "download of '{url}' to '{}/template/cache/{name}' finished\n",
        storage.path()
    ));
    Ok(0)
}

fn remove(run: &Run, given: &mut Given) -> Outcome<u8> {
    let id = given.get("template_path").unwrap_or_default();
    let storages = Storages::read(run)?;
    let volume = crate::storage::Volume::parse(&storages, id)?;
    fs::remove_file(run.folder(&volume, None))
        .map_err(|_| Die::new(format!("unable to remove template '{id}' - file not found")))?;
    Ok(0)
}
