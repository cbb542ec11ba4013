//! `phoenix adopt`.

use phoenix_domain::{MebiBytes, Owner, Property};

use super::site::{Site, made};
use crate::survive::site::lxc;

#[tokio::test]
async fn what_somebody_else_made_is_shown_asked_for_and_taken_over() {
    let (site, _worker) = Site::complete().await;
    site.inner.host.give(lxc(950), Owner::Somebody);
    site.inner.host.tweak(lxc(950), &[Property::Memory(MebiBytes(64))]);
    site.write(1024, 20);
    site.ok(&["submit", "950", "--detach"]).await;
    site.until_asked(950).await;
    let lines = site.lines();

    let refused = site.phoenix(&["adopt", "950"]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("take it over") && refused.err.contains("--yes"), "{refused:?}");
    assert_eq!(site.lines(), lines);
    let adopted = site.ok(&["adopt", "950", "--yes"]).await;

    assert!(adopted.out.ends_with(": 1 completed\n"), "{adopted:?}");
    assert_eq!(site.made_since(lines), [made(950, "adopt"), made(950, "set-properties")]);
    let state = site.state("950").await;
    assert_eq!((&state["goal"], &state["state"]), (&"adopted".into(), &"completed".into()));
    let again = site.ok(&["adopt", "950"]).await;
    assert!(again.err.contains("950 app is ours already"), "{again:?}");
    let submitted = site.ok(&["submit", "950"]).await;
    assert!(submitted.out.contains("nothing to ask for"), "{submitted:?}");
    assert_eq!(site.ok(&["drift", "950"]).await.code, 0);
}

#[tokio::test]
async fn what_is_not_there_is_not_taken_over() {
    let site = Site::new().await;
    let none = site.phoenix(&["adopt", "950", "--yes"]).await;
    assert_eq!(none.code, 7, "{none:?}");
    assert!(none.err.contains("no worker listens on host pve1"), "{none:?}");
    let _worker = site.worker();
    site.ok(&["submit", "900"]).await;

    let ended = site.phoenix(&["adopt", "950", "--yes"]).await;

    assert_eq!((ended.code, ended.out.as_str()), (5, ""), "{ended:?}");
    assert!(ended.err.contains("there is no guest 950 on host pve1"), "{ended:?}");
    assert_eq!(site.inner.bus.states().await.unwrap().len(), 1, "something was published");
}
