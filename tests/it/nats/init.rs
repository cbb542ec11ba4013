//! What `phoenix nats init` writes, and what it leaves alone.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::site::Site;

#[test]
fn it_is_free_to_type_again_and_a_host_is_added_without_touching_a_key() {
    let site = Site::written(&["nats"]);
    let before = all(&site.dir());

    let again = site.init(&[]);
    assert_eq!((again.code, again.out.as_str()), (0, ""), "{again:?}");
    assert!(again.err.contains("nothing to do"), "{again:?}");
    assert_eq!(all(&site.dir()), before);

    let more = site.init(&["--hosts", "pve3"]);
    assert_eq!(more.code, 0, "{more:?}");
    let after = all(&site.dir());
    let changed: Vec<_> = before.iter().filter(|(path, text)| after[*path] != **text).collect();
    let changed: Vec<_> = changed.into_iter().map(|(path, _)| path.file_name().unwrap()).collect();
    assert_eq!(changed, ["nats-server.conf", "nats.json"]);
    assert_eq!(after.len(), before.len() + 1);
    assert!(more.out.contains("changed ") && more.out.contains("worker-pve3.nk"), "{more:?}");
}

#[test]
fn no_seed_is_where_others_may_read() {
    let site = Site::written(&["n1", "n2", "n3"]);
    let leaf = site.init(&["--leaf-for", "pve9"]);
    assert_eq!(leaf.code, 0, "{leaf:?}");
    let files = all(&site.dir());
    let seeds: Vec<_> = files
        .iter()
        .filter(|(path, _)| path.extension().is_some_and(|end| end == "nk"))
        .flat_map(|(_, text)| text.lines().filter(|line| line.starts_with("SU")))
        .collect();
    assert!(seeds.len() >= 8);
    let is_secret =
        |text: &str| text.contains("PRIVATE KEY") || seeds.iter().any(|seed| text.contains(seed));
    for (path, text) in &files {
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let wanted = if is_secret(text) { 0o600 } else { 0o644 };
        assert_eq!(mode, wanted, "{}", path.display());
    }
    assert!(!is_secret(&leaf.out) && !is_secret(&leaf.err));
}

#[test]
fn what_somebody_else_wrote_is_left_alone_and_then_nothing_is_written() {
    let site = Site::written(&["nats"]);
    fs::write(site.dir().join("nats/nats-server.conf"), "port: 4222\n").unwrap();
    let before = all(&site.dir());

    let refused = site.init(&["--hosts", "pve3"]);

    assert_eq!(refused.code, 10, "{refused:?}");
    assert!(refused.err.contains("did not write it"), "{refused:?}");
    assert_eq!(all(&site.dir()), before);
}

#[test]
fn a_cluster_of_two_is_refused() {
    let site = Site::written(&["nats"]);
    let refused = site.init(&["--cluster", "n1=127.0.0.1:4222,n2=127.0.0.2:4222"]);
    assert_eq!(refused.code, 64, "{refused:?}");
}

/// Returns all files below a folder, and what is in them.
fn all(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(all(&path));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            files.insert(path, text);
        }
    }
    files
}
