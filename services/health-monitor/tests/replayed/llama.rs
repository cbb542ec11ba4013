//! What a probe makes of llama.cpp's server.

use super::*;

#[tokio::test]
async fn a_busy_llama_is_told_from_one_that_is_stopped() {
    let pace = Pace { answer: Duration::from_secs(2), ..patient() };
    let mut asking = Asking::of("llama_busy", llama, pace).await;

    let reading = asking.read().await;

    assert_eq!(reading.found, Worse(Reason::Saturated), "{reading:?}");
    assert_eq!(reading.progress, Some(Progress { done: 522, running: 2, waiting: 16 }));
}

#[tokio::test]
async fn a_llama_that_counted_and_does_not_any_more_is_silent() {
    let mut asking = Asking::of("llama_stuck", llama, patient()).await;
    assert_eq!(asking.found().await, Serving);

    asking.replay.next().await.unwrap();
    asking.asker = Asker::new(*asking.asker.clock(), short());

    assert_eq!(asking.found().await, Silent(Silence::TimedOut));
}
