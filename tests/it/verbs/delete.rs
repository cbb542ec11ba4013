//! `phoenix delete`.

use super::site::{Site, made};
use crate::survive::site::lxc;

#[tokio::test]
async fn what_others_stand_on_is_not_removed_and_all_of_them_are_named() {
    let (site, _worker) = Site::complete().await;
    let before = site.inner.bus.states().await.unwrap();

    let ended = site.phoenix(&["delete", "900", "--yes"]).await;

    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(ended.err.contains("900 is what 920 and 953 are cloned from"), "{ended:?}");
    assert!(ended.err.contains("or all: `phoenix delete 950 953 920 900`"), "{ended:?}");
    let ended = site.phoenix(&["delete", "953", "900", "--yes"]).await;
    assert!(
        ended.err.contains("953 is what 950 depends on; 900 is what 920 is cloned from"),
        "{ended:?}"
    );
    assert_eq!(site.inner.bus.states().await.unwrap(), before, "something was published");
}

#[tokio::test]
async fn nothing_is_removed_where_nobody_can_be_asked() {
    let (site, _worker) = Site::complete().await;
    let before = site.inner.bus.states().await.unwrap();

    let ended = site.phoenix(&["delete", "950"]).await;

    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(
        ended.err.contains("whether to remove 950") && ended.err.contains("--yes"),
        "{ended:?}"
    );
    assert!(ended.err.contains("goes   its root disk, 8 GiB on tank-lxc"), "{ended:?}");
    assert!(
        ended.err.contains("stays  /var/lib/data: the volume data, 20 GiB on tank-lxc"),
        "{ended:?}"
    );
    assert_eq!(site.inner.bus.states().await.unwrap(), before, "something was published");
}

#[tokio::test]
async fn what_is_removed_is_gone_and_its_volumes_come_back_with_the_next_one() {
    let (site, _worker) = Site::complete().await;
    let lines = site.lines();

    let removed = site.ok(&["delete", "950", "--yes"]).await;

    assert!(removed.out.ends_with(": 1 gone\n"), "{removed:?}");
    assert_eq!(site.made_since(lines), [made(950, "stop"), made(950, "destroy")]);
    let state = site.state("950").await;
    assert_eq!((&state["state"], &state["phase"]), (&"gone".into(), &"defined".into()));
    let status = site.ok(&["status"]).await;
    assert!(!status.out.lines().any(|line| line.starts_with("950") && line.contains("completed")));
    let again = site.ok(&["delete", "950", "--yes"]).await;
    assert!(again.out.contains("950 app  is gone already"), "{again:?}");

    // A volume that is there already and is attached again is not made anew.
    let kept = site.inner.host.kept(lxc(950));
    assert_eq!(kept.len(), 1, "{kept:?}");
    site.ok(&["submit", "950"]).await;
    assert!(site.inner.host.kept(lxc(950)).is_empty(), "the next one has it");
    assert_eq!(site.state("950").await["state"], "completed");
    site.inner.assert_log_is_whole().await;
}

#[tokio::test]
async fn volumes_go_only_where_that_was_said() {
    let (site, _worker) = Site::complete().await;

    let removed = site.ok(&["delete", "950", "--yes", "--with-volumes"]).await;

    assert!(removed.err.contains("goes   /var/lib/data: the volume data, 20 GiB"), "{removed:?}");
    assert!(site.inner.host.kept(lxc(950)).is_empty());
}

#[tokio::test]
async fn all_of_a_family_is_removed_from_the_top_down() {
    let (site, mut worker) = Site::complete().await;
    worker.kill();
    let lines = site.lines();
    site.ok(&["delete", "900", "920", "953", "950", "--yes", "--detach"]).await;

    let _next = site.worker();
    site.until_complete(900, 2).await;

    let destroyed: Vec<_> = site
        .made_since(lines)
        .into_iter()
        .filter(|(_, kind)| kind == "destroy")
        .map(|(guest, _)| guest.vmid.number())
        .collect();
    assert_eq!((destroyed.first(), destroyed.last()), (Some(&950), Some(&900)));
    assert_eq!(destroyed.len(), 4, "{destroyed:?}");
    assert!(site.inner.host.files().is_empty());
    site.inner.assert_log_is_whole().await;
}

#[tokio::test]
async fn what_stands_on_a_removal_that_failed_stays_until_that_is_mended() {
    use phoenix_testkit::host::{Fault, FaultKind};

    let (site, _worker) = Site::complete().await;
    let fault = Fault::new(FaultKind::Refuse).guest(lxc(950)).kind("destroy").always();
    let fault = site.inner.host.fault(fault);

    let ended = site.phoenix(&["delete", "950", "953", "--yes"]).await;

    assert_eq!(ended.code, 9, "{ended:?}");
    assert!(ended.out.contains("953 gateway is blocked by 950 app"), "{ended:?}");
    assert_eq!(site.inner.host.begun(lxc(953), "destroy"), 0);
    site.inner.host.without_fault(fault);
    site.ok(&["retry", "950"]).await;
    site.until_complete(953, 2).await;
    assert_eq!(site.state("953").await["state"], "gone");
}

#[tokio::test]
async fn a_guest_of_somebody_else_is_not_removed_and_nothing_is_asked_for() {
    let (site, _worker) = Site::complete().await;
    site.inner.host.give(lxc(950), phoenix_domain::Owner::Somebody);
    let files = site.inner.host.files();
    let before = site.inner.bus.states().await.unwrap();

    let ended = site.phoenix(&["delete", "950", "953", "--yes"]).await;

    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(ended.err.contains("950 on host pve1 is not a guest of Phoenix"), "{ended:?}");
    assert!(ended.err.contains("delete the others: `phoenix delete 953`"), "{ended:?}");
    assert!(ended.err.contains("`phoenix adopt 950`"), "{ended:?}");
    assert_eq!(site.inner.host.files(), files);
    assert_eq!(site.inner.bus.states().await.unwrap(), before, "something was published");
}

#[tokio::test]
async fn a_guest_of_somebody_else_keeps_nothing_it_would_stand_on() {
    let (site, _worker) = Site::complete().await;
    let refused = site.phoenix(&["delete", "953", "--yes"]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    site.inner.host.give(lxc(950), phoenix_domain::Owner::Somebody);

    let removed = site.ok(&["delete", "953", "--yes"]).await;

    assert!(removed.err.contains("950 app is not a guest of Phoenix"), "{removed:?}");
    assert_eq!(site.state("953").await["state"], "gone");
}
