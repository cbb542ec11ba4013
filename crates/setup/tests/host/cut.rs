//! Setup is killed before and after every change, and the next one goes on.

use std::process::Command;

use phoenix_config::HostSpec;
use phoenix_setup::{Name, Told};

use crate::machine::{Machine, everything, given};

/// Where a child finds the host that it is to set up until it is killed.
const ROOT: &str = "PHOENIX_TEST_CUT_ROOT";
/// How many things have to happen first.
const AFTER: &str = "PHOENIX_TEST_CUT_AFTER";

fn said(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test that starts itself again says so there")]
    std::env::var(name).ok()
}

#[test]
fn killed_before_and_after_every_change_it_goes_on_to_the_same_end() {
    if let Some(root) = said(ROOT) {
        return die(&root, said(AFTER).unwrap().parse().unwrap());
    }
    let whole = Machine::new();
    let expected = whole.changes(&everything(&whole), &given());
    let cut = Machine::new();
    let mut killed = 0;

    // The first thing of a run is that a change begins: killed there it was not made. The second is
    // that it was made: killed there nobody noted it.
    let mut after = 1;
    while is_killed(&cut, after) {
        killed += 1;
        after = 3 - after;
        assert!(killed <= 4 * expected.len(), "it does not get on");
    }

    for counts in [
        "update-initramfs -u -k all",
        "apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update",
    ] {
        assert!(cut.calls().iter().any(|call| call == counts), "{counts} was forgotten");
    }
    assert!(killed >= expected.len(), "{killed} times for {} changes", expected.len());
    let room = |machine: &Machine| machine.host().root().display().to_string();
    let (whole_root, cut_root) = (room(&whole), room(&cut));
    assert_eq!(
        cut.state().replace(&cut_root, ""),
        whole.state().replace(&whole_root, ""),
        "the end is another one"
    );
}

/// Sets a host up in a process of its own, which ends itself after so many things; says whether it
/// did.
fn is_killed(machine: &Machine, after: usize) -> bool {
    let this = std::env::current_exe().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test that starts itself again")]
    let ended = Command::new(this)
        .args([
            "--exact",
            "cut::killed_before_and_after_every_change_it_goes_on_to_the_same_end",
            "--nocapture",
        ])
        .env(ROOT, machine.host().root())
        .env(AFTER, after.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() || ended.status.code().is_none(), "{said}");
    ended.status.code().is_none()
}

fn die(root: &str, after: usize) {
    let root = std::path::Path::new(root);
    let profile = root.parent().unwrap().join("profiles/lxc-phoenix");
    let spec = HostSpec { profiles: vec![profile], ..spec() };
    let host = phoenix_setup::Host::new(root);
    let setup =
        phoenix_setup::Setup::new(host, phoenix_setup::all(&spec, &given()), || "t".to_owned());
    let mut happened = 0;
    let mut told = |_: &Name, told: Told<'_>| {
        happened += usize::from(matches!(told, Told::Begins(_) | Told::Made(_) | Told::Settles(_)));
        if happened == after {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
        }
    };
    let ended = setup.run(&|_, _| true, &mut told).unwrap();
    crate::machine::all_right(&ended);
}

fn spec() -> HostSpec {
    crate::machine::spec(std::path::PathBuf::new())
}
