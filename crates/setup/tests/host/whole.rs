//! What becomes of a host that is set up, and what its own programs say of it.

use phoenix_setup::Blocked;

use crate::machine::{HASH, Machine, all_right, everything, given};

#[test]
fn a_second_setup_changes_nothing() {
    let machine = Machine::new();
    let spec = everything(&machine);
    let first = machine.changes(&spec, &given());
    assert!(first.len() > 30, "{first:#?}");
    let state = machine.state();

    let second = machine.changes(&spec, &given());

    assert_eq!(second, Vec::<String>::new());
    assert_eq!(machine.state(), state);
    assert!(machine.setup(&spec, &given()).plan().iter().all(phoenix_setup::Seen::is_right));
}

#[test]
fn a_plan_changes_nothing_and_foresees_every_item() {
    let machine = Machine::new();
    let spec = everything(&machine);
    let state = machine.state();

    let seen = machine.setup(&spec, &given()).plan();

    assert_eq!(machine.state(), state);
    let blocked: Vec<_> = seen
        .iter()
        .filter_map(|seen| Some((seen.name.clone(), seen.look.as_ref().err()?)))
        .collect::<Vec<(_, &Blocked)>>();
    assert!(blocked.is_empty(), "{blocked:?}");
}

#[test]
fn the_programs_of_the_host_take_what_was_written() {
    let machine = Machine::new();
    let spec = everything(&machine);

    all_right(&machine.set_up(&spec, &given()));

    let said = |words: &[&str]| {
        let ended = machine.inside(words);
        let all = format!(
            "{}{}",
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr)
        );
        assert!(ended.status.success(), "{words:?}: {all}");
        all
    };
    assert!(said(&["testparm", "-s"]).contains("[data]"));
    said(&["visudo", "-c"]);
    assert!(said(&["sudo", "-l", "-U", "phoenix_admin"]).contains("(ALL : ALL) ALL"));
    assert!(said(&["date", "+%Z"]).starts_with("CE"));
    assert!(said(&["systemctl", "is-enabled", "smbd", "nfs-server"]).contains("enabled\nenabled"));
    said(&["exportfs", "-r"]);
    let exports = said(&["exportfs", "-s"]);
    assert!(
        exports.contains("/tank/data  10.1.0.7(") && exports.contains("/srv/theirs"),
        "{exports}"
    );
    let id =
        said(&["stat", "-c", "%U:%G %a", "/tank/data", "/home/phoenix_admin/.ssh/authorized_keys"]);
    assert_eq!(id, "phoenix_admin:phoenix_admin 770\nphoenix_admin:phoenix_admin 600\n");
}

#[test]
fn the_hash_of_a_password_is_where_it_belongs_and_nowhere_else() {
    let machine = Machine::new();

    let changes = machine.changes(&everything(&machine), &given());

    assert!(machine.read("/etc/shadow").contains(&format!("phoenix_admin:{HASH}:")));
    assert!(!format!("{changes:?}").contains(HASH));
    let root = machine.host().root().display().to_string();
    let found = machine.inside(&[
        "grep",
        "-rlF",
        "canary0hash0of0a0password",
        "/var",
        "/etc",
        "/home",
        "/root",
        "/run",
    ]);
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    let found: Vec<_> = found.lines().collect();
    assert_eq!(found, ["/etc/shadow"], "in {root}");
}
