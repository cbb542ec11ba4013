//! Guests that are changed so that they can go back to what they were, and workers that are killed
//! meanwhile.

use phoenix_domain::{
    Desired, EventKind, GuestKey, GuestSpec, Record, Safety, SpecDigest, Standing,
};
use phoenix_testkit::guest;
use phoenix_testkit::host::{Fault, FaultKind, Moment, Settings};

use super::deaths::{self, changes_since, die_until};
use super::site::{Site, States, lxc, quick};

const WEB: u64 = 950;

fn first() -> GuestSpec {
    web(512, &["nginx"])
}

/// What the guest should become.
fn second() -> GuestSpec {
    web(768, &["nginx", "redis"])
}

fn web(memory: u64, features: &[&str]) -> GuestSpec {
    guest(WEB).memory(memory).features(features).volume("data", "/data", 8).build()
}

/// Asks for guests with a way back.
async fn ask(site: &Site, run: &str, specs: &[GuestSpec], change: impl Fn(&mut Desired)) {
    let states = site.bus.states().await.unwrap();
    site.submit_with(specs, |desired| {
        desired.run = run.parse().unwrap();
        let guest = specs.iter().find(|spec| SpecDigest::of(spec) == desired.digest);
        let before = guest.and_then(|spec| states.get(&GuestKey::from(spec)));
        let before = before.map(|(_, event)| &event.state);
        desired.safety = Safety::guard(before, &desired.run, 1);
        change(desired);
    })
    .await;
}

fn is_settled(states: &States) -> bool {
    states.get(&lxc(WEB)).is_some_and(Record::is_settled)
}

/// Returns a site on which the guest is complete, as it was first.
async fn complete(settings: &Settings) -> Site {
    let site = Site::with(settings).await;
    let mut worker = site.worker();
    site.submit(&[first()]).await;
    site.until_complete(&[first()]).await;
    worker.kill();
    site
}

async fn kinds(site: &Site) -> Vec<EventKind> {
    let history = site.bus.history(lxc(WEB)).await.unwrap();
    history.iter().map(|(_, event)| event.fact.kind()).collect()
}

fn assert_went_back(record: &Record) {
    assert_eq!(record.desired.digest, SpecDigest::of(&first()));
    assert!(
        matches!(&record.desired.safety, Some(Safety::Returned { why, .. }) if why.contains("redis")),
        "{:?}",
        record.desired.safety
    );
}

#[tokio::test]
async fn what_stays_healthy_is_kept_and_its_snapshot_is_not() {
    let site = complete(&quick()).await;
    let mark = site.host.done().len();
    let _worker = site.worker();

    ask(&site, "r-safe", &[second()], |_| {}).await;
    site.until("it is the new one", |states| {
        states.get(&lxc(WEB)).is_some_and(|record| {
            record.is_complete() && record.desired.digest == SpecDigest::of(&second())
        })
    })
    .await;

    let done = site.host.done();
    let kinds: Vec<_> = done[mark..].iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"take-snapshot"), Some(&"remove-snapshot")));
    assert_eq!(site.state(lxc(WEB)).await.desired.safety, None);
    site.assert_all_is_well().await;

    let before = site.host.ledger().len();
    ask(&site, "r-again", &[second()], |_| {}).await;
    assert!(site.state(lxc(WEB)).await.is_complete(), "nothing is asked for");
    assert_eq!(site.host.ledger().len(), before);
}

#[tokio::test]
async fn what_fails_goes_back_to_what_it_was_and_its_story_is_filed() {
    let site = complete(&quick()).await;
    let before = site.host.files();
    let refused = Fault::new(FaultKind::Refuse).guest(lxc(WEB)).kind("install-feature");
    site.host.fault(refused.always());
    let _worker = site.worker();

    ask(&site, "r-safe", &[second()], |_| {}).await;
    let is_back = |states: &States| {
        states.get(&lxc(WEB)).is_some_and(|record| record.desired.revision == 3)
            && is_settled(states)
    };
    let states = site.until("it is what it was", is_back).await;

    let record = &states[&lxc(WEB)];
    assert_eq!(record.work.standing, Standing::Completed);
    assert_went_back(record);
    assert_eq!(site.host.files(), before);
    let filed = site.bus.dead_letters().await.unwrap();
    let letter = filed[0].letter.as_ref().unwrap();
    let asked = &letter.state.as_ref().unwrap().desired;
    assert_eq!((&asked.digest, letter.attempts), (&SpecDigest::of(&second()), 1));
    let told = kinds(&site).await;
    assert!(told.contains(&EventKind::ReturnBegun), "{told:?}");
    site.assert_log_is_whole().await;
}

