//! What people do on the page, in a real browser.

use phoenix_domain::health::{Condition, Reason, Word};
use phoenix_domain::{Cancelled, Fact};

use super::browser::{Browser, ENTER, ESCAPE, TAB};
use super::door::{TOKEN, token};
use super::page::shown;
use super::played::EVIL;
use super::{Served, played};
use crate::survive::site::lxc;
use crate::verbs::site::Site;

/// Whether this text is shown in an element.
pub(super) fn says(id: &str, text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!("document.getElementById('{id}').innerText.includes({text})")
}

pub(super) async fn served(site: &Site) -> Served {
    let token = token(site);
    Served::with(site, "127.0.0.1:0", &["--token-file", token.to_str().unwrap()]).await
}

/// Opens the page as somebody who has signed in.
async fn signed_in(served: &Served) -> Browser {
    let browser = Browser::new(1280, 900).await;
    sign_in(&browser, served).await;
    browser
}

/// Opens the page, and signs in.
pub(super) async fn sign_in(browser: &Browser, served: &Served) {
    browser.open(&format!("http://{}/", served.at)).await;
    browser.until("!document.getElementById('door').hidden").await;
    browser.press(&format!("{TAB}kim{TAB}{TOKEN}{ENTER}")).await;
    browser.until(&says("name", "kim")).await;
}

#[tokio::test]
async fn a_question_is_answered_by_the_keyboard_alone_and_the_log_has_who_did() {
    let site = played::site(&[950, 951]).await;
    for vmid in [950, 951] {
        played::ask(&site, vmid, &format!("deploy? {EVIL}")).await;
    }
    let served = served(&site).await;
    let browser = Browser::new(1280, 900).await;
    browser.open(&format!("http://{}/", served.at)).await;
    browser.until(&says("questions", "deploy? <img")).await;
    let before = browser.run("return document.querySelectorAll('#questions button').length;").await;

    browser.press(&format!("{TAB}kim{TAB}not the token at all{ENTER}")).await;
    browser.until(&says("told", "✗ this is not the token")).await;
    browser.until(&says("told", "hint: it stands in the file")).await;
    browser.press(&format!("{TOKEN}{ENTER}")).await;
    browser.until(&says("name", "kim")).await;
    browser.go_and_press("yes: deploy?").await;
    browser.until("document.querySelector('dialog[open]')").await;
    browser.press(ESCAPE).await;
    browser.until("!document.querySelector('dialog[open]')").await;
    let left = browser.run("return document.getElementById('asked').hidden;").await;
    browser.go_and_press("yes: deploy?").await;
    browser.until("document.querySelector('dialog[open]')").await;
    browser.go_and_press("yes, do it").await;

    browser.until(&says("told", "951 guest-951  goes on")).await;
    browser.until("document.getElementById('asked').hidden").await;
    assert_eq!(before, 0, "who has not signed in has nothing to press");
    assert_eq!(left, false, "who is not sure has done nothing");
    for vmid in [950, 951] {
        let (_, last) = site.inner.bus.history(lxc(vmid)).await.unwrap().pop().unwrap();
        let Fact::Answered(answered) = &last.fact else { panic!("{last:?}") };
        assert_eq!((answered.by.as_str(), answered.yes), ("kim by the page", true));
    }
    browser.go_and_press("sign out").await;
    browser.until("!document.getElementById('door').hidden").await;
    browser.until("document.querySelectorAll('#runs button').length === 0").await;
}

#[tokio::test]
async fn a_guest_is_cancelled_and_tried_again_and_a_refusal_is_shown_with_what_to_do() {
    let site = played::site(&[950]).await;
    let mut served = served(&site).await;
    let browser = signed_in(&served).await;
    browser.open(&format!("http://{}/#950", served.at)).await;
    browser.until(&says("do", "cancel")).await;

    browser.go_and_press("cancel: 950 guest-950").await;
    browser.go_and_press("yes, do it").await;
    browser.until(&shown(950, "✓ cancelled")).await;
    browser.until(&says("told", "✓ 950 guest-950  cancelled")).await;
    browser.go_and_press("retry: 950 guest-950").await;
    browser.until(&shown(950, "… requested")).await;

    let by = site.inner.state(lxc(950)).await.desired.by;
    assert_eq!(by, "kim by the page");
    browser.run("document.querySelector('#runs button').focus();").await;
    played::claim(&site, 950).await;
    browser.until(&says("runs", "950 guest-950 working")).await;
    let stands = browser.run("return document.activeElement.getAttribute('aria-label');").await;
    let stands = stands.as_str().unwrap();
    assert!(stands.starts_with("cancel: run r-"), "who stands on a button stays there: {stands}");
    played::tell(&site, 950, Cancelled { before: None }).await;
    browser.go_and_press("retry: 950 guest-950").await;
    browser.until(&shown(950, "… requested")).await;
    browser.go_and_press("cancel: run ").await;
    browser.go_and_press("yes, do it").await;
    browser.until(&shown(950, "✓ cancelled")).await;
    // The server is another one, and knows no session; it still shows.
    served.server.kill();
    let token = token(&site);
    let _served = Served::with(&site, &served.at, &["--token-file", token.to_str().unwrap()]).await;
    browser.until("!document.getElementById('door').hidden").await;
    browser.until("document.getElementById('do').innerText === ''").await;
}

