//! Tests with real processes.

use std::time::Instant;

use tempfile::tempdir;

use super::*;
use crate::{Lock, Warden};

fn sh(script: &str, limit: Duration) -> Command {
    Command::new(Path::new("/bin/sh"), limit).plain("-c").plain(script)
}

const LONG: Duration = Duration::from_secs(20);

/// Waits until something holds, as what is waited for happens in another process.
async fn eventually(mut holds: impl FnMut() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came");
}

#[tokio::test]
async fn the_end_of_what_it_printed_is_kept() {
    let script = "head -c 100000 /dev/zero | tr '\\0' x; echo end; echo oh >&2; exit 7";

    let ended = sh(script, LONG).run(&Hand::default()).await.unwrap();

    assert_eq!(ended.status.code(), Some(7));
    assert_eq!(ended.stdout.len(), 4096);
    assert!(ended.stdout.ends_with("xxend\n"));
    assert_eq!(ended.stderr, "oh\n");
}

#[tokio::test]
async fn it_reads_nothing_of_ours() {
    let ended = sh("cat; echo over", LONG).run(&Hand::default()).await.unwrap();

    assert_eq!(ended.stdout, "over\n");
}

#[tokio::test]
async fn a_secret_reaches_the_process_and_no_message() {
    let command = sh("test \"$1\" = hu\"\"sh || exit 9", LONG).plain("name").secret("hush");

    assert_eq!(command.run(&Hand::default()).await.unwrap().status.code(), Some(0));
    for said in [command.to_string(), format!("{command:?}")] {
        assert!(!said.contains("hush"), "{said}");
        assert!(said.contains("***"), "{said}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let command = Command::new(Path::new("/nonexistent/tool"), LONG);

    let err = command.run(&Hand::default()).await.unwrap_err();

    assert!(err.to_string().contains("/nonexistent/tool"), "{err}");
}

#[tokio::test]
async fn what_does_not_end_in_time_is_asked_to_clean_up_first() {
    let dir = tempdir().unwrap();
    let mark = dir.path().join("cleaned");
    let script = format!(
        "trap 'touch {}; exit 1' TERM; echo begun >&2; while :; do sleep 0.02; done",
        mark.display()
    );

    let err = sh(&script, Duration::from_millis(300)).run(&Hand::default()).await.unwrap_err();

    assert!(matches!(&err, HostError::TimedOut { output, .. } if output == "begun\n"), "{err}");
    assert!(mark.exists());
}

#[tokio::test]
async fn what_does_not_listen_is_killed_with_all_it_has_started() {
    let dir = tempdir().unwrap();
    let lock = Lock::try_take(&dir.path().join("lock")).unwrap();
    let hand = Hand::holding([&lock]);
    let command = sh("trap '' TERM; sleep 30 & sleep 30", Duration::from_millis(200));
    let begun = Instant::now();

    let err = command.grace(Duration::from_millis(100)).run(&hand).await.unwrap_err();

    assert!(matches!(err, HostError::TimedOut { .. }));
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop((lock, hand));
    // The grandchild held the lock as well, so it is free only when that is gone, too.
    eventually(|| Lock::try_take(&dir.path().join("lock")).is_ok()).await;
}

#[tokio::test]
async fn a_child_whose_starter_is_gone_lives_on_and_still_holds_the_lock() {
    let dir = tempdir().unwrap();
    let (path, go, done) =
        (dir.path().join("lock"), dir.path().join("go"), dir.path().join("done"));
    let lock = Lock::try_take(&path).unwrap();
    let hand = Hand::holding([&lock]);
    let script = format!(
        "until test -e {go}; do sleep 0.01; done; echo more; touch {done}",
        go = go.display(),
        done = done.display()
    );
    let command = sh(&script, LONG);
    let starter = tokio::spawn(async move { command.run(&hand).await.map(drop) });
    tokio::time::sleep(Duration::from_millis(200)).await;

    starter.abort();
    assert!(starter.await.unwrap_err().is_cancelled());
    drop(lock);

    assert!(matches!(Lock::try_take(&path), Err(crate::LockError::Held { .. })));
    std::fs::write(&go, "").unwrap();
    eventually(|| done.exists()).await;
    eventually(|| Lock::try_take(&path).is_ok()).await;
}

/// Starts something under a lock, and loses whoever has started it.
async fn outliving(script: &str, limit: Duration, path: &Path) {
    let lock = Lock::try_take(path).unwrap();
    let hand = Hand::holding([&lock]);
    let command = sh(script, limit).grace(Duration::from_millis(100));
    let starter = tokio::spawn(async move { command.run(&hand).await.map(drop) });
    // It is written there once it is at work.
    eventually(|| std::fs::metadata(path).unwrap().len() > 0).await;
    starter.abort();
    assert!(starter.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn what_outlived_its_starter_and_its_time_is_ended_by_who_waits_for_its_lock() {
    let dir = tempdir().unwrap();
    let go = dir.path().join("go");
    let leaves_a_child = format!("sleep 600 & until test -e {}; do :; done", go.display());
    for script in ["sleep 600", "trap '' TERM; sleep 600 & sleep 600", &leaves_a_child] {
        let path = dir.path().join("lock");
        outliving(script, Duration::from_millis(100), &path).await;
        std::fs::write(&go, "").unwrap();
        let mut warden = Warden::default();

        eventually(|| {
            warden.look(&path);
            Lock::try_take(&path).is_ok()
        })
        .await;
    }
}

#[tokio::test]
async fn what_outlived_its_starter_and_has_time_left_is_let_alone() {
    let dir = tempdir().unwrap();
    let (path, go) = (dir.path().join("lock"), dir.path().join("go"));
    let script = format!("until test -e {}; do sleep 0.01; done", go.display());
    outliving(&script, LONG, &path).await;
    let mut warden = Warden::default();

    for _ in 0..100 {
        warden.look(&path);
        assert!(matches!(Lock::try_take(&path), Err(crate::LockError::Held { .. })));
    }
    std::fs::write(&go, "").unwrap();
    eventually(|| Lock::try_take(&path).is_ok()).await;
}

#[tokio::test]
async fn locks_are_found_from_number_three_on_and_nothing_else_is() {
    let dir = tempdir().unwrap();
    let take = |name| Lock::try_take(&dir.path().join(name)).unwrap();
    let (first, second) = (take("first"), take("second"));
    let hand = Hand::holding([&first, &second]);
    let script = "readlink /proc/$$/fd/3 /proc/$$/fd/4; echo; readlink /proc/$$/fd/*";

    let ended = sh(script, LONG).run(&hand).await.unwrap();

    let (locks, all) = ended.stdout.split_once("\n\n").unwrap();
    let locks: Vec<_> = locks.lines().collect();
    assert!(locks[0].ends_with("/first") && locks[1].ends_with("/second"), "{locks:?}");
    let ours = all.lines().filter(|path| path.starts_with(dir.path().to_str().unwrap()));
    assert_eq!(ours.count(), 2, "{all}");
}

#[test]
fn what_was_printed_long_ago_takes_no_memory_and_the_end_is_there() {
    use std::io::Write as _;
    use std::os::unix::fs::MetadataExt as _;

    let paper = Paper::new().unwrap();
    let mut pen = paper.share().unwrap();
    pen.write_all(&vec![b'x'; 4 << 20]).unwrap();
    pen.write_all(b"the end").unwrap();

    paper.forget_all_but(4096);

    assert!(pen.metadata().unwrap().blocks() * 512 < 64 << 10);
    let end = paper.end(4096, &Veil::default());
    assert!(end.ends_with("xthe end") && end.len() == 4096);
    pen.write_all(b", and more").unwrap();
    assert!(paper.end(4096, &Veil::default()).ends_with("the end, and more"));
}
