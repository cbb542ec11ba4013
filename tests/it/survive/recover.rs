//! All of NATS is lost, and nobody has a backup.

use crate::verbs::site::Site;

#[tokio::test]
async fn what_the_hosts_have_is_known_again_and_no_guest_is_touched() {
    let (mut site, mut worker) = Site::complete().await;
    let lines = site.lines();
    worker.kill();
    site.inner.server.wipe();
    site.inner.server.restart();
    let nobody = site.phoenix(&["recover"]).await;
    assert!(nobody.err.contains("start a worker"), "{nobody:?}");
    let _next = site.worker();
    site.until_it_answers().await;

    let recovered = site.ok(&["recover"]).await;

    for guest in ["900 base", "920 mid", "950 app", "953 gateway"] {
        assert!(recovered.err.contains(&format!("{guest}  is as its file says")), "{recovered:?}");
    }
    assert!(recovered.out.contains("4 guests to be known again"), "{recovered:?}");
    let state = site.state("950").await;
    assert_eq!(state["state"], "completed");
    assert_eq!(state["standsOn"].as_array().unwrap().len(), 2);
    assert_eq!(site.lines(), lines, "a guest was touched");
    let again = site.ok(&["recover"]).await;
    assert!(again.err.contains("nothing is to be known again"), "{again:?}");
    site.inner.assert_log_is_whole().await;
}

#[tokio::test]
async fn what_is_otherwise_is_left_alone_and_listed_with_what_to_type() {
    let (mut site, mut worker) = Site::complete().await;
    let lines = site.lines();
    worker.kill();
    site.inner.server.wipe();
    site.inner.server.restart();
    site.write(1024, 20);
    site.inner.host.remove(crate::survive::site::lxc(953));
    let _next = site.worker();
    site.until_it_answers().await;

    let recovered = site.phoenix(&["recover"]).await;

    assert_eq!(recovered.code, 2, "{recovered:?}");
    for said in [
        "900 base  is as its file says",
        "920 mid  is as its file says",
        "950 app  is otherwise than its file says; `phoenix plan 950` shows how",
        "953 gateway  is not there; `phoenix submit 953` makes it",
    ] {
        assert!(recovered.err.contains(said), "{said}: {recovered:?}");
    }
    assert_eq!(site.lines(), lines, "a guest was touched");
    assert_eq!(site.phoenix(&["status", "950"]).await.code, 5);
}
