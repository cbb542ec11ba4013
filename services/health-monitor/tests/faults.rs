//! The fault matrix: our side of it is right in every row. `cargo xtask bench health` shows it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken fixture should stop the test"
)]

#[path = "../benches/faults/matrix/mod.rs"]
mod matrix;

use matrix::row::Row;

/// Plays the rows whose names begin with one of these.
async fn all_right(kinds: &[&str]) {
    let rows = matrix::run(|name| kinds.iter().any(|kind| name.starts_with(kind))).await;

    let wrong: Vec<&Row> = rows.iter().filter(|row| !row.is_ours_right()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let missed = rows.iter().filter(|row| row.is_missed(&row.ours)).map(|row| row.name);
    assert_eq!(missed.collect::<Vec<_>>(), [""; 0]);
    let needless: usize = rows.iter().map(|row| row.false_repairs(&row.ours)).sum();
    assert_eq!(needless, 0, "{rows:#?}");
}

#[tokio::test(start_paused = true)]
async fn vllm() {
    all_right(&["vLLM"]).await;
}

#[tokio::test(start_paused = true)]
async fn qdrant() {
    all_right(&["Qdrant"]).await;
}

#[tokio::test(start_paused = true)]
async fn ollama() {
    all_right(&["Ollama"]).await;
}

#[tokio::test(start_paused = true)]
async fn llama_cpp() {
    all_right(&["llama.cpp"]).await;
}

#[tokio::test(start_paused = true)]
async fn databases_and_proxies() {
    all_right(&["PostgreSQL", "Redis", "nginx"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_guests_stand_on() {
    all_right(&["bridge", "host", "GPU", "storage", "5 guests"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_going_on() {
    all_right(&["guest is", "a worker", "maintenance", "the monitor"]).await;
}

/// Who is compared has its chance: it mends what it can see, and it cannot see everything.
#[tokio::test(start_paused = true)]
async fn the_plain_way_mends_what_it_sees() {
    let rows = matrix::run(|name| name == "nginx: killed" || name.contains("6 requests")).await;

    let [hung, killed] = &rows[..] else { panic!("{rows:#?}") };
    assert!(killed.is_plain_right(), "{killed:#?}");
    assert!(hung.is_missed(&hung.plain), "{hung:#?}");
}
