//! NATS is lost, and what `phoenix backup` wrote is put back.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use crate::verbs::site::Site;

#[tokio::test]
async fn what_was_put_back_is_as_it_was_and_nothing_is_done_twice() {
    let (mut site, worker) = Site::complete().await;
    let file = site.folder().join("phoenix.backup");
    let name = file.to_str().unwrap().to_owned();
    let (before, lines) = (site.state("950").await, site.lines());

    let said = site.ok(&["backup", &name]).await;

    assert!(said.err.contains("`phoenix restore "), "{said:?}");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let again = site.phoenix(&["backup", &name]).await;
    assert_eq!(again.code, 10, "{again:?}");
    assert!(again.err.contains("is there already"), "{again:?}");

    let refused = site.phoenix(&["restore", &name, "--over"]).await;
    assert_eq!(refused.code, 10, "{refused:?}");
    assert!(refused.err.contains("work is taken from it on pve1"), "{refused:?}");
    site.end(worker).await;
    let refused = site.phoenix(&["restore", &name]).await;
    assert_eq!(refused.code, 10, "{refused:?}");
    assert!(refused.err.contains("of PHOENIX_LOG"), "{refused:?}");

    site.inner.server.wipe();
    site.inner.server.restart();
    site.ok(&["restore", &name]).await;

    let _next = site.worker();
    site.until_it_answers().await;
    assert_eq!(site.state("950").await, before);
    let submitted = site.ok(&["submit", "950"]).await;
    assert!(submitted.out.contains("950 app  already as desired"), "{submitted:?}");
    assert_eq!(site.lines(), lines, "a guest that is as desired costs nothing");
    site.inner.assert_all_is_well().await;
}

#[tokio::test]
async fn what_is_there_is_given_up_only_when_somebody_says_so() {
    let (site, worker) = Site::complete().await;
    let file = site.folder().join("phoenix.backup");
    let name = file.to_str().unwrap().to_owned();
    site.ok(&["backup", &name]).await;
    let before = site.state("953").await;
    site.ok(&["restart", "953"]).await;
    site.end(worker).await;

    let over = site.ok(&["restore", &name, "--over"]).await;

    assert!(over.err.contains("given up for what is in the file: "), "{over:?}");
    assert_eq!(site.state("953").await["revision"], before["revision"]);
}

#[tokio::test]
async fn a_file_that_is_not_whole_is_refused_before_anything_is_touched() {
    let (mut site, mut worker) = Site::complete().await;
    let file = site.folder().join("phoenix.backup");
    let name = file.to_str().unwrap().to_owned();
    site.ok(&["backup", &name]).await;
    worker.kill();
    site.inner.server.wipe();
    site.inner.server.restart();
    let whole = fs::read(&file).unwrap();

    for (damage, why) in [(whole.len() / 2, "cut off"), (1000, "a bit"), (0, "nothing is there")] {
        fs::write(&file, &whole).unwrap();
        let written = OpenOptions::new().write(true).open(&file).unwrap();
        match why {
            "a bit" => {
                let flipped = whole.get(damage).unwrap() ^ 1;
                written.write_all_at(&[flipped], damage as u64).unwrap();
            }
            _ => written.set_len(damage as u64).unwrap(),
        }

        let refused = site.phoenix(&["restore", &name]).await;

        assert_eq!(refused.code, 1, "{why}: {refused:?}");
        assert!(refused.err.contains("is no whole backup"), "{why}: {refused:?}");
    }
    fs::write(&file, "\u{1b}[2Jsome other file\n".repeat(100)).unwrap();
    let refused = site.phoenix(&["restore", &name]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("`phoenix backup` has not written it"), "{refused:?}");
    assert!(!refused.err.contains("some other"), "{refused:?}");
    assert!(site.inner.bus.states().await.is_err(), "a stream was made");
}
