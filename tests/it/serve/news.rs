//! What a page is sent, and when anything is looked at for it.

use std::time::Duration;

use phoenix_domain::health::{Condition, Reason};

use super::{Served, played};

#[tokio::test]
async fn a_probe_that_turns_has_its_own_guest_sent_and_nothing_else() {
    let site = played::site(&[950, 951, 952]).await;
    let monitor = played::Monitor::new(&site, &[950, 951, 952]).await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    let mut news = served.news().await;
    news.until("all", |all| all["guests"][1]["health"]["state"] == "healthy").await;

    monitor.finds(951, Condition::Failed(Reason::Hung));

    let sent = news.until("guests", |_| true).await;
    assert_eq!(sent.as_array().unwrap().len(), 1, "{sent}");
    assert_eq!((&sent[0]["vmid"], &sent[0]["health"]["state"]), (&951.into(), &"failed".into()));
    monitor.opens("7F3K2A", 951, "951 hangs");
    let sent = news.until("incidents", |_| true).await;
    assert_eq!(sent[0]["id"], "7F3K2A");
    assert_eq!(news.kinds, ["all", "guests", "incidents"], "and nothing is sent anew");
}

#[tokio::test]
async fn a_letter_that_is_filed_and_discarded_is_seen_to_come_and_go() {
    let site = played::site(&[950]).await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    let mut news = served.news().await;
    news.until("all", |all| all["letters"].as_array().unwrap().is_empty()).await;

    let letter = played::give_up(&site, 950, "it breaks").await;

    let sent = news.until("letters", |_| true).await;
    assert_eq!(
        (&sent[0]["guest"], &sent[0]["why"]),
        (&"950 guest-950".into(), &"it breaks".into())
    );
    let story = served.json(&format!("/api/v1/dead/{letter}")).await;
    assert!(story["text"].as_str().unwrap().contains("printed: it breaks"), "{story}");
    site.ok(&["dead", "discard", &letter.to_string(), "--yes"]).await;
    news.until("letters", |sent| sent.as_array().unwrap().is_empty()).await;
}

#[tokio::test]
async fn the_monitor_is_asked_once_for_all_who_watch_and_never_while_nobody_does() {
    let site = played::site(&[950]).await;
    let monitor = played::Monitor::new(&site, &[950]).await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    let nobody_yet = monitor.asked();

    // Nothing tells that nobody asks: it is waited for longer than two looks are apart.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let nobody = monitor.asked();
    let mut all = Vec::new();
    for _ in 0..20 {
        let mut news = served.news().await;
        news.until("all", |_| true).await;
        all.push(news);
    }
    let twenty = monitor.asked();
    monitor.finds(950, Condition::Failed(Reason::Hung));
    for news in &mut all {
        news.until("guests", |sent| sent[0]["health"]["state"] == "failed").await;
    }

    assert_eq!(nobody, nobody_yet);
    // They come in less time than two looks take, and each is told what was seen just now.
    assert!((nobody + 1..nobody + 10).contains(&twenty), "{nobody} and then {twenty}");
}
