//! `phoenix submit --safely` and `--canary`.

use phoenix_testkit::host::{Fault, FaultKind};

use super::site::Site;
use crate::survive::site::lxc;

#[tokio::test]
async fn a_guest_that_fails_goes_back_and_says_why_and_what_to_type() {
    let (site, _worker) = Site::complete().await;
    let before = site.inner.host.files();
    let refused = Fault::new(FaultKind::Refuse).guest(lxc(950)).kind("set-properties");
    site.inner.host.fault(refused.always());
    site.write(768, 20);

    let ended = site.phoenix(&["submit", "950", "--safely", "--hold", "1s"]).await;

    assert_eq!(ended.code, 9, "{ended:?}");
    assert!(ended.out.contains("1 gone back"), "{ended:?}");
    assert!(ended.out.contains("950 app was given up, and is again what it was"), "{ended:?}");
    assert!(ended.out.contains("goes back to what it was: cannot set memory"), "{ended:?}");
    assert_eq!(site.inner.host.files(), before);
    let status = site.ok(&["status", "950"]).await;
    assert!(status.out.contains("`phoenix dead show 1`"), "{status:?}");
    let state = site.state("950").await;
    assert_eq!(
        (&state["safety"]["is"], &state["state"]),
        (&"returned".into(), &"gone-back".into())
    );

    let explained = site.phoenix(&["explain", "950"]).await;
    assert!(explained.out.contains("gone-back, not well since"), "{explained:?}");
    assert!(explained.out.contains("cannot set memory"), "{explained:?}");
    let runs = site.ok(&["runs"]).await;
    assert!(runs.out.contains("1 gone back"), "{runs:?}");

    let retried = site.ok(&["retry", "950"]).await;
    assert!(retried.out.contains("nothing to ask for"), "{retried:?}");
    assert!(retried.out.contains("`phoenix dead replay 1` tries once more"), "{retried:?}");

    let replayed = site.ok(&["dead", "replay", "1"]).await;
    let once_more = site.phoenix(&["follow", replayed.out.trim()]).await;
    assert_eq!(once_more.code, 9, "{once_more:?}");
    assert!(once_more.out.contains("1 gone back"), "what was given up was tried: {once_more:?}");
    let afterwards = site.phoenix(&["follow", replayed.out.trim()]).await;
    assert_eq!(afterwards.code, 9, "{afterwards:?}");
    assert!(afterwards.out.contains("1 gone back"), "{afterwards:?}");

    let again = site.phoenix(&["submit", "950", "--detach"]).await;
    assert!(again.out.starts_with("r-"), "what went back is not as wanted: {again:?}");
}

#[tokio::test]
async fn a_guest_that_stays_healthy_is_told_and_changed_for_good() {
    let (site, _worker) = Site::complete().await;
    site.write(768, 20);

    let ended = site.ok(&["submit", "950", "--safely", "--hold", "1s"]).await;

    assert!(ended.out.contains("keep_way_back: take the snapshot before-"), "{ended:?}");
    assert!(ended.out.contains("hold_health: it stayed healthy"), "{ended:?}");
    assert!(ended.out.contains("drop_way_back: remove the snapshot before-"), "{ended:?}");
    assert!(ended.out.ends_with(": 1 completed; brought along: 3 completed\n"), "{ended:?}");
}

#[tokio::test]
async fn a_canary_that_is_not_submitted_and_a_time_that_makes_no_sense_are_refused() {
    let site = Site::new().await;

    let none = site.phoenix(&["submit", "900", "--canary", "950"]).await;
    assert_eq!(none.code, 64, "{none:?}");
    assert!(none.err.contains("950 cannot try it first"), "{none:?}");

    for hold in ["0s", "25h", "soon"] {
        let refused = site.phoenix(&["submit", "950", "--safely", "--hold", hold]).await;
        assert_eq!(refused.code, 64, "{hold}: {refused:?}");
    }
    assert_eq!(site.phoenix(&["status", "900"]).await.code, 5, "nothing was asked for");
}
