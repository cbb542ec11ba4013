//! It refuses what a real host refuses.

use phoenix_domain::{GibiBytes, Property};
use phoenix_testkit::{guest, machine};

use super::*;

type Is = fn(&HostError) -> bool;

fn install() -> Change {
    Change::InstallFeature { feature: "docker".parse().unwrap() }
}

/// Makes the first changes, and sees each of the others refused without a trace.
async fn refuses(want: &GuestSpec, first: Vec<Change>, others: Vec<(Change, Is)>) {
    let host = host();
    for change in first {
        host.does(want, change).await.unwrap();
    }
    let before = (host.look(want).await, admin::ledger(host.path()).unwrap());
    for (change, is_it) in others {
        let said = change.to_string();
        let err = host.does(want, change).await.unwrap_err();
        assert!(is_it(&err), "{said}: {err}");
    }
    assert_eq!((host.look(want).await, admin::ledger(host.path()).unwrap()), before);
}

#[tokio::test]
async fn nothing_is_changed_of_a_guest_that_is_not_there() {
    let want = guest(950).build();
    let changes = [Change::Start, Change::Stop, take("s1"), install(), Change::RemoveHalfMade];
    refuses(&want, vec![], changes.map(|change| (change, is_for_now as Is)).into()).await;
    let child = guest(951).of(900).build();
    refuses(&child, vec![], vec![(create(&child), is_for_now)]).await;
}

#[tokio::test]
async fn a_guest_that_stands_still_can_be_made_to_do_little() {
    let want = guest(950).build();
    let others = vec![
        (create(&want), is_for_now as Is),
        (Change::Stop, is_for_now),
        (Change::Restart, is_for_now),
        (install(), is_for_now),
        (Change::RunApplicationScript { script: "a.sh".parse().unwrap() }, is_for_now),
        (Change::AwaitAgent, is_for_now),
        (Change::AwaitHealthy, is_for_now),
        (Change::CleanForTemplate, is_for_now),
        (Change::RemoveSnapshot { name: "s1".parse().unwrap() }, is_for_now),
        (Change::RemoveHalfMade, is_for_now),
        (Change::GrowRootDisk { to: GibiBytes(4) }, is_for_now),
        (Change::GrowVolume { place: "/x".parse().unwrap(), to: GibiBytes(4) }, is_for_now),
        (Change::SetProperties { to: vec![Property::Gpus("5".parse().unwrap())] }, is_for_good),
    ];
    refuses(&want, vec![create(&want)], others).await;
}

#[tokio::test]
async fn what_runs_is_not_started_again_and_becomes_no_template() {
    let want = guest(950).directory("/srv", "/srv").build();
    let convert = Change::ConvertToTemplate { contents: want.contents() };
    let attach = Change::Attach { volume: want.volumes[0].clone() };
    let first = vec![create(&want), Change::Start, attach.clone()];
    let others = vec![
        (Change::Start, is_for_now as Is),
        (convert, is_for_now),
        (attach, is_for_now),
        (take("s1"), is_for_good),
    ];
    refuses(&want, first, others).await;
}

#[tokio::test]
async fn names_of_snapshots_are_taken_once_and_templates_have_none() {
    let want = guest(950).build();
    let convert = Change::ConvertToTemplate { contents: want.contents() };
    let others = vec![(take("s1"), is_for_now as Is), (convert.clone(), is_for_good)];
    refuses(&want, vec![create(&want), take("s1")], others).await;
    let others = vec![
        (Change::Start, is_for_good as Is),
        (take("s1"), is_for_good),
        (convert.clone(), is_for_now),
    ];
    refuses(&want, vec![create(&want), convert], others).await;
}

#[tokio::test]
async fn nothing_is_run_in_a_machine_before_its_agent_answers() {
    let want = machine(800).build();
    let others = vec![(install(), is_for_now as Is)];
    refuses(&want, vec![create(&want), Change::Start], others).await;
}

#[tokio::test]
async fn a_number_belongs_to_one_guest_of_whichever_kind() {
    let host = host();
    let (container, machine) = (guest(950).build(), machine(950).build());
    host.does(&container, create(&container)).await.unwrap();

    assert!(is_for_now(&host.does(&machine, create(&machine)).await.unwrap_err()));
    assert_eq!(host.guest(&machine).await.unprivileged, Some(true));
}

#[tokio::test]
async fn nothing_is_cloned_of_a_parent_without_a_seal_or_of_the_other_kind() {
    let host = host();
    let parent = guest(900).build();
    host.does(&parent, create(&parent)).await.unwrap();
    let child = guest(950).of(900).build();
    assert!(is_for_now(&host.does(&child, create(&child)).await.unwrap_err()));

    let convert = Change::ConvertToTemplate { contents: parent.contents() };
    host.does(&parent, convert).await.unwrap();
    let stranger = machine(850).of(900).build();
    assert!(is_for_good(&host.does(&stranger, create(&stranger)).await.unwrap_err()));
    host.does(&child, create(&child)).await.unwrap();
}

#[tokio::test]
async fn only_archives_it_has_are_taken_where_they_are_listed() {
    let templates = vec!["debian.tar.zst".to_owned()];
    let host = host_with(&Settings { templates, ..Settings::instant() });
    let (known, unknown) = (guest(950).build(), guest(951).archive("other.tar.zst").build());

    host.does(&known, create(&known)).await.unwrap();
    assert!(is_for_good(&host.does(&unknown, create(&unknown)).await.unwrap_err()));
}
