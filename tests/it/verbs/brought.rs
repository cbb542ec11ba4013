//! Scripts and features that lie beside the configuration, and are brought to the host with what is asked
//! for. The worker has no folder of its own with any of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use chrono::{TimeDelta, Utc};
use phoenix_domain::PackName;
use phoenix_testkit::host::{Fault, FaultKind, Moment};
use serde_json::Value;

use super::site::{Site, made};
use crate::survive::site::lxc;

/// Puts a fleet beside scripts and a feature: 960 and 961 each with a script, 962 with neither, and 960
/// and 962 with the feature.
pub(crate) fn furnish(folder: &std::path::Path) {
    let common = r#""template": "debian.tar.zst", "storage_pool": "tank-lxc", "storage_size_gb": 8, "node": "pve1""#;
    let lxc = format!(
        r#"{{"lxc_configs": {{
  "960": {{ "name": "api", "application_script": "api.sh", "features": ["mine"], {common} }},
  "961": {{ "name": "web", "application_script": "web.sh", {common} }},
  "962": {{ "name": "bare", "features": ["mine"], {common} }}
}}}}"#
    );
    fs::write(folder.join("phoenix_lxc_configs.json"), lxc).unwrap();
    write(folder, "scripts/api.sh", "#!/bin/sh\necho one\n");
    write(folder, "scripts/api.sh.d/words", "words\n");
    write(folder, "scripts/web.sh", "#!/bin/sh\necho web\n");
    let manifest = r#"{ "name": "mine", "summary": "Ours.", "kinds": ["container"] }"#;
    write(folder, "features/mine/feature.json", manifest);
    write(folder, "features/mine/install.sh", "#!/bin/sh\ntrue\n");
}

