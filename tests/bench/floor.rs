//! What the server can do at best: the same protocol with nothing on top.

use std::time::Instant;

use futures_util::StreamExt as _;
use phoenix_bus::bare::Bare;

/// Messages a second, with so many in flight.
pub(crate) async fn publish(url: &str, in_flight: usize) -> f64 {
    let bare = Bare::connect(url, "bare".parse().unwrap()).await.unwrap();
    let total = 500 + 40 * in_flight.min(256);
    let begun = Instant::now();
    futures_util::stream::iter(0..total)
        .map(|_| bare.publish())
        .buffer_unordered(in_flight)
        .for_each(|published| async move { assert!(published) })
        .await;
    total as f64 / begun.elapsed().as_secs_f64()
}
