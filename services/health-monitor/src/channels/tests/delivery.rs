//! What is told gets there, once it can: in order, the newest of it, and by the name it had.

use tokio::net::TcpListener;

use super::receiver::{Answer, Receiver, breaking_off, hooks, slack};
use super::*;
use crate::channels::slack::Slack;

fn id_of(asked: &super::receiver::Asked) -> String {
    asked.headers["webhook-id"].to_str().unwrap().to_owned()
}

fn text_of(asked: &super::receiver::Asked) -> String {
    body(&asked.body).pointer("/data/text").unwrap().as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_by_the_same_name() {
    let world = World::new().await;
    let mut hook =
        Receiver::start(hooks, &[Answer::Status(500, "oops"), Answer::Status(503, "")]).await;
    let channel = channel("hooks", webhook(hook.url()));
    let _delivering = world.deliver(&channel);

    world.tell(HealthEventKind::IncidentOpened, &page()).await;
    let asked = [hook.next().await, hook.next().await, hook.next().await];

    assert_eq!(id_of(&asked[0]), id_of(&asked[2]));
    assert_eq!(id_of(&asked[0]), body(&asked[0].body)["id"]);
    assert_eq!(asked[0].body, asked[2].body);
    world.until_nothing_waits().await;
    assert!(!hook.has_more());
}

#[tokio::test]
async fn who_breaks_off_is_told_again() {
    let world = World::new().await;
    let (at, broken) = breaking_off(1).await;
    let way = webhook(Url::parse(&format!("http://{at}/")).unwrap());
    let _delivering = world.deliver(&channel("hooks", way));

    world.tell(HealthEventKind::IncidentOpened, &page()).await;
    drop(broken.await.unwrap());
    let mut hook = Receiver::start_at(at, hooks, &[]).await;

    hook.next().await;
    world.until_nothing_waits().await;
}

#[tokio::test]
async fn who_hangs_holds_up_no_other_channel_and_is_told_again() {
    let world = World::new().await;
    let mut hanging = Receiver::start(hooks, &[Answer::Hang]).await;
    let mut well = Receiver::start(hooks, &[]).await;
    let _one = world.deliver(&channel("hanging", webhook(hanging.url())));
    world.until(|seen| seen.name.as_str() == "hanging").await;

    world.tell(HealthEventKind::IncidentOpened, &page()).await;
    let hung = hanging.next().await;
    let _other = world.deliver(&channel("well", webhook(well.url())));
    let told = well.next().await;

    assert!(!hanging.has_more(), "the other channel was told while this one hung");
    assert_eq!(id_of(&hung), id_of(&told));
    assert_eq!(id_of(&hanging.next().await), id_of(&hung));
}

#[tokio::test]
async fn nobody_is_followed_elsewhere() {
    let world = World::new().await;
    let mut elsewhere = Receiver::start(hooks, &[]).await;
    let leads = Answer::With(307, "location", elsewhere.url().to_string());
    let mut hook = Receiver::start(hooks, &[leads]).await;
    let _delivering = world.deliver(&channel("hooks", webhook(hook.url())));

    world.tell(HealthEventKind::IncidentOpened, &page()).await;
    hook.next().await;

    let is_told = |seen: &phoenix_bus::ChannelSeen| {
        seen.error.as_ref().is_some_and(|(_, why)| why.contains("307"))
    };
    world.until(|seen| is_told(seen) && seen.is_silent && seen.waiting == 1).await;
    assert!(!elsewhere.has_more());
}

#[tokio::test]
async fn of_what_nobody_could_be_told_only_the_newest_is_sent() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let way = webhook(Url::parse(&format!("http://{at}/")).unwrap());
    let _delivering = world.deliver(&channel("hooks", way));
    let (stays, mut passes) = (page(), page());
    passes.incident.id = "PASSED".parse().unwrap();

    world.tell(HealthEventKind::IncidentOpened, &stays).await;
    world.tell(HealthEventKind::IncidentOpened, &passes).await;
    world.until(|seen| seen.failing.is_some()).await;
    world.tell(HealthEventKind::IncidentUpdated, &saying(stays.clone(), "newer")).await;
    world.tell(HealthEventKind::IncidentUpdated, &saying(stays.clone(), "newest")).await;
    world.tell(HealthEventKind::IncidentResolved, &over(passes.clone())).await;
    // Two wait and no more: what is older was let go before anybody could take it.
    world.until(|seen| seen.waiting == 2).await;
    let mut hook = Receiver::start_at(at, hooks, &[]).await;
    let mut told = vec![text_of(&hook.next().await), text_of(&hook.next().await)];

    told.sort();
    assert_eq!(told, ["guest 950: over, it serves again", "newest"]);
    world.until_nothing_waits().await;
    assert!(!hook.has_more());
}

