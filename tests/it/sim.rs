//! `phoenix sim`: what it takes.

use tempfile::TempDir;

use crate::program::phoenix;

#[test]
fn a_fault_of_a_kind_that_no_change_has_is_refused_with_the_kinds_there_are() {
    let folder = TempDir::new().unwrap();

    let refused = phoenix(folder.path(), &["sim", "fault", "refuse", "--kind", "strat"]);
    let help = phoenix(folder.path(), &["sim", "fault", "--help"]);

    assert_eq!(refused.code, 64, "{refused:?}");
    for kind in ["create", "start", "install-feature", "destroy", "look"] {
        assert!(refused.err.contains(kind), "{kind}: {refused:?}");
        assert!(help.out.contains(kind), "{kind}: {help:?}");
    }
}
