//! How many messages there are: what changes is one, what is too much is one, and what nobody has seen
//! is told again.

use std::collections::BTreeSet;

use phoenix_bus::Called;
use phoenix_domain::health::{Ack, IncidentId};
use tokio::time::Instant;

use super::receiver::{Answer, Asked, Receiver, hooks};
use super::*;
use crate::channels::channel::Parcel;
use crate::channels::desk::{Desk, Weight};
use crate::channels::ntfy::Ntfy;
use crate::channels::slack::Slack;
use crate::channels::told;

const CALL: Weight = Weight { is_call: true, severity: Severity::Page };
const NOTE: Weight = Weight { is_call: false, severity: Severity::Warn };

fn id(nth: usize) -> IncidentId {
    format!("NR{nth:04}").parse().unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A desk at which so many incidents have come in.
fn crowded(incidents: usize, weight: Weight, now: Instant) -> Desk<usize> {
    let mut desk = Desk::new(Pace::default());
    for nth in 0..incidents {
        desk.take(&id(nth), 1, weight, nth, now);
    }
    desk
}

/// Sends everything as soon as it may go until this long has passed; returns when what went together.
fn send_all(desk: &mut Desk<usize>, start: Instant, most: Duration) -> Vec<(u64, usize)> {
    let mut sent = Vec::new();
    while let Some(at) = desk.next_at().filter(|at| *at - start <= most) {
        let due: Vec<_> = desk.due(at).iter().map(|due| (due.id.clone(), due.seq)).collect();
        assert!(!due.is_empty(), "it wants to send, and has nothing");
        desk.sent(at);
        for (id, seq) in &due {
            desk.taken(id, *seq, at).unwrap();
        }
        sent.push(((at - start).as_secs(), due.len()));
    }
    sent
}

#[test]
fn what_changes_again_and_again_is_one_message_with_the_last_of_it() {
    let now = Instant::now();
    let mut desk = Desk::new(Pace::default());

    for change in 0..20 {
        let at = now + Duration::from_millis(100) * change;
        assert!(desk.due(at).is_empty(), "{change}");
        desk.take(&id(0), u64::from(change), CALL, change, at);
    }

    let due = desk.due(now + seconds(2));
    assert_eq!(due.iter().map(|due| *due.call).collect::<Vec<_>>(), [19]);
}

#[test]
fn what_changes_while_its_message_is_on_its_way_waits_like_anything_new() {
    let now = Instant::now();
    let mut desk = crowded(1, CALL, now);
    let sent = now + seconds(2);
    desk.take(&id(0), 2, CALL, 7, sent);

    desk.sent(sent);
    assert_eq!(desk.taken(&id(0), 1, sent), None);

    assert!(desk.due(sent + seconds(1)).is_empty());
    assert_eq!(desk.due(sent + seconds(2))[0].seq, 2);
}

#[test]
fn of_too_much_at_once_ten_messages_go_and_the_last_has_the_rest() {
    let now = Instant::now();

    let sent = send_all(&mut crowded(30, NOTE, now), now, seconds(600));

    assert_eq!(sent.len(), 10, "{sent:?}");
    assert_eq!(sent[9], (2, 21));
}

#[test]
fn so_many_that_they_fit_are_a_message_each() {
    let now = Instant::now();

    let sent = send_all(&mut crowded(10, NOTE, now), now, seconds(600));

    assert_eq!(sent, [(2, 1); 10]);
}

#[test]
fn no_window_has_more_than_ten_messages_unless_a_human_is_called() {
    let now = Instant::now();
    let mut desk = crowded(10, NOTE, now);
    let mut sent = send_all(&mut desk, now, seconds(2));
    for nth in 10..40 {
        desk.take(&id(nth), 1, NOTE, nth, now + seconds(3));
    }

    sent.extend(send_all(&mut desk, now, seconds(600)));
    assert_eq!(sent[10..19], [(62, 1); 9]);
    assert_eq!(sent[19..], [(62, 21)]);

    let mut desk = crowded(10, NOTE, now);
    send_all(&mut desk, now, seconds(2));
    for nth in 10..14 {
        desk.take(&id(nth), 1, if nth == 12 { CALL } else { NOTE }, nth, now + seconds(3));
    }
    let first = desk.next_at().unwrap();
    assert_eq!((first - now).as_secs(), 5, "a call is held back for seconds");
    let due: Vec<_> = desk.due(first).iter().map(|due| *due.call).collect();
    assert_eq!(due, [12, 10, 11, 13], "the most severe first, and the rest with it");
}

#[test]
fn people_are_reminded_after_half_an_hour_and_then_every_two_hours() {
    let pauses = [TimeDelta::minutes(30), TimeDelta::minutes(120)];
    let (news, start) = (page(), now());
    let mut called = told::called(&news, None, Occasion::First, start).unwrap();
    let mut minutes = Vec::new();
    for _ in 0..4 {
        let at = told::remind_at(called, &pauses).unwrap();
        minutes.push((at - start).num_minutes());
        let before = Delivered { called: Some(called), ..delivered(1, Severity::Page) };
        called = told::called(&news, Some(&before), Occasion::Reminder, at).unwrap();
    }

    assert_eq!(minutes, [30, 150, 270, 390]);
    assert_eq!(told::remind_at(called, &[]), None, "they are switched off");
    let before = Delivered { called: Some(called), ..delivered(1, Severity::Page) };
    let more = told::called(&news, Some(&before), Occasion::More, now());
    assert_eq!(more, Some(called), "what is merely more of the same moves nothing away");
}

#[test]
fn nobody_is_reminded_of_what_is_over_was_seen_or_needs_no_human() {
    let mild = {
        let mut news = page();
        news.incident.severity = Severity::Warn;
        news
    };
    for news in [over(page()), seen(page()), mild] {
        assert_eq!(told::called(&news, None, Occasion::First, now()), None);
    }
}

#[test]
fn what_outgrew_its_acknowledgement_is_as_loud_as_it_was_first() {
    let before = delivered(1, Severity::Page);
    let mut worse = seen(page());
    let end = serde_json::json!({ "at": now() });
    let mut ack = serde_json::to_value(&worse.incident.acks[0]).unwrap();
    ack["ended"] = end;
    worse.incident.acks = vec![serde_json::from_value(ack).unwrap()];

    assert_eq!(told::occasion(&worse, Some(&before)), Occasion::First);
    assert_eq!(told::occasion(&seen(page()), Some(&before)), Occasion::More);
    let called = Some(Called { at: now(), reminders: 0 });
    let again = Delivered { called, ..before };
    assert_eq!(told::occasion(&worse, Some(&again)), Occasion::More);
}

/// The same, after somebody has said that they have seen it.
fn seen(mut news: News) -> News {
    let ack: Ack = serde_json::from_value(serde_json::json!({
        "by": "kim", "at": news.incident.opened, "why": "on my way",
        "weight": { "severity": "page", "is_left_to_humans": true },
    }))
    .unwrap();
    news.incident.acks = vec![ack];
    news
}

fn kind(asked: &Asked) -> String {
    body(&asked.body)["type"].as_str().unwrap().to_owned()
}

fn number(asked: &Asked) -> Option<u64> {
    body(&asked.body).pointer("/data/reminder/number")?.as_u64()
}

fn subject(asked: &Asked) -> String {
    body(&asked.body)["subject"].as_str().unwrap().to_owned()
}

/// A channel whose people are reminded very often.
fn insistent(url: Url) -> Channel {
    Channel { remind: vec![TimeDelta::milliseconds(50)], ..channel("hooks", webhook(url)) }
}

#[tokio::test]
async fn what_nobody_has_seen_is_told_again_until_somebody_has_whoever_is_killed() {
    let world = World::new().await;
    let mut hook = Receiver::start(hooks, &[]).await;
    let channel = insistent(hook.url());
    let (mut news, mut other) = (page(), page());
    news.incident.id = id(1);
    other.incident.id = id(2);
    let killed = world.deliver(&channel);

    world.tell(HealthEventKind::IncidentOpened, &news).await;
    let (first, reminder) = (hook.next().await, hook.next().await);
    drop(killed);
    let _next = world.deliver(&channel);
    let mut again = hook.next().await;
    while number(&again) < Some(3) {
        again = hook.next().await;
    }

    assert_eq!((kind(&first), number(&first)), ("dev.phoenix.incident.opened.v1".to_owned(), None));
    assert_eq!(kind(&reminder), "dev.phoenix.incident.reminder.v1");
    assert_eq!(number(&reminder), Some(1));
    assert_ne!(first.headers["webhook-id"], reminder.headers["webhook-id"]);
    assert_eq!(again.headers["webhook-id"], body(&again.body)["id"].as_str().unwrap());

    world.tell(HealthEventKind::IncidentUpdated, &seen(news)).await;
    while kind(&hook.next().await) != "dev.phoenix.incident.updated.v1" {}
    world.tell(HealthEventKind::IncidentOpened, &other).await;
    for _ in 0..5 {
        assert_eq!(subject(&hook.next().await), "NR0002", "the other one was seen");
    }
}

#[tokio::test]
async fn of_a_flood_every_incident_gets_there_though_the_monitor_is_killed_in_the_middle_of_it() {
    const FLOOD: usize = 12;
    let world = World::new().await;
    let mut hook = Receiver::start(hooks, &[Answer::Status(200, ""), Answer::Hang]).await;
    let channel = channel("hooks", webhook(hook.url()));
    let apart = Duration::from_millis(10);
    let pace = Pace { gather: Duration::from_millis(500), most: 2, window: seconds(3600), apart };
    for nth in 0..FLOOD {
        let mut news = page();
        news.incident.id = id(nth);
        world.tell(HealthEventKind::IncidentOpened, &news).await;
    }
    let told = |asked: &Asked| -> Vec<String> {
        let event = body(&asked.body);
        let events = event.pointer("/data/events").and_then(|events| events.as_array());
        let all = events.cloned().unwrap_or_else(|| vec![event]);
        all.iter().map(|event| event["subject"].as_str().unwrap().to_owned()).collect()
    };

    let killed = world.deliver_at(&channel, pace);
    let (first, hung) = (hook.next().await, hook.next().await);
    drop(killed);
    let _next = world.deliver_at(&channel, pace);
    let mut heard: BTreeSet<_> = told(&first).into_iter().collect();
    let (mut messages, mut digests) = (1, 0);
    while heard.len() < FLOOD {
        let asked = hook.next().await;
        messages += 1;
        digests += usize::from(kind(&asked) == "dev.phoenix.incident.digest.v1");
        heard.extend(told(&asked));
    }

    assert!(!told(&hung).is_empty());
    world.until_nothing_waits().await;
    let note = world.bus.channel_memory(&channel.name).await.unwrap().note;
    assert_eq!(note.told.len(), FLOOD, "it is known of each that it was told");
    assert!(digests > 0 && messages < FLOOD, "{messages} messages");
}

#[test]
fn a_digest_says_how_many_and_one_line_each() {
    let news: Vec<_> = (0..3)
        .map(|nth| {
            let mut news = page();
            news.incident.id = id(nth);
            news.incident.text = format!("<{nth}> {}", "long ".repeat(40));
            if nth == 2 { over(news) } else { news }
        })
        .collect();
    let sayings: Vec<_> = news
        .iter()
        .map(|news| Saying { occasion: told::occasion(news, None), ..first(news) })
        .collect();
    let url = SecretString::from("https://hooks.slack.example/services/T0/B0/X");
    let room = channel("room", Way::Slack(Slack { url }));
    let Parcel::Post(post) = room.digest(&sayings) else { panic!("it is posted") };

    let text = body(&post.body.into())["text"].as_str().unwrap().to_owned();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "*[PAGE] 3 incidents in one message, 2 for a human*");
    assert!(lines[1].starts_with("[PAGE] &lt;0&gt; long ") && lines[1].ends_with(" (NR0000)"));
    assert!(lines[3].starts_with("[OVER] ") && lines[3].ends_with(" (NR0002)"), "{text}");

    let server = Url::parse("https://ntfy.example.org").unwrap();
    let phones = channel("oncall", Way::Ntfy(Ntfy { server, topic: "x".to_owned(), key: None }));
    let Parcel::Post(post) = phones.digest(&sayings) else { panic!("it is posted") };
    assert_eq!(body(&post.body.into())["priority"], 5, "it is as loud as the loudest of it");
}