#[tokio::test]
async fn what_is_sick_soon_goes_back() {
    let site = complete(&quick()).await;
    let _worker = site.worker();
    ask(&site, "r-safe", &[second()], |desired| {
        if let Some(Safety::Guarded { hold_s, .. }) = &mut desired.safety {
            *hold_s = 3600;
        }
    })
    .await;
    site.until("its health is watched", |states| {
        states.get(&lxc(WEB)).and_then(Record::step) == Some(phoenix_domain::StepName::HoldHealth)
    })
    .await;

    site.host.sicken(lxc(WEB), "nginx");

    let is_back = |states: &States| {
        states.get(&lxc(WEB)).is_some_and(|record| record.desired.revision == 3)
            && is_settled(states)
    };
    let states = site.until("it is what it was", is_back).await;
    let desired = &states[&lxc(WEB)].desired;
    assert_eq!(desired.digest, SpecDigest::of(&first()));
    let Some(Safety::Returned { why, .. }) = &desired.safety else { panic!("{desired:?}") };
    assert!(why.contains(" of 3600 seconds, and then: nginx "), "it names what fails: {why}");
    site.assert_all_is_well().await;
}

/// Has the guest go back while workers are killed at this point of every change of that.
async fn kill_at_every(at: Moment, settings: &Settings) {
    let fault = || {
        let refused = Fault::new(FaultKind::Refuse).guest(lxc(WEB)).kind("install-feature");
        refused.always()
    };
    let is_back = |states: &States| {
        states.get(&lxc(WEB)).is_some_and(|record| record.desired.revision == 3)
            && is_settled(states)
    };
    let undisturbed = complete(settings).await;
    let mark = undisturbed.host.done().len();
    undisturbed.host.fault(fault());
    ask(&undisturbed, "r-safe", &[second()], |_| {}).await;
    let _worker = undisturbed.worker();
    undisturbed.until("it is what it was", is_back).await;
    let changes = changes_since(&undisturbed, mark);
    assert_eq!(changes.get("roll-back"), Some(&1), "{changes:?}");

    let site = complete(settings).await;
    deaths::kill_at_every(&site, lxc(WEB), at, &changes);
    site.host.fault(fault());
    ask(&site, "r-safe", &[second()], |_| {}).await;
    let (states, deaths) =
        die_until(&site, Box::pin(site.until("it is what it was", is_back))).await;

    assert!(deaths >= u32::try_from(changes.len()).unwrap(), "{deaths} deaths, {changes:?}");
    assert_eq!(site.host.faults_left(), 1, "some change was never made");
    assert_went_back(states.get(&lxc(WEB)).unwrap());
    assert_eq!(site.host.files(), undisturbed.host.files());
    assert_eq!(site.bus.dead_letters().await.unwrap().len(), 1, "one story");
    site.assert_all_is_well().await;
}

#[tokio::test]
async fn a_worker_killed_before_any_change_goes_back_all_the_same() {
    Box::pin(kill_at_every(Moment::Before, &quick())).await;
}

#[tokio::test]
async fn a_worker_killed_during_any_change_goes_back_all_the_same() {
    Box::pin(kill_at_every(Moment::During, &Settings { latency_ms: 400, ..quick() })).await;
}

#[tokio::test]
async fn a_worker_killed_after_any_change_goes_back_all_the_same() {
    Box::pin(kill_at_every(Moment::After, &quick())).await;
}

#[tokio::test]
async fn nobody_follows_a_canary_that_went_back() {
    let site = Site::new().await;
    let other = |memory| guest(951).memory(memory).features(&["nginx"]).build();
    let _worker = site.worker();
    site.submit(&[first(), other(512)]).await;
    site.until_complete(&[first(), other(512)]).await;
    let refused = Fault::new(FaultKind::Refuse).guest(lxc(WEB)).kind("install-feature");
    let fault = site.host.fault(refused.always());
    let before = site.host.begun(lxc(951), "set-properties");
    let after_canary = |desired: &mut Desired| {
        if desired.digest == SpecDigest::of(&other(768)) {
            desired.after.push(lxc(WEB));
        }
    };

    ask(&site, "r-canary", &[second(), other(768)], after_canary).await;
    let states = site
        .until("the other is told", |states| {
            let standing = states.get(&lxc(951)).map(|record| &record.work.standing);
            let by = Standing::BlockedBy { guest: lxc(WEB), root: lxc(WEB) };
            standing == Some(&by) && is_settled(states)
        })
        .await;
    assert_went_back(&states[&lxc(WEB)]);
    assert_eq!(site.host.begun(lxc(951), "set-properties"), before, "it was not touched");

    site.host.without_fault(fault);
    ask(&site, "r-canary2", &[second(), other(768)], after_canary).await;
    site.until("both are new", |states| {
        let is_new = |spec: &GuestSpec| {
            let record = states.get(&GuestKey::from(spec));
            record
                .is_some_and(|one| one.is_complete() && one.desired.digest == SpecDigest::of(spec))
        };
        is_new(&second()) && is_new(&other(768))
    })
    .await;
    let done = site.host.done();
    let last = |guest| {
        done.iter().rposition(|entry| entry.guest == guest && entry.kind == "remove-snapshot")
    };
    let begun =
        done.iter().rposition(|entry| entry.guest == lxc(951) && entry.kind == "take-snapshot");
    assert!(last(lxc(WEB)) < begun, "the canary was first");
    site.assert_log_is_whole().await;
}
