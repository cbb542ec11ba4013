//! What workers tell of the locks that they wait for.

use std::fs::{self, File};

use super::super::Served;
use super::{Sample, samples, until, value};
use crate::verbs::site::Site;

/// Returns how many waits for locks of this kind took no longer than this.
fn waits(told: &[Sample], lock: &str, up_to: &str) -> Option<f64> {
    let (lock, up_to) = (format!("lock=\"{lock}\""), format!("le=\"{up_to}\""));
    value(told, "phoenix_lock_wait_seconds_bucket", &["host=\"pve1\"", &lock, &up_to])
}

#[tokio::test]
async fn how_long_a_worker_waited_for_a_guest_is_told_and_its_successor_begins_at_nothing() {
    let site = Site::new().await;
    let folder = site.inner.folder("run");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lxc-900.lock")).unwrap();
    lock.lock().unwrap();
    let worker = site.worker();
    site.until_it_answers().await;
    let released = async {
        while !worker.log().contains("held by somebody else") {
            tokio::task::yield_now().await;
        }
        lock.unlock().unwrap();
    };

    tokio::join!(site.ok(&["submit", "900"]), released);

    // Who ends says all once more.
    site.end(worker).await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    let text = until(&served, |told| waits(told, "guest", "+Inf") >= Some(1.0)).await;
    let told = samples(&text);
    // It looks again after ten milliseconds at the earliest.
    assert!(waits(&told, "guest", "0.01") < waits(&told, "guest", "+Inf"), "{text}");
    assert_eq!(waits(&told, "guest", "3600.0"), waits(&told, "guest", "+Inf"), "{text}");
    let of_guests = ["host=\"pve1\"", "lock=\"guest\""];
    let total = value(&told, "phoenix_lock_wait_seconds_sum", &of_guests);
    assert!(total >= Some(0.01), "{text}");
    assert_eq!(waits(&told, "gpu", "+Inf"), Some(0.0), "{text}");
    let _next = site.worker();
    until(&served, |told| waits(told, "guest", "+Inf") == Some(0.0)).await;
}
