//! Which guests a push is about.

use chrono::{DateTime, TimeDelta, Utc};
use phoenix_hooks::{
    Action, Changed, Forced, Matched, NotConfigured, Paths, Push, RawRule, RefName, Rule, Untold,
    matching,
};

use crate::sender::now;

const RULES: &str = r#"[
    {"repository": "git@github.com:Acme/Fleet.git", "branch": "main", "paths": ["guests/962/**"],
     "guests": [962], "action": "redeploy"},
    {"repository": "github.com/acme/fleet", "branch": "{main,release/*}", "guests": [950, 951],
     "paths": ["shared/*.env", "base/**"], "action": "reapply", "approval": true},
    {"repository": "github.com/acme/fleet", "tag": "v[0-9]*", "guests": [970], "action": "recreate",
     "window": {"days": ["mon"], "from": "02:00", "to": "04:00"}},
    {"repository": "github.com/acme/other", "branch": "**", "guests": [980], "action": "restart"}
]"#;

fn rules() -> Vec<Rule> {
    let raw: Vec<RawRule> = serde_json::from_str(RULES).unwrap();
    raw.iter().map(|raw| Rule::try_from(raw).unwrap()).collect()
}

fn push(repository: &str, refname: RefName, paths: Paths) -> Push {
    let commit = |digit: &str| digit.repeat(40).parse().ok();
    let (before, after) = (commit("1"), commit("2"));
    let repository = repository.parse().unwrap();
    let (forced, pusher, commits) = (Forced::Untold, None, None);
    Push { repository, refname, before, after, forced, paths, pusher, commits }
}

fn changed(files: &[&str]) -> Paths {
    let changed = files.iter().map(|&file| file.to_owned()).collect();
    Paths::Known(Changed { changed, ..Changed::default() })
}

fn branch(name: &str) -> RefName {
    RefName::branch(name).unwrap()
}

/// The places of the rules that a push of the fleet is about.
fn about(refname: RefName, paths: Paths) -> Vec<usize> {
    let matched = matching(&rules(), &push("github.com/acme/fleet", refname, paths), now());
    matched.unwrap_or_default().into_iter().map(|matched| matched.rule).collect()
}

#[test]
fn a_push_is_about_the_rules_of_its_repository_branch_and_files() {
    for (name, files, rules) in [
        ("main", &["guests/962/a/b.env"][..], &[0][..]),
        ("main", &["README.md", "shared/a.env", "guests/962/x"], &[0, 1]),
        ("main", &["guests/9620/x", "shared/deep/a.env"], &[]),
        ("release/1", &["base/x"], &[1]),
        ("release/1/2", &["base/x"], &[]),
        ("Main", &["guests/962/x"], &[]),
    ] {
        assert_eq!(about(branch(name), changed(files)), rules, "{name} {files:?}");
    }
}

#[test]
fn what_was_added_or_removed_counts_as_well() {
    let files = || ["guests/962/x".to_owned()].into();

    let (added, removed) = (
        Changed { added: files(), ..Changed::default() },
        Changed { removed: files(), ..Changed::default() },
    );

    assert_eq!(about(branch("main"), Paths::Known(added)), [0]);
    assert_eq!(about(branch("main"), Paths::Known(removed)), [0]);
}

#[test]
fn files_that_nobody_knows_may_be_any() {
    for untold in
        [Untold::Never, Untold::CutShort, Untold::Forced, Untold::NoBefore, Untold::NoneListed]
    {
        assert_eq!(about(branch("main"), Paths::Unknown(untold)), [0, 1], "{untold}");
        assert_eq!(about(branch("other"), Paths::Unknown(untold)), [0; 0], "{untold}");
    }
}

#[test]
fn a_tag_is_no_branch_of_the_same_name() {
    let unknown = || Paths::Unknown(Untold::Tag);

    assert_eq!(about(RefName::tag("v1.0").unwrap(), unknown()), [2]);
    assert_eq!(about(RefName::tag("main").unwrap(), unknown()), [0; 0]);
    assert_eq!(about(branch("v1.0"), unknown()), [0; 0]);
}

#[test]
fn a_match_says_all_that_is_to_be_done() {
    let monday: DateTime<Utc> = "2026-11-23T02:00:00Z".parse().unwrap();
    let fleet = |refname, paths| push("github.com/acme/fleet", refname, paths);

    let tagged = fleet(RefName::tag("v2").unwrap(), Paths::Unknown(Untold::Tag));
    let shared = fleet(branch("release/2"), changed(&["base/a"]));

    let window = r#"{"days": ["mon"], "from": "02:00", "to": "04:00"}"#;
    let window = serde_json::from_str(window).unwrap();
    let recreate = Matched {
        rule: 2,
        guests: vec![970_u64.try_into().unwrap()],
        action: Action::Recreate,
        approval: false,
        opens: monday,
        window: Some(window),
        safely: None,
    };
    assert_eq!(matching(&rules(), &tagged, now()), Ok(vec![recreate.clone()]));
    let within = monday + TimeDelta::hours(1);
    let open = Matched { opens: within, ..recreate };
    assert_eq!(matching(&rules(), &tagged, within), Ok(vec![open]));
    let reapply = Matched {
        rule: 1,
        guests: [950_u64, 951].map(|guest| guest.try_into().unwrap()).to_vec(),
        action: Action::Reapply,
        approval: true,
        opens: now(),
        window: None,
        safely: None,
    };
    assert_eq!(matching(&rules(), &shared, now()), Ok(vec![reapply]));
}

#[test]
fn why_nothing_is_done_is_told_by_what_came_nearest() {
    let elsewhere = push("github.com/acme/shop", branch("main"), changed(&["a"]));
    let other = push("github.com/acme/fleet", branch("trial"), changed(&["a"]));
    let files = push("github.com/acme/fleet", branch("main"), changed(&["a", "b"]));
    let deleted = Push { after: None, ..files.clone() };

    let said = [elsewhere, other, files, deleted]
        .map(|push| matching(&rules(), &push, now()).unwrap_err().to_string());

    insta::assert_snapshot!(said.join("\n"), @r"
    no rule is about github.com/acme/shop
    no rule of github.com/acme/fleet is about branch trial
    no rule of branch main is about one of the 2 files
    branch main was deleted; there is nothing to deploy
    ");
    let none = matching(&[], &push("a.lan/b/c", branch("d"), changed(&["e"])), now());
    assert!(matches!(none, Err(NotConfigured::Repository { .. })));
}
