//! The picture of the page that the README shows. `PHOENIX_PICTURE` says into which file it goes; without
//! it, it is only looked at whether it can be made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use phoenix_domain::health::{Condition, Reason};

use super::browser::Browser;
use super::page::shown;
use super::{Served, played};
use crate::verbs::site::Site;

/// How large it may be.
const LARGEST: usize = 150 * 1024;

#[tokio::test]
async fn the_picture_in_the_readme_is_one_of_the_page_as_it_is() {
    let (site, _worker) = Site::complete().await;
    let monitor = played::Monitor::new(&site, &[900, 920, 950, 953]).await;
    monitor.finds(953, Condition::Degraded(Reason::Hung));
    let served = Served::at(&site, "127.0.0.1:0").await;
    let browser = Browser::new(1200, 900).await;
    browser.open(&format!("http://{}/", served.at)).await;
    browser.until(&shown(950, "✓ healthy")).await;

    let picture = STANDARD.decode(browser.picture().await).unwrap();

    assert!(picture.starts_with(b"\x89PNG"));
    assert!(picture.len() <= LARGEST, "{} bytes", picture.len());
    #[expect(clippy::disallowed_methods, reason = "where the picture goes")]
    if let Some(path) = std::env::var_os("PHOENIX_PICTURE") {
        std::fs::write(path, picture).unwrap();
    }
}
