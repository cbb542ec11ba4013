//! Three servers, one of which is killed.

use super::site::{Site, text};

#[tokio::test]
async fn three_servers_lose_one_and_go_on() {
    let site = Site::written(&["n1", "n2", "n3"]);
    let mut servers = ["n1", "n2", "n3"].map(|name| site.server(name));
    site.set_up();
    let _worker = site.worker("pve1", None);
    let submitted = site.phoenix("submitter", &["submit", "901", "--timeout", "60s"]);
    assert_eq!(submitted.code, 0, "{submitted:?}");
    assert_eq!(site.bus("admin").await.fewest_replicas().await.unwrap(), 3);

    servers[0].kill();

    site.until("submitter", &["submit", "902", "--timeout", "60s"], |ended| ended.code == 0);
    let status = site.phoenix("watcher", &["status", "902"]);
    assert_eq!(status.code, 0, "{status:?}");
}

#[tokio::test]
async fn streams_that_one_server_keeps_are_kept_by_three_and_lose_nothing() {
    let site = Site::written(&["n1", "n2", "n3"]);
    let _servers = ["n1", "n2", "n3"].map(|name| site.server(name));
    site.set_up();
    let _worker = site.worker("pve1", None);
    let submitted = site.phoenix("submitter", &["submit", "901", "--timeout", "60s"]);
    assert_eq!(submitted.code, 0, "{submitted:?}");
    let admin = site.bus("admin").await;
    admin.keep_by_one().await.unwrap();
    assert_eq!(admin.fewest_replicas().await.unwrap(), 1);
    let before = admin.states().await.unwrap();

    site.set_up();

    assert_eq!(admin.fewest_replicas().await.unwrap(), 3);
    assert_eq!(admin.states().await.unwrap(), before);
}

#[tokio::test]
async fn what_its_admin_has_copied_is_put_back_into_all_three() {
    let site = Site::written(&["n1", "n2", "n3"]);
    let _servers = ["n1", "n2", "n3"].map(|name| site.server(name));
    site.set_up();
    let mut worker = site.worker("pve1", None);
    let submitted = site.phoenix("submitter", &["submit", "901", "--timeout", "60s"]);
    assert_eq!(submitted.code, 0, "{submitted:?}");
    worker.ask_to_end();
    assert!(worker.ended().await.success());
    let admin = site.bus("admin").await;
    let before = admin.states().await.unwrap();
    let file = site.folder.path().join("phoenix.backup");
    let refused = site.phoenix("submitter", &["backup", text(&file)]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("not permitted: subject $JS.API.STREAM.SNAPSHOT."), "{refused:?}");
    assert!(!file.with_extension("backup.new").exists(), "half a file was left");
    let written = site.phoenix("admin", &["backup", text(&file)]);
    assert_eq!(written.code, 0, "{written:?}");

    let restored = site.phoenix("admin", &["restore", text(&file), "--over"]);

    assert_eq!(restored.code, 0, "{restored:?}");
    assert_eq!(admin.states().await.unwrap(), before);
    assert_eq!(admin.fewest_replicas().await.unwrap(), 3);
}

#[test]
fn a_cluster_is_never_given_what_a_lone_server_stored() {
    let site = Site::written(&["n1"]);
    let alone = site.config("n1");
    let grown = site.init(&["--cluster", "n1=127.0.0.1:4222,n2=127.0.0.2:4222,n3=127.0.0.3:4222"]);
    assert_eq!(grown.code, 0, "{grown:?}");
    assert!(grown.err.contains("the cluster begins empty"), "{grown:?}");
    let store = |config: &str| {
        let line = config.lines().find(|line| line.contains("store_dir")).unwrap();
        line.to_owned()
    };
    assert_ne!(store(&site.config("n1")), store(&alone));
}
