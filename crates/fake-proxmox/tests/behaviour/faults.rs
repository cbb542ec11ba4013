//! What can be made to go wrong, and the ledger of what was asked.

use phoenix_fake_proxmox::{Fault, LedgerEvent, What, When, add_fault, ledger};

use crate::node::{ARCHIVE, end, node, node_with, settings, until};

#[test]
fn every_program_is_in_the_ledger_once_at_its_begin_and_once_at_its_end() {
    let node = node();
    node.create("100", "labdir");
    node.pct(&["status", "999"]);
    node.run("pvesm", &["status"]);

    let entries = ledger(node.world.root()).unwrap();

    let seen: Vec<_> = entries
        .iter()
        .map(|entry| (entry.event, entry.program.as_str(), entry.argv[0].as_str(), entry.exit))
        .collect();
    assert_eq!(
        seen,
        [
            (LedgerEvent::Begun, "pct", "create", None),
            (LedgerEvent::Ended, "pct", "create", Some(0)),
            (LedgerEvent::Begun, "pct", "status", None),
            (LedgerEvent::Ended, "pct", "status", Some(2)),
            (LedgerEvent::Begun, "pvesm", "status", None),
            (LedgerEvent::Ended, "pvesm", "status", Some(0)),
        ]
    );
}

#[test]
fn a_fault_strikes_as_often_as_it_says_and_only_whom_it_names() {
    let node = node();
    node.create("100", "labdir");
    let fail = What::Fail { exit: 11, stdout: "out\n".into(), stderr: "err\n".into() };
    let fault = Fault::new(fail).of("pct", "set").vmid(100).times(2);
    add_fault(node.world.root(), fault).unwrap();

    let set = || node.pct(&["set", "100", "--memory", "600"]);

    assert_eq!(node.pct(&["config", "100"]).exit, 0);
    let first = set();
    assert_eq!((first.exit, first.stdout.as_str(), first.stderr.as_str()), (11, "out\n", "err\n"));
    assert_eq!(set().exit, 11);
    assert_eq!(node.world.value(100, "memory").unwrap().as_deref(), Some("512"));
    assert_eq!(set().exit, 0);
}

#[test]
fn a_lie_changes_nothing() {
    let node = node();
    add_fault(node.world.root(), Fault::new(What::Lie).of("pct", "create")).unwrap();

    let answer = node.pct(&["create", "100", ARCHIVE, "--rootfs", "labdir:1"]);

    assert_eq!((answer.exit, answer.stdout.as_str()), (0, ""));
    assert_eq!(node.conf(100), None);
}

#[test]
fn an_answer_that_is_lost_hides_a_success() {
    let node = node();
    add_fault(node.world.root(), Fault::new(What::LoseAnswer).of("pct", "create")).unwrap();

    let answer = node.pct(&["create", "100", ARCHIVE, "--rootfs", "labdir:1"]);

    assert_eq!((answer.exit, answer.stdout.as_str(), answer.stderr.as_str()), (255, "", ""));
    assert_eq!(node.world.value(100, "hostname").unwrap().as_deref(), Some("CT100"));
    assert_eq!(node.world.value(100, "lock").unwrap(), None);
}

#[test]
fn who_hangs_is_killed_from_outside() {
    let node = node();
    add_fault(node.world.root(), Fault::new(What::Hang).of("pct", "list")).unwrap();
    let mut child = node.spawn(&["list"]);
    until("it has begun", || !ledger(node.world.root()).unwrap().is_empty());

    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();

    let entries = ledger(node.world.root()).unwrap();
    assert!(entries.iter().all(|entry| entry.event == LedgerEvent::Begun), "{entries:?}");
}

#[test]
fn who_started_a_program_can_be_killed_and_the_program_goes_on() {
    for when in [When::Before, When::During, When::After] {
        let node = node();
        node.create("100", "labdir");
        let fault = Fault::new(What::KillStarter { when }).of("pct", "set");
        add_fault(node.world.root(), fault).unwrap();
        let pct = node.world.program("pct");
        let script = format!("{} set 100 --memory 600 >/dev/null; echo survived", pct.display());

        let starter = std::process::Command::new("sh")
            .args(["-c", &script])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let answer = end(starter);

        assert_eq!((answer.exit, answer.stdout.as_str()), (-1, ""), "{when:?}");
        until("the change was made", || {
            node.world.value(100, "memory").unwrap().as_deref() == Some("600")
        });
        until("it has ended", || node.processes().is_empty());
    }
}

#[test]
fn a_program_that_is_killed_at_a_moment_has_done_what_it_had_done_then() {
    let made = [When::Before, When::During, When::After].map(|when| {
        let node = node();
        let fault = Fault::new(What::KillSelf { when }).of("pct", "create");
        add_fault(node.world.root(), fault).unwrap();
        let answer = node.pct(&["create", "100", ARCHIVE, "--rootfs", "labdir:1"]);
        assert_eq!(answer.exit, -1, "{when:?}: {answer:?}");
        until("nobody is left", || node.processes().is_empty());
        node.conf(100).map(|conf| conf.contains("hostname"))
    });

    assert_eq!(made, [None, Some(false), Some(true)]);
}

#[test]
fn where_all_are_killed_nobody_goes_on() {
    let made = [When::Before, When::During, When::After].map(|when| {
        let node = node();
        let fault = Fault::new(What::KillAll { when }).of("pct", "create");
        add_fault(node.world.root(), fault).unwrap();
        let pct = node.world.program("pct");
        let script =
            format!("{} create 100 {ARCHIVE} --rootfs labdir:1; echo survived", pct.display());

        let starter = std::process::Command::new("sh")
            .args(["-c", &script])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let answer = end(starter);

        assert_eq!(answer.exit, -1, "{when:?}");
        until("nobody is left", || node.processes().is_empty());
        node.conf(100).map(|conf| conf.contains("hostname"))
    });

    assert_eq!(made, [None, Some(false), Some(true)]);
}

#[test]
fn a_slow_start_is_as_slow_as_was_set() {
    let mut settings = settings();
    settings.latency.insert("pct list".into(), 120);
    let node = node_with(&settings);

    node.pct(&["list"]);
    node.pct(&["status", "100"]);

    let entries = ledger(node.world.root()).unwrap();
    let took = |at: usize| entries[at + 1].monotonic_ms - entries[at].monotonic_ms;
    assert!(took(0) >= 119, "{}", took(0));
    assert!(took(2) < 119, "{}", took(2));
}