pub(crate) fn write(folder: &std::path::Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const ALL: [&str; 4] = ["submit", "960", "961", "962"];

/// Makes a site where all of them are as desired, and a worker.
pub(crate) async fn complete() -> (Site, phoenix_testkit::worker::Worker) {
    let site = Site::new().await;
    furnish(site.folder());
    let worker = site.worker();
    site.ok(&ALL).await;
    (site, worker)
}

/// Returns the files of what the worker has fetched.
fn stock(site: &Site) -> Vec<PathBuf> {
    let files = fs::read_dir(site.inner.folder("state").join("library")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

/// Returns the pack of the script that a guest was asked for with.
async fn asked(site: &Site, vmid: u64) -> String {
    let spec = site.inner.state(lxc(vmid)).await.desired.spec.read().unwrap();
    spec.brings.script.unwrap().as_str().to_owned()
}

/// Returns the pack of the script that was run in a guest last.
fn ran(site: &Site, vmid: u64) -> String {
    let files = site.inner.host.files();
    let (_, text) = files.iter().find(|(name, _)| name.contains(&vmid.to_string())).unwrap();
    let guest: Value = serde_json::from_str(text).unwrap();
    guest.pointer("/brings/script").and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_script_that_was_submitted_is_the_one_that_is_run_and_nothing_is_run_again() {
    let (site, _worker) = complete().await;
    let lines = site.lines();

    let again = site.ok(&ALL).await;

    assert!(again.out.starts_with("nothing to ask for"), "{again:?}");
    assert_eq!(site.lines(), lines, "nothing was done");
    let pack = asked(&site, 960).await;
    assert_eq!(ran(&site, 960), pack);
    let kept = site.inner.folder("state").join("library").join(pack);
    let text = String::from_utf8(fs::read(kept).unwrap()).unwrap();
    assert!(text.contains("script/api.sh") && text.contains("echo one"), "{text}");
    assert!(text.contains("script/words"), "{text}");
}

#[tokio::test]
async fn a_script_that_changed_asks_for_its_guest_and_for_one_step() {
    let (site, _worker) = complete().await;
    let lines = site.lines();
    write(site.folder(), "scripts/api.sh.d/words", "other words\n");

    let plan = site.ok(&["plan", "960", "961", "962"]).await;
    let asked_for = site.ok(&ALL).await;

    for line in ["no change: 961 web, 962 bare", "run_application_script", "1 change to 1 guest"] {
        assert!(plan.out.contains(line), "`{line}` is not in:\n{}", plan.out);
    }
    assert!(asked_for.out.contains("1 guest asked for"), "{asked_for:?}");
    assert_eq!(site.made_since(lines), [made(960, "run-application-script")]);
    assert_eq!(ran(&site, 960), asked(&site, 960).await);
    let none = site.ok(&["plan", "960", "--exit-code"]).await;
    assert!(none.out.ends_with("no changes; nothing was run\n"), "{none:?}");
}

#[tokio::test]
async fn a_feature_that_changed_asks_for_the_guests_that_have_it() {
    let (site, _worker) = complete().await;
    let lines = site.lines();
    write(site.folder(), "features/mine/README.md", "For people.\n");
    assert!(site.ok(&ALL).await.out.starts_with("nothing to ask for"));

    write(site.folder(), "features/mine/install.sh", "#!/bin/sh\nexit 0\n");
    site.ok(&ALL).await;

    let mut made_since = site.made_since(lines);
    made_since.sort();
    assert_eq!(made_since, [made(960, "install-feature"), made(962, "install-feature")]);
}

#[tokio::test]
async fn whoever_goes_on_after_a_worker_that_was_killed_runs_what_was_submitted() {
    for at in [Moment::Before, Moment::During, Moment::After] {
        let (site, mut first) = complete().await;
        let lines = site.lines();
        write(site.folder(), "scripts/api.sh", "#!/bin/sh\necho two\n");
        let kind = "run-application-script";
        site.inner.host.fault(Fault::new(FaultKind::KillStarter { at }).guest(lxc(960)).kind(kind));
        site.ok(&["submit", "960", "--detach"]).await;
        first.is_killed().await;
        // Neither what was submitted from, nor the library, is needed any more.
        fs::remove_dir_all(site.folder().join("scripts")).unwrap();
        empty(&site).await;

        let _next = site.worker();
        site.until_complete(960, 2).await;

        assert_eq!(site.made_since(lines), [made(960, kind)], "{at:?}");
        assert_eq!(ran(&site, 960), asked(&site, 960).await);
    }
}

#[tokio::test]
async fn what_a_disk_has_made_of_it_is_fetched_again() {
    let (site, _worker) = complete().await;
    let kept = stock(&site);
    assert_eq!(kept.len(), 3, "{kept:?}");
    let whole: Vec<_> = kept.iter().map(|path| fs::read(path).unwrap()).collect();
    for path in &kept {
        fs::write(path, "#!/bin/sh\nrm -rf /\n").unwrap();
    }

    site.ok(&["plan", "960", "961", "962"]).await;

    let again: Vec<_> = kept.iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(again, whole);
    assert_eq!(stock(&site).len(), 3, "nothing else is left");
}

#[tokio::test]
async fn what_is_nowhere_any_more_is_told_and_comes_with_the_next_submit() {
    let (site, worker) = complete().await;
    drop(worker);
    write(site.folder(), "scripts/api.sh", "#!/bin/sh\necho two\n");
    site.ok(&["submit", "960", "--detach"]).await;
    empty(&site).await;
    fs::remove_dir_all(site.inner.folder("state").join("library")).unwrap();
    let lines = site.lines();

    let _worker = site.worker();
    site.until_asked(960).await;

    let status = site.ok(&["status", "960"]).await;
    for word in ["the application script was brought along", "library of NATS", "submit"] {
        assert!(status.out.contains(word), "`{word}` is not in:\n{}", status.out);
    }
    assert_eq!(site.made_since(lines), [], "nothing else is run in its place");

    site.ok(&["submit", "960"]).await;

    assert_eq!(site.made_since(lines), [made(960, "run-application-script")]);
    assert_eq!(ran(&site, 960), asked(&site, 960).await);
}

#[tokio::test]
async fn a_guest_is_stopped_and_removed_without_what_it_was_made_with() {
    let (site, _worker) = complete().await;
    empty(&site).await;
    fs::remove_dir_all(site.inner.folder("state").join("library")).unwrap();
    let lines = site.lines();

    site.ok(&["stop", "960"]).await;
    site.ok(&["delete", "961", "--yes"]).await;

    let gone = [made(960, "stop"), made(961, "stop"), made(961, "destroy")];
    assert_eq!(site.made_since(lines), gone);
}

#[tokio::test]
async fn what_leads_out_of_the_folder_is_refused_before_anything_is_asked_for() {
    let site = Site::new().await;
    furnish(site.folder());
    let _worker = site.worker();
    site.until_it_answers().await;
    let link = site.folder().join("scripts/api.sh.d/password");
    std::os::unix::fs::symlink("/etc/passwd", link).unwrap();

    let refused = site.phoenix(&ALL).await;

    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.err.contains("PHX0940"), "{refused:?}");
    assert!(site.inner.bus.states().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_no_guest_brings_along_is_taken_out_of_the_library_once_it_is_old() {
    let site = Site::new().await;
    let (meant, old) = (PackName::of(b"meant"), PackName::of(b"old"));
    let bus = &site.inner.bus;
    bus.bring(&[(&meant, b"meant"), (&old, b"old")]).await.unwrap();
    let (wanted, now) = (BTreeSet::from([meant.clone()]), Utc::now());

    bus.forget_packs(&wanted, now - TimeDelta::days(1)).await.unwrap();
    assert!(bus.brought(&old).await.unwrap().is_some(), "it was put there just now");
    bus.forget_packs(&wanted, now + TimeDelta::days(1)).await.unwrap();

    assert_eq!(bus.brought(&meant).await.unwrap().as_deref(), Some(b"meant".as_slice()));
    assert_eq!(bus.brought(&old).await.unwrap(), None);
}

#[tokio::test]
async fn a_pack_that_is_not_what_its_name_says_is_not_taken_and_can_be_brought_again() {
    let site = Site::new().await;
    let (pack, bus) = (PackName::of(b"it"), &site.inner.bus);
    bus.bring(&[(&pack, b"something else")]).await.unwrap();

    assert_eq!(bus.brought(&pack).await.unwrap(), None);
    bus.bring(&[(&pack, b"it")]).await.unwrap();

    assert_eq!(bus.brought(&pack).await.unwrap().as_deref(), Some(b"it".as_slice()));
}

/// Takes everything out of the library.
async fn empty(site: &Site) {
    let tomorrow = Utc::now() + TimeDelta::days(1);
    site.inner.bus.forget_packs(&BTreeSet::new(), tomorrow).await.unwrap();
}
