//! A site of a thousand guests: what one of them does costs the page its own row.

use phoenix_domain::health::{Condition, Reason};
use serde_json::Value;

use super::browser::Browser;
use super::page::shown;
use super::{Served, played};

const MANY: u64 = 1000;
const FIRST: u64 = 2000;

/// Returns how often the page has made or written something of this kind.
async fn count(browser: &Browser, what: &str) -> u64 {
    let script = format!("return Number(document.body.dataset.{what} || 0);");
    browser.run(&script).await.as_u64().unwrap()
}

#[tokio::test]
async fn of_a_thousand_guests_one_that_changes_costs_its_own_row() {
    let guests: Vec<_> = (FIRST..FIRST + MANY).collect();
    let site = played::site(&guests).await;
    let monitor = played::Monitor::new(&site, &guests).await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    let browser = Browser::new(1280, 900).await;
    browser.open(&format!("http://{}/", served.at)).await;
    browser.until("document.querySelectorAll('#guests tr').length === 1000").await;
    let nodes = "return document.querySelectorAll('#guests tr').length;";
    browser.run("window.first = document.querySelector('#guests tr');").await;
    let (rows, orders) = (count(&browser, "rows").await, count(&browser, "orders").await);
    let made = count(&browser, "made").await;

    played::claim(&site, 2500).await;
    browser.until(&shown(2500, "… working")).await;
    played::step(&site, 2500, &[]).await;
    browser.until(&shown(2500, "2/3 apply_configurations")).await;
    monitor.finds(2600, Condition::Failed(Reason::Hung));
    browser.until(&shown(2600, "✗ failed")).await;

    assert_eq!(rows, MANY, "each row is written once at first");
    assert_eq!(count(&browser, "rows").await - rows, 3, "one row for each thing that happened");
    let cards = count(&browser, "made").await - made;
    assert!(cards <= 3, "the card of its run is made anew, and none of the queue: {cards}");
    assert_eq!(count(&browser, "orders").await, orders, "nobody moves, so nothing is put in order");
    let stays = browser.run("return window.first === document.querySelector('#guests tr');").await;
    assert_eq!((browser.run(nodes).await, stays), (MANY.into(), Value::Bool(true)));
}
