//! Pushes that come in a row, late, twice, or not at all.

use serde_json::json;

use super::forge::{Forge, tell};
use super::{PATIENCE, all_asked, said, until};
use crate::verbs::site::Site;

#[tokio::test]
async fn many_pushes_in_a_row_are_one_run_of_the_last() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let served = forge.served(&site, &json!({}), &json!([])).await;
    let mut commits = Vec::new();
    for nth in 1..=10 {
        site.write(512 + 64 * nth, 20);
        commits.push(forge.push_site(&site));
    }

    for (nth, commit) in commits.iter().enumerate() {
        let (code, answer) = tell(&served, &format!("d-{nth}"), commit).await;
        assert_eq!(code, 202, "{answer}");
    }

    let last = until(&site, "d-9", "run").await;
    let first = until(&site, "d-0", "run").await;
    assert_eq!(first["became"][0]["run"], last["became"][0]["run"]);
    site.until_complete(950, 2).await;
    assert_eq!(all_asked(&site).await, [1, 1, 1, 2]);
    let spec = site.inner.state(crate::survive::site::lxc(950)).await.desired.spec.read().unwrap();
    assert_eq!(spec.memory.0, 512 + 640, "of the last");
}

#[tokio::test]
async fn what_comes_late_is_refused_and_a_branch_that_was_moved_back_is_taken() {
    let (site, _worker) = Site::complete().await;
    let (forge, old) = Forge::new(&site);
    let served = forge.served(&site, &json!({}), &json!([])).await;
    site.write(1024, 20);
    let new = forge.push_site(&site);
    tell(&served, "d-new", &new).await;
    until(&site, "d-new", "run").await;
    site.until_complete(950, 2).await;

    tell(&served, "d-old", &old).await;
    tell(&served, "d-unknown", &"a".repeat(40)).await;
    tell(&served, "d-again", &new).await;

    let late = until(&site, "d-old", "refused").await;
    assert!(said(&late).contains("is older than"), "{late}");
    let unknown = until(&site, "d-unknown", "refused").await;
    assert!(said(&unknown).contains("is not in the branch main"), "{unknown}");
    let again = until(&site, "d-again", "nothing-to-do").await;
    assert!(said(&again).contains("deployed already"), "{again}");
    assert!(served.server.log().contains("is older than"), "{}", served.server.log());
    assert_eq!(all_asked(&site).await, [1, 1, 1, 2]);

    forge.force(&old);
    tell(&served, "d-back", &old).await;

    let back = until(&site, "d-back", "run").await;
    assert!(said(&back).contains("was moved back"), "{back}");
    site.until_complete(950, 3).await;
    tell(&served, "d-gone", &new).await;
    let gone = until(&site, "d-gone", "refused").await;
    assert!(said(&gone).contains("not in the branch"), "{gone}");
    let table = site.ok(&["deliveries"]).await;
    assert!(table.out.contains("WHAT BECAME OF IT") && table.out.contains("d-gone"), "{table:?}");
}

#[tokio::test]
async fn what_nobody_tells_of_is_found_by_asking() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    site.write(1024, 20);
    let commit = forge.push_site(&site);

    let mut served = forge.served(&site, &json!({ "poll_minutes": 1 }), &json!([])).await;

    let id = format!("poll-{commit}");
    let listed = until(&site, &id, "run").await;
    assert_eq!(listed["commit"], *commit);
    site.until_complete(950, 2).await;
    let by = site.inner.state(crate::survive::site::lxc(950)).await.desired.by;
    assert_eq!(by, "polling by forge");
    served.server.kill();
    let served = forge.served(&site, &json!({ "poll_minutes": 1 }), &json!([])).await;
    tell(&served, "d-1", &commit).await;
    until(&site, "d-1", "nothing-to-do").await;
    until(&site, &id, "run").await;
    assert_eq!(all_asked(&site).await, [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_link_that_leads_out_and_a_folder_that_is_not_there_are_refused() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let served = forge.served(&site, &json!({}), &json!([])).await;
    let inventory = forge.work().join("prod/inventory.json");
    std::os::unix::fs::symlink("/etc/passwd", inventory).unwrap();
    let hostile = forge.push_lxc(str::to_owned);

    tell(&served, "d-1", &hostile).await;

    let listed = until(&site, "d-1", "refused").await;
    assert!(said(&listed).contains("`inventory.json` is a link that leads out"), "{listed}");
    std::fs::rename(forge.work().join("prod"), forge.work().join("test")).unwrap();
    let moved = forge.push_all();
    tell(&served, "d-2", &moved).await;
    let listed = until(&site, "d-2", "refused").await;
    assert!(said(&listed).contains("prod"), "{listed}");
    assert_eq!(all_asked(&site).await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn a_branch_that_is_not_there_and_a_guest_of_no_file_are_told_before_anybody_pushes() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let rule = json!({
        "repository": "github.com/acme/model", "branch": "main", "guests": [950, 959],
        "action": "restart",
    });

    let served = forge.served(&site, &json!({ "branch": "nothing" }), &json!([rule])).await;

    let told = async {
        while !served.server.log().contains("the branch cannot be read now: ") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("it is told some time");
    let log = served.server.log();
    assert!(log.contains("there is no branch nothing in "), "{log}");
    assert!(log.contains("`rules[0].guests[1]` is guest 959, which no file has"), "{log}");
    assert!(!log.contains("guests[0]"), "{log}");
}

#[tokio::test]
async fn a_canary_that_no_file_has_is_told_with_what_became_of_the_push() {
    let (site, _worker) = Site::complete().await;
    let (forge, _) = Forge::new(&site);
    let safely = json!({ "safely": { "hold_seconds": 1, "canary": 959 } });
    let served = forge.served(&site, &safely, &json!([])).await;
    site.write(1024, 20);
    let commit = forge.push_site(&site);

    tell(&served, "d-1", &commit).await;

    let told = until(&site, "d-1", "run").await;
    assert!(
        said(&told).contains("`fleet.safely.canary` is guest 959, which no file has"),
        "{told}"
    );
}