#[tokio::test]
async fn what_came_and_went_unheard_is_one_short_message() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let url = SecretString::from(format!("http://{at}/services/T000/B000/XXXXXXXX"));
    let _delivering = world.deliver(&channel("room", Way::Slack(Slack { url })));

    world.tell(HealthEventKind::IncidentOpened, &page()).await;
    world.until(|seen| seen.failing.is_some()).await;
    let mut news = page();
    news.incident.id = "PASSED".parse().unwrap();
    world.tell(HealthEventKind::IncidentOpened, &news).await;
    world.tell(HealthEventKind::IncidentResolved, &over(news.clone())).await;
    world.until(|seen| seen.waiting == 2).await;
    let mut room = Receiver::start_at(at, slack, &[]).await;
    let texts = [room.next().await, room.next().await]
        .map(|asked| body(&asked.body)["text"].as_str().unwrap().to_owned());

    let passed = texts.iter().find(|text| text.contains("PASSED")).unwrap();
    assert!(passed.starts_with("*[OVER] guest 950: over"), "{passed}");
    assert!(passed.contains("it lasted 6 min, and nobody could be told"), "{passed}");
    assert!(!passed.contains("tried:"), "{passed}");
}

#[tokio::test]
async fn a_new_channel_begins_with_what_is_open_and_not_with_history() {
    let world = World::new().await;
    let (mut history, mut open, mut mild) = (page(), page(), page());
    history.incident.id = "ENDED1".parse().unwrap();
    history.incident.opened -= TimeDelta::hours(1);
    open.incident.id = "STANDS".parse().unwrap();
    mild.incident.id = "MILD01".parse().unwrap();
    mild.incident.severity = Severity::Warn;
    world.tell(HealthEventKind::IncidentOpened, &history).await;
    world.tell(HealthEventKind::IncidentResolved, &over(history)).await;
    world.tell(HealthEventKind::IncidentOpened, &open).await;
    world.tell(HealthEventKind::IncidentUpdated, &saying(open.clone(), "as it stands")).await;
    world.tell(HealthEventKind::IncidentOpened, &mild).await;
    let mut hook = Receiver::start(hooks, &[]).await;

    let _delivering = world.deliver(&channel("hooks", webhook(hook.url())));
    let told = hook.next().await;
    world.until_nothing_waits().await;

    assert_eq!(text_of(&told), "as it stands");
    assert!(!hook.has_more());
}

#[tokio::test]
async fn what_was_sent_before_a_kill_is_sent_again_by_the_same_name() {
    let world = World::new().await;
    let mut hook = Receiver::start(hooks, &[Answer::Hang]).await;
    let channel = channel("hooks", webhook(hook.url()));
    let killed = world.deliver(&channel);

    world.tell(HealthEventKind::IncidentOpened, &page()).await;
    let before = hook.next().await;
    drop(killed);
    let _next = world.deliver(&channel);
    let after = hook.next().await;

    assert_eq!(id_of(&before), id_of(&after));
    world.until_nothing_waits().await;
}

