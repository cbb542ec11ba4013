//! The page as a person sees it, in a real browser.

use super::Served;
use super::browser::Browser;
use crate::verbs::site::Site;

/// Whether a guest is shown like this.
pub(super) fn shown(vmid: u32, state: &str) -> String {
    format!(
        "[...document.querySelectorAll('#guests tr')].some((row) => \
         row.innerText.includes('{vmid} ') && row.innerText.includes('{state}'))"
    )
}

#[tokio::test]
async fn what_happens_is_seen_as_it_happens_and_a_server_that_was_away_is_found_again() {
    let site = Site::new().await;
    let _worker = site.worker();
    site.until_it_answers().await;
    let mut served = Served::at(&site, "127.0.0.1:0").await;
    let browser = Browser::new(1280, 900).await;
    browser.open(&format!("http://{}/", served.at)).await;
    browser.until("document.getElementById('sum').textContent.startsWith('0 guests')").await;

    site.ok(&["submit", "950"]).await;

    browser.until(&shown(950, "✓ completed")).await;
    served.server.kill();
    browser.until("document.getElementById('link').textContent.includes('may be old')").await;
    let _served = Served::at(&site, &served.at).await;
    browser.until("document.getElementById('link').textContent === ''").await;
    browser
        .until("document.getElementById('happened').innerText.includes('950 app completed')")
        .await;
    site.ok(&["stop", "950"]).await;
    browser.until(&shown(950, "✓ stopped")).await;
}

#[tokio::test]
async fn what_others_wrote_is_shown_as_the_text_that_it_is() {
    let (site, _worker) = Site::complete().await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    let browser = Browser::new(1280, 900).await;
    browser.open(&format!("http://{}/", served.at)).await;
    browser.until(&shown(950, "completed")).await;

    let evil = "<img src=x onerror=\"document.title='owned'\">";
    site.phoenix_of(evil, &["stop", "950"]).await;

    browser.until(&shown(950, "✓ stopped")).await;
    browser.until("document.getElementById('happened').innerText.includes('<img src=x')").await;
    let made = browser.run("return document.querySelectorAll('img').length;").await;
    assert_eq!((made, browser.run("return document.title;").await), (0.into(), "Phoenix".into()));
}

#[tokio::test]
async fn a_guest_is_found_opened_and_closed_by_the_keyboard_alone() {
    let (site, _worker) = Site::complete().await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    // As wide as a phone.
    let browser = Browser::new(500, 900).await;
    browser.open(&format!("http://{}/", served.at)).await;
    browser.until(&shown(950, "completed")).await;

    browser.press("/app").await;

    browser.until("document.querySelectorAll('#guests tr').length === 1").await;
    // Tab and Enter.
    browser.press("\u{e004}\u{e007}").await;
    browser.until("document.activeElement === document.getElementById('guest-title')").await;
    browser.until("document.getElementById('history').innerText.includes('completed, ')").await;
    let wide =
        "return document.documentElement.scrollWidth <= document.documentElement.clientWidth;";
    assert_eq!(browser.run(wide).await, true, "nothing is wider than the screen");
    browser.press("\u{e00c}").await;
    browser.until("document.getElementById('guest').hidden").await;
}
