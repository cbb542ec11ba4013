//! Pushes of what is brought along: scripts and features, and nothing of the files themselves.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::super::hooks::asked;
use super::forge::{Forge, tell};
use super::{said, until};
use crate::verbs::brought::{complete, furnish, write};
use crate::verbs::site::{Site, made};

/// Returns how often each guest was asked for.
async fn all_asked(site: &Site) -> [usize; 3] {
    [asked(site, 960).await, asked(site, 961).await, asked(site, 962).await]
}

/// Returns a repository with what the site has.
fn repository(site: &Site) -> Forge {
    let (forge, _) = Forge::new(site);
    furnish(&forge.work().join("prod"));
    forge
}

#[tokio::test]
async fn a_push_of_a_script_alone_asks_for_the_guest_with_that_script() {
    let (site, _worker) = complete().await;
    let forge = repository(&site);
    let served = forge.served(&site, &json!({}), &json!([])).await;
    tell(&served, "d-1", &forge.push_all()).await;
    let same = until(&site, "d-1", "nothing-to-do").await;
    assert!(said(&same).ends_with("nothing changed"), "it is what was submitted: {same}");
    let lines = site.lines();
    write(&forge.work(), "prod/scripts/api.sh", "#!/bin/sh\necho pushed\n");

    let (code, answer) = tell(&served, "d-2", &forge.push_all()).await;

    assert_eq!(code, 202, "{answer}");
    let listed = until(&site, "d-2", "run").await;
    assert!(said(&listed).ends_with("1 guest: lxc-960"), "{listed}");
    site.until_complete(960, 2).await;
    assert_eq!(site.made_since(lines), [made(960, "run-application-script")]);
    assert_eq!(all_asked(&site).await, [2, 1, 1]);
    let kept = fs::read_dir(site.inner.folder("state").join("library")).unwrap();
    let texts = kept.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    assert!(
        texts.into_iter().any(|text| text.contains("echo pushed")),
        "it is the one of the commit"
    );
}

#[tokio::test]
async fn a_push_of_a_feature_alone_asks_for_the_guests_that_have_it() {
    let (site, _worker) = complete().await;
    let forge = repository(&site);
    let served = forge.served(&site, &json!({}), &json!([])).await;
    let lines = site.lines();
    write(&forge.work(), "prod/features/mine/install.sh", "#!/bin/sh\nexit 0\n");

    tell(&served, "d-1", &forge.push_all()).await;

    let listed = until(&site, "d-1", "run").await;
    assert!(said(&listed).ends_with("2 guests: lxc-960 lxc-962"), "{listed}");
    site.until_complete(960, 2).await;
    site.until_complete(962, 2).await;
    let mut all = site.made_since(lines);
    all.sort();
    assert_eq!(all, [made(960, "install-feature"), made(962, "install-feature")]);
}

#[tokio::test]
async fn a_script_that_leads_out_of_the_commit_asks_for_nothing() {
    let (site, _worker) = complete().await;
    let forge = repository(&site);
    let served = forge.served(&site, &json!({}), &json!([])).await;
    let script = forge.work().join("prod/scripts/api.sh");
    fs::remove_file(&script).unwrap();
    // It stays in the repository, and leads out of the folder of the configuration.
    write(&forge.work(), "elsewhere/api.sh", "#!/bin/sh\n");
    std::os::unix::fs::symlink(Path::new("../../elsewhere/api.sh"), &script).unwrap();

    tell(&served, "d-1", &forge.push_all()).await;

    let listed: Value = until(&site, "d-1", "refused").await;
    assert!(said(&listed).contains("leads out of the folder"), "{listed}");
    assert_eq!(all_asked(&site).await, [1, 1, 1]);
}