#[tokio::test]
async fn what_was_told_is_not_told_again_by_the_next_monitor_and_its_end_is() {
    let world = World::new().await;
    let mut hook = Receiver::start(hooks, &[]).await;
    let channel = channel("hooks", webhook(hook.url()));
    let news = page();
    let first = world.deliver(&channel);
    world.tell(HealthEventKind::IncidentOpened, &news).await;
    hook.next().await;
    world.until_nothing_waits().await;

    drop(first);
    let _next = world.deliver(&channel);
    world.tell(HealthEventKind::IncidentResolved, &over(news)).await;

    assert_eq!(text_of(&hook.next().await), "guest 950: over, it serves again");
    world.until_nothing_waits().await;
    assert!(!hook.has_more());
}

#[tokio::test]
async fn of_two_monitors_one_delivers() {
    let world = World::new().await;
    let mut hook = Receiver::start(hooks, &[]).await;
    let channel = channel("hooks", webhook(hook.url()));
    let _both = [world.deliver(&channel), world.deliver(&channel)];
    let news = page();

    for text in ["one", "two", "three"] {
        world.tell(HealthEventKind::IncidentUpdated, &saying(news.clone(), text)).await;
        while text_of(&hook.next().await) != text {}
    }

    world.until_nothing_waits().await;
    assert!(!hook.has_more());
}

#[tokio::test]
async fn what_is_too_long_is_said_in_short() {
    let world = World::new().await;
    let mut room = Receiver::start(slack, &[Answer::Status(413, "too large")]).await;
    let url = SecretString::from(room.url().to_string());
    let _delivering = world.deliver(&channel("room", Way::Slack(Slack { url })));

    world.tell(HealthEventKind::IncidentOpened, &page()).await;
    let (long, short) = (room.next().await, room.next().await);

    assert!(short.body.len() < long.body.len());
    assert!(body(&short.body)["text"].as_str().unwrap().contains("[PAGE] vllm on 950"));
    world.until_nothing_waits().await;
}

#[tokio::test]
async fn a_refusal_is_told_loudly_and_so_is_its_end() {
    let world = World::new().await;
    let mut hook = Receiver::start(hooks, &[Answer::Status(401, "who are you?")]).await;
    let channel = channel("hooks", webhook(hook.url()));
    let _delivering = world.deliver(&channel);

    world.tell(HealthEventKind::IncidentOpened, &page()).await;
    hook.next().await;
    world.until(|seen| seen.is_silent && seen.failing.is_some()).await;
    let mut other = page();
    other.incident.id = "OTHER1".parse().unwrap();
    world.tell(HealthEventKind::IncidentOpened, &other).await;
    hook.next().await;

    world.until(|seen| !seen.is_silent && seen.failing.is_none() && seen.waiting == 1).await;
}

#[tokio::test]
async fn a_channel_that_is_forgotten_is_gone_with_what_it_has_not_told() {
    let world = World::new().await;
    let name = "hooks".parse().unwrap();
    let hook = Receiver::start(hooks, &[]).await;
    let delivering = world.deliver(&channel("hooks", webhook(hook.url())));
    world.until_nothing_waits().await;
    assert!(world.bus.is_served(&name).await.unwrap());
    drop(delivering);

    assert!(world.bus.forget_channel(&name).await.unwrap());

    assert_eq!(world.bus.channels().await.unwrap(), []);
    assert!(!world.bus.forget_channel(&name).await.unwrap(), "there is none any more");
}

#[tokio::test]
async fn a_server_that_comes_back_finds_everything_to_be_told() {
    let mut world = World::new().await;
    let mut hook = Receiver::start(hooks, &[Answer::Status(500, "")]).await;
    let _delivering = world.deliver(&channel("hooks", webhook(hook.url())));
    world.tell(HealthEventKind::IncidentOpened, &page()).await;
    let before = hook.next().await;

    world.server.restart();
    let after = tokio::time::timeout(Duration::from_mins(2), hook.next()).await.unwrap();

    assert_eq!(id_of(&before), id_of(&after));
    world.until_nothing_waits().await;
}