#[tokio::test]
async fn a_dead_letter_is_read_replayed_and_discarded() {
    let site = played::site(&[950, 951]).await;
    let (first, second) = (
        played::give_up(&site, 950, &format!("it breaks {EVIL}")).await,
        played::give_up(&site, 951, "it breaks as well").await,
    );
    let served = served(&site).await;
    let browser = signed_in(&served).await;
    browser.until(&says("letters", "950 guest-950: it breaks <img")).await;

    browser.run("document.querySelector('#letters summary').click();").await;
    browser.until(&says("letters", "what happened before:")).await;
    browser.until(&says("letters", "printed: it breaks <img")).await;
    browser.go_and_press(&format!("replay: letter {first}")).await;

    browser.until(&says("told", "950 guest-950 is asked for again")).await;
    browser.until(&shown(950, "… requested")).await;
    browser.until(&format!("!{}", says("letters", "950 guest-950"))).await;
    assert_eq!(site.inner.state(lxc(950)).await.desired.by, "kim by the page");
    // Leaves it, and asks again before the browser has told the page that it was left.
    let hasty = format!(
        "const discard = document.querySelector('[aria-label=\"discard: letter {second}\"]');
         discard.click();
         document.querySelector('dialog[open] [value=no]').click();
         discard.click();"
    );
    browser.run(&hasty).await;
    browser.until("document.querySelector('dialog[open]')").await;
    assert_eq!(site.inner.bus.dead_letters().await.unwrap().len(), 1, "nothing was done");
    browser.go_and_press("yes, do it").await;
    browser.until(&says("letters", "none")).await;
    assert!(site.inner.bus.dead_letters().await.unwrap().is_empty());
    let made = browser.run("return document.querySelectorAll('img, main script').length;").await;
    assert_eq!(
        (made, browser.run("return document.title.includes('owned');").await),
        (0.into(), false.into())
    );
}

#[tokio::test]
async fn health_turns_on_the_page_and_an_incident_is_seen_by_who_says_so() {
    let site = played::site(&[950, 951]).await;
    let monitor = played::Monitor::new(&site, &[950, 951]).await;
    let served = served(&site).await;
    let browser = signed_in(&served).await;
    browser.until(&shown(951, "✓ healthy")).await;

    monitor.finds(951, Condition::Failed(Reason::Hung));
    monitor.opens("7F3K2A", 951, EVIL);

    browser.until(&shown(951, "✗ failed")).await;
    browser.until(&shown(950, "✓ healthy")).await;
    browser.until(&says("incidents", "PAGE 7F3K2A <img src=x")).await;
    browser.go_and_press("I have seen it: 7F3K2A").await;
    browser.until(&says("told", "✓ 7F3K2A: you have seen it")).await;
    let orders = monitor.orders();
    let [Word::Ack { incident, by, why: None }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!((incident.as_str(), by.as_str()), ("7F3K2A", "kim by the page"));
    assert_eq!(browser.run("return document.querySelectorAll('img').length;").await, 0);
}

#[tokio::test]
async fn what_is_at_work_and_what_waits_is_shown_and_what_is_said_in_a_guest_as_it_is_said() {
    let site = played::site(&[950, 951]).await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    let browser = Browser::new(500, 900).await;
    browser.open(&format!("http://{}/", served.at)).await;
    browser
        .until(&says("queue", "950 guest-950 on pve1: requested, waits for a worker on pve1"))
        .await;

    played::claim(&site, 950).await;
    played::step(&site, 950, &["unpacking 1 of 2", EVIL]).await;

    browser.until(&says("runs", "950 guest-950 working ▮▯▯ 2/3 apply_configurations since ")).await;
    browser.until(&format!("!{}", says("queue", "950 guest-950"))).await;
    browser.until(&says("queue", "951 guest-951")).await;
    browser.open(&format!("http://{}/#950", served.at)).await;
    browser.until(&says("log", "  unpacking 1 of 2\n  <img src=x")).await;
    site.inner.bus.say_aloud(lxc(950), vec![format!("configuring {EVIL}")]).await.unwrap();
    browser.until(&says("log", "configuring <img")).await;
    played::step(&site, 950, &[&format!("configuring {EVIL}")]).await;
    browser.until("document.getElementById('log').innerText.split('ensure_container_defined').length === 3").await;
    let told = "return document.getElementById('log').innerText.split('configuring <img').length;";
    assert_eq!(browser.run(told).await, 2, "what was heard as it was said is not told again");
    assert_eq!(browser.run("return document.querySelectorAll('img').length;").await, 0);
    let wide =
        "return document.documentElement.scrollWidth <= document.documentElement.clientWidth;";
    assert_eq!(browser.run(wide).await, true, "nothing is wider than the screen");
}
