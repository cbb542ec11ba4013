//! What is not ours is filed with its cause and its bytes, and is in nobody's way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phoenix_bus::Filed;
use phoenix_domain::Event;
use phoenix_testkit::guest;

use super::site::{Site, lxc};

const GARBAGE: &[u8] = b"\x00not ours\r\n";
const NO_TEXT: &[u8] = b"{\"id\":\"\xff\xfe\"}";

/// Says whether one letter has this cause and these bytes.
fn has(letters: &[Filed], cause: &str, body: &[u8]) -> bool {
    letters.iter().filter_map(|filed| filed.letter.as_ref().ok()).any(|letter| {
        let original = letter.original.as_ref();
        letter.cause.contains(cause)
            && original.is_some_and(|original| {
                original.body == STANDARD.encode(body) && original.length == body.len()
            })
    })
}

async fn until_filed(site: &Site, count: usize) -> Vec<Filed> {
    loop {
        let letters = site.bus.dead_letters().await.unwrap();
        if letters.len() >= count {
            return letters;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_is_not_ours_is_filed_once_with_its_bytes_and_blocks_nobody() {
    let site = Site::new().await;
    let good = [guest(900).build()];
    site.submit(&good).await;
    let event = site.bus.end(lxc(900)).await.unwrap().unwrap().event;
    let event = Event::write(&[event]).unwrap();
    let newer = String::from_utf8(event.clone()).unwrap().replace("requested.v1", "requested.v9");
    let mut worker = site.worker();
    site.until_complete(&good).await;

    let foreign: [(&str, &[u8], &str); 7] = [
        ("phoenix.log.main.lxc-910", GARBAGE, "it is no CloudEvent"),
        ("phoenix.log.main.lxc-911", NO_TEXT, "it is no CloudEvent"),
        ("phoenix.log.main.lxc-912", newer.as_bytes(), "requested.v9` is not known"),
        ("phoenix.log.main.lxc-913", &event, "it is about lxc-900, and was found at lxc-913"),
        ("phoenix.log.main.nobody", GARBAGE, "its subject names no guest"),
        ("phoenix.log.main.nobody-else", NO_TEXT, "its subject names no guest"),
        ("phoenix.work.main.pve1.std.lxc-914", b"do it", "a token carries nothing"),
    ];
    for (subject, body, _) in &foreign {
        site.server.publish(subject, body);
    }
    assert!(!site.server.is_taken("phoenix.log.main.lxc-915", &vec![b'x'; 10 << 20]));

    let letters = until_filed(&site, foreign.len()).await;
    for (subject, body, cause) in &foreign {
        assert!(has(&letters, cause, body), "{subject}: {letters:#?}");
    }
    let more = [guest(901).build(), guest(910).build()];
    site.submit(&more).await;
    site.until_complete(&more).await;

    worker.kill();
    let _next = site.worker();
    let after = [guest(902).build()];
    site.submit(&after).await;
    site.until_complete(&after).await;
    assert_eq!(site.bus.dead_letters().await.unwrap().len(), foreign.len());
}

#[tokio::test]
async fn what_was_overtaken_by_more_that_is_not_ours_before_a_worker_came_is_filed_as_well() {
    let site = Site::new().await;
    let good = [guest(900).build()];
    site.submit(&good).await;
    let subjects = ["phoenix.log.main.lxc-900", "phoenix.log.main.nobody"];
    for subject in subjects {
        for body in [GARBAGE, NO_TEXT] {
            site.server.publish(subject, body);
        }
    }

    let _worker = site.worker();

    let letters = until_filed(&site, 4).await;
    for (cause, body) in [("it is no CloudEvent", GARBAGE), ("it is no CloudEvent", NO_TEXT)] {
        assert!(has(&letters, cause, body), "{letters:#?}");
    }
    site.until_complete(&good).await;
    assert_eq!(site.bus.dead_letters().await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_guest_whose_log_ends_with_garbage_goes_on_from_its_last_good_state() {
    let site = Site::new().await;
    let wanted = [guest(900).build()];
    site.submit(&wanted).await;
    site.server.publish("phoenix.log.main.lxc-900", GARBAGE);

    let _worker = site.worker();

    site.until_complete(&wanted).await;
    assert!(has(&until_filed(&site, 1).await, "it is no CloudEvent", GARBAGE));
    site.assert_all_is_well().await;
}
