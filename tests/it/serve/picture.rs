//! The picture of the page that the README shows. `PHOENIX_PICTURE` says into which file it goes; without
//! it, it is only looked at whether it can be made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phoenix_domain::health::{Condition, Reason};

use super::acts::{self, says};
use super::browser::Browser;
use super::page::shown;
use super::played;
use crate::survive::site::quickstart;
use crate::verbs::site::Site;

/// How large it may be.
const LARGEST: usize = 150 * 1024;

#[tokio::test]
async fn the_picture_in_the_readme_is_one_of_the_page_as_it_is() {
    let site = Site::new().await;
    let mut worker = site.worker();
    site.until_it_answers().await;
    let mut built = quickstart(950);
    let docker = quickstart(902).into_iter().filter(|one| !built.contains(one));
    built.extend(docker.collect::<Vec<_>>());
    site.inner.submit(&built).await;
    site.inner.until_complete(&built).await;
    // What is under way stays so while the picture is made.
    worker.kill();
    let mut more = [quickstart(952), quickstart(955)].concat();
    more.retain(|one| !built.contains(one));
    more.dedup_by_key(|one| one.vmid);
    site.inner.submit(&more).await;
    played::claim(&site, 952).await;
    played::step(&site, 952, &["unpacking qdrant"]).await;
    played::claim(&site, 955).await;
    let question = "a push of kim to main changes 955; deploy it?";
    played::block(&site, 955, question, "`phoenix plan 955` shows what it would change").await;
    let monitor = played::Monitor::new(&site, &[950, 953]).await;
    monitor.finds(953, Condition::Degraded(Reason::Hung));
    let served = acts::served(&site).await;
    let browser = Browser::new(1280, 1330).await;
    acts::sign_in(&browser, &served).await;
    browser.until(&shown(950, "✓ healthy")).await;
    browser.until(&says("runs", "apply_configurations")).await;

    let picture = STANDARD.decode(browser.picture().await).unwrap();

    assert!(picture.starts_with(b"\x89PNG"));
    assert!(picture.len() <= LARGEST, "{} bytes", picture.len());
    #[expect(clippy::disallowed_methods, reason = "where the picture goes")]
    if let Some(path) = std::env::var_os("PHOENIX_PICTURE") {
        std::fs::write(path, picture).unwrap();
    }
}
