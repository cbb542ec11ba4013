//! What is read of what senders say of pushes.

use http::StatusCode;
use phoenix_hooks::{Delivery, Forced, Kind, Paths, Push, RefName, Refused, Untold};
use serde_json::{Value, json};

use crate::sender::Sender;

const ZEROS: &str = "0000000000000000000000000000000000000000";

/// What a sender tells when its payload is changed.
fn told(name: &str, change: impl FnOnce(&mut Value)) -> Result<Delivery, Refused> {
    Sender::named(name).send_changed(change)
}

/// The one push that a sender tells of.
fn push(name: &str, change: impl FnOnce(&mut Value)) -> Push {
    match told(name, change).unwrap().kind {
        Kind::Pushes(pushes) => {
            let [push] = <[Push; 1]>::try_from(pushes).unwrap();
            Some(push)
        }
        Kind::Ping | Kind::Note(_) | Kind::Ignored { .. } => None,
    }
    .unwrap()
}

fn commit(files: usize) -> Value {
    let files: Vec<_> = (0..files).map(|file| format!("files/{file}")).collect();
    json!({ "added": [], "modified": files, "removed": [] })
}

#[test]
fn what_is_read_of_a_push_is_the_same_for_all() {
    for name in [
        "github",
        "gitlab, signed",
        "gitea",
        "forgejo",
        "bitbucket-cloud",
        "bitbucket-data-center",
        "standard-webhooks",
        "proxmox",
    ] {
        let Delivery { id, kind } = Sender::named(name).send().unwrap();

        insta::assert_debug_snapshot!(name.replace(", ", "-"), (id.as_str(), kind));
    }
}

#[test]
fn what_was_made_or_deleted_has_no_list_to_rely_on() {
    for name in ["github", "gitlab, signed", "gitea", "forgejo"] {
        let made = push(name, |payload| payload["before"] = ZEROS.into());
        let deleted = push(name, |payload| {
            payload["after"] = ZEROS.into();
            payload["commits"] = json!([]);
        });

        assert!(made.is_created() && !made.is_deleted(), "{name}");
        assert_eq!(made.paths, Paths::Unknown(Untold::NoBefore), "{name}");
        assert!(deleted.is_deleted() && !deleted.is_created(), "{name}");
        assert!(matches!(deleted.paths, Paths::Unknown(_)), "{name}");
    }
    let deleted = push("github", |payload| payload["after"] = ZEROS.into());
    assert_eq!(deleted.paths, Paths::Unknown(Untold::NoAfter));
}

#[test]
fn a_branch_of_bitbucket_is_made_and_deleted_by_leaving_out_a_side() {
    let sides = |old: bool| {
        push("bitbucket-cloud", |payload| {
            let changes = payload["push"]["changes"].as_array_mut().unwrap();
            changes.truncate(1);
            changes[0][if old { "old" } else { "new" }] = Value::Null;
        })
    };

    assert!(sides(true).is_created());
    assert!(sides(false).is_deleted());
    let neither = told("bitbucket-cloud", |payload| {
        payload["push"]["changes"] = json!([{ "old": null, "new": null, "forced": false }]);
    });
    assert_eq!(neither.unwrap_err().status(), StatusCode::BAD_REQUEST);
}

#[test]
fn a_tag_is_a_tag_and_names_no_files() {
    for name in ["github", "gitlab, signed", "gitea", "standard-webhooks"] {
        let tag = push(name, |payload| {
            let within = if payload["data"].is_object() { &mut payload["data"] } else { payload };
            within["ref"] = "refs/tags/v1.0".into();
        });

        assert_eq!(tag.refname, RefName::Tag("v1.0".into()), "{name}");
        assert_eq!(tag.paths, Paths::Unknown(Untold::Tag), "{name}");
    }
}

#[test]
fn other_refs_concern_nobody_and_odd_ones_are_refused() {
    for name in ["github", "gitlab, signed", "gitea"] {
        let other = told(name, |payload| payload["ref"] = "refs/notes/commits".into()).unwrap();
        let odd = told(name, |payload| payload["ref"] = "refs/heads/--upload-pack=x".into());

        assert!(matches!(other.kind, Kind::Ignored { .. }), "{name}");
        assert_eq!(odd.unwrap_err().status(), StatusCode::BAD_REQUEST, "{name}");
    }
}

#[test]
fn a_forced_push_may_be_about_any_file() {
    let forced = push("github", |payload| payload["forced"] = true.into());

    assert!(forced.is_forced());
    assert_eq!(forced.paths, Paths::Unknown(Untold::Forced));
    assert_eq!(push("gitea", |_| ()).forced, Forced::Untold);
}

#[test]
fn a_list_that_may_be_cut_short_is_not_relied_on() {
    let cut = Paths::Unknown(Untold::CutShort);
    let github = |count, files| {
        push("github", |payload| payload["commits"] = Value::from(vec![commit(files); count]))
    };

    assert!(matches!(github(2047, 1).paths, Paths::Known(_)));
    assert_eq!((github(2048, 1).paths, github(2048, 1).commits), (cut.clone(), None));
    assert!(matches!(github(1, 2999).paths, Paths::Known(_)));
    assert_eq!(github(1, 3000).paths, cut);
    for (name, key) in [("gitlab, signed", "total_commits_count"), ("gitea", "total_commits")] {
        let more = push(name, |payload| payload[key] = 21.into());
        assert_eq!((more.paths, more.commits), (cut.clone(), Some(21)), "{name}");
    }
    let old =
        push("gitea", |payload| drop(payload.as_object_mut().unwrap().remove("total_commits")));
    assert_eq!((old.paths, old.commits), (cut, None));
}

#[test]
fn a_list_without_a_file_says_nothing() {
    for name in ["github", "gitlab, signed", "gitea"] {
        let empty = push(name, |payload| {
            payload["commits"] = json!([]);
            for total in ["total_commits_count", "total_commits"] {
                if payload[total].is_u64() {
                    payload[total] = 0.into();
                }
            }
        });
        assert_eq!(empty.paths, Paths::Unknown(Untold::NoneListed), "{name}");
    }
    let merge = push("github", |payload| payload["commits"] = json!([commit(0)]));
    assert_eq!(merge.paths, Paths::Unknown(Untold::NoneListed));
}
