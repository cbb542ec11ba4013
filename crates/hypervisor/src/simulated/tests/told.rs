//! What is told of it: to the parent of a child, to a person, and in the ledger.

use std::io;

use phoenix_domain::Property;
use phoenix_testkit::guest;

use super::*;

#[test]
fn every_kind_of_error_comes_through_to_the_parent() {
    let text = || "text with \"quotes\"\nand lines".to_owned();
    let limit = Duration::from_millis(1500);
    for err in [
        HostError::Locked { what: text(), by: text() },
        HostError::Failed { what: text(), why: text(), output: text() },
        HostError::TimedOut { what: text(), limit, output: text() },
        HostError::Full { storage: text() },
        HostError::Unreachable { err: io::Error::other(text()) },
        HostError::Impossible { what: text(), why: text() },
        HostError::Unreadable { what: text(), why: text() },
    ] {
        let said = format!("a warning before\n{}\n", NotMade::from(&err));

        let heard: HostError = NotMade::read(&said).unwrap().into();

        assert_eq!(format!("{heard:?}"), format!("{err:?}"));
    }
    assert_eq!(NotMade::read("thread panicked\n"), None);
    assert_eq!(NotMade::read(""), None);
}

#[test]
fn an_order_that_is_none_is_refused() {
    let host = host();
    let err = run_change(host.path(), "{}").unwrap_err();
    assert!(matches!(err, NotMade::Unreadable { .. }), "{err}");
}

#[tokio::test]
async fn who_reads_of_it_reads_that_it_is_a_simulation() {
    let host = host();
    let want = guest(950).build();
    host.runs(&want).await;
    host.does(&want, take("s1")).await.unwrap();
    host.fault(Fault::new(FaultKind::Fail).kind("start"));

    let shown = admin::show(host.path()).unwrap();
    let text = shown.to_string();

    assert!(text.starts_with("SIMULATION"), "{text}");
    assert!(text.contains("lxc-950 CT950 (simulated): running"), "{text}");
    assert!(text.contains("snapshots: s1"), "{text}");
    assert!(text.contains("fault 1"), "{text}");
    assert!(serde_json::to_string(&shown).unwrap().contains("\"simulation\":true"));
    let err = host.does(&want, Change::Start).await.unwrap_err();
    assert!(err.to_string().contains("simulated"), "{err}");
}

#[tokio::test]
async fn the_ledger_has_the_begin_and_the_end_of_every_effect_and_of_nothing_else() {
    let host = host();
    let want = guest(950).build();
    host.runs(&want).await;
    host.does(&want, Change::AwaitHealthy).await.unwrap();
    assert!(host.does(&want, Change::Start).await.is_err());

    let ledger = admin::ledger(host.path()).unwrap();

    let marks: Vec<_> = ledger.iter().map(|entry| (entry.kind.as_str(), entry.mark)).collect();
    let (begun, done) = (Mark::Begun, Mark::Done);
    assert_eq!(marks, [("create", begun), ("create", done), ("start", begun), ("start", done)]);
    assert!(twice(&ledger).is_empty());
    assert!(ledger.iter().all(|entry| entry.pid == std::process::id()));
}

#[tokio::test]
async fn what_was_made_twice_is_found_in_the_ledger() {
    let host = host();
    let want = guest(950).build();
    host.runs(&want).await;
    let install = Change::InstallFeature { feature: "docker".parse().unwrap() };
    for change in [Change::Stop, Change::Start, install.clone()] {
        host.does(&want, change).await.unwrap();
    }
    assert!(twice(&admin::ledger(host.path()).unwrap()).is_empty(), "a stop was in between");

    host.does(&want, install.clone()).await.unwrap();

    let ledger = admin::ledger(host.path()).unwrap();
    assert_eq!(twice(&ledger).iter().map(|entry| &entry.change).collect::<Vec<_>>(), [&install]);
}

#[tokio::test]
async fn a_second_actor_needs_no_engine() {
    let host = host();
    let want = guest(950).cores(2).build();
    let key = GuestKey::from(&want);
    assert!(admin::stop(host.path(), key).is_err());
    host.runs(&want).await;

    admin::stop(host.path(), key).unwrap();
    admin::set(host.path(), key, &[Property::Cores(Some(7))]).unwrap();
    let seen = host.guest(&want).await;
    assert_eq!(seen.inside, None, "nobody can look into what stands still");
    assert!(seen.properties.contains(&Property::Cores(Some(7))));
    admin::remove(host.path(), key).unwrap();
    assert_eq!(host.look(&want).await.guest, None);
}
