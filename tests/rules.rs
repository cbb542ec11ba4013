//! For each rule one fleet that trips it and one that nearly does.
//!
//! A fixture holds the files of a fleet by name (`hypervisor`, `lxc`, `vm`, `inventory`, `features`
//! for features of its own by name, `files` for empty files beside them, and `links` for links, each with
//! what it leads to); a host that suits most fleets stands in for one that is not given.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken fixture should stop the test"
)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use phoenix_config::{
    Code, Finding, Folder, Input, Library, Loaded, Source, as_json, as_text, load,
};
use serde_json::value::RawValue;
use tempfile::TempDir;

datatest_stable::harness! {
    { test = rule, root = "fixtures/rules", pattern = r"trips\.jsonc$" },
}

fn rule(trips: &Path) -> datatest_stable::Result<()> {
    let folder = trips.parent().expect("a fixture is in a folder");
    let name = folder.file_name().and_then(|name| name.to_str()).expect("a code").to_owned();
    let code = Code::find(&name).unwrap_or_else(|| panic!("{name} is no code"));

    let tripped = only(loaded(trips), code);
    assert!(!tripped.findings.is_empty(), "{code} did not find anything");
    let near = loaded(&folder.join("nearly.jsonc"));
    let found: Vec<_> = of(&near, code).map(|finding| &finding.message).collect();
    assert!(found.is_empty(), "{code} should not have found {found:?}");

    let mut shown = as_text(&tripped, false);
    writeln!(shown, "{}", as_json(&tripped)?)?;
    writeln!(shown, "\nWhat is left of the one that nearly trips it:")?;
    for finding in &near.findings {
        writeln!(shown, "{} {}", finding.code, finding.message)?;
    }
    insta::with_settings!({
        prepend_module_to_snapshot => false,
        snapshot_path => "snapshots/rules",
        omit_expression => true,
        filters => vec![
            (r"(/[^/\s]+)*/\.tmp\w+/", ""),
            // Beside the folder of the files.
            (r"`(/[^/\s`]+)*/(bin|bin/tests|etc/apparmor)`", "`../$2`"),
        ],
    }, {
        insta::assert_snapshot!(name, shown);
    });
    Ok(())
}

fn loaded(fixture: &Path) -> Loaded {
    let folder = fleet(fixture);
    let mut library = Library::built_in().unwrap();
    let features = folder.path().join("features");
    if features.is_dir() {
        library.add_folder(&features).unwrap();
    }
    load(&Input { folder: &Folder::new(folder.path()), inventory: None, library: &library })
}

/// Writes the files of a fixture into a folder of their own.
fn fleet(fixture: &Path) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut source = Source::read(fixture).unwrap();
    source.blank_comments();
    let mut parts: BTreeMap<String, Box<RawValue>> = serde_json::from_str(source.json()).unwrap();
    let host = fixture.parent().and_then(Path::parent).unwrap().join("host.json");
    let host = parts
        .remove("hypervisor")
        .map_or_else(|| fs::read_to_string(host).unwrap(), |json| text(&json));
    fs::write(folder.path().join("phoenix_hypervisor_config.json"), host).unwrap();
    if let Some(files) = parts.remove("files") {
        for file in serde_json::from_str::<Vec<String>>(files.get()).unwrap() {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }
    if let Some(features) = parts.remove("features") {
        let manifests: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(features.get()).unwrap();
        for (name, manifest) in manifests {
            let path = folder.path().join("features").join(name);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("feature.json"), text(&manifest)).unwrap();
        }
    }
    if let Some(links) = parts.remove("links") {
        for (link, to) in serde_json::from_str::<BTreeMap<String, String>>(links.get()).unwrap() {
            let path = folder.path().join(link);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(to, path).unwrap();
        }
    }
    for (part, json) in parts {
        let file = match part.as_str() {
            "lxc" => "phoenix_lxc_configs.json",
            "vm" => "phoenix_vm_configs.json",
            "inventory" => "inventory.json",
            other => panic!("a fixture has no part `{other}`"),
        };
        fs::write(folder.path().join(file), text(&json)).unwrap();
    }
    folder
}

fn text(json: &RawValue) -> String {
    format!("{json}\n")
}

fn of<'a>(loaded: &'a Loaded, code: &'a Code) -> impl Iterator<Item = &'a Finding> {
    loaded.findings.iter().filter(move |finding| finding.code == code)
}

fn only(mut loaded: Loaded, code: &Code) -> Loaded {
    loaded.findings.retain(|finding| finding.code == code);
    loaded
}
