//! What a probe makes of a vLLM.

use super::*;

#[tokio::test]
async fn a_vllm_that_was_loading_serves_once_its_port_is_open() {
    let mut asking = Asking::of("vllm_loading_then_ok", vllm, patient()).await;
    assert_eq!(asking.found().await, Silent(Silence::Refused));

    asking.replay.next().await.unwrap();
    let reading = asking.read().await;

    assert_eq!(reading.found, Serving);
    assert_eq!(reading.progress, Some(Progress { done: 2, running: 0, waiting: 0 }));
}

#[tokio::test]
async fn a_vllm_that_ended_after_its_engine_is_refused() {
    let mut asking = Asking::of("vllm_dead_exit0", vllm, patient()).await;
    assert_eq!(asking.found().await, Failing(Reason::EngineDead));

    asking.replay.next().await.unwrap();

    assert_eq!(asking.found().await, Silent(Silence::Refused));
}

#[tokio::test]
async fn a_busy_vllm_shows_its_progress_and_is_asked_for_no_token() {
    let mut asking = Asking::of("vllm_saturated", vllm, patient()).await;

    let mut done = Vec::new();
    for _ in 0..3 {
        let progress = asking.read().await.progress.unwrap();
        assert_eq!((progress.running, progress.waiting), (4, 32));
        done.push(progress.done);
    }

    assert_eq!(done, [67, 168, 602]);
    assert!(!asking.asked().contains(&"POST /v1/completions".to_owned()));
}

#[tokio::test]
async fn a_hung_vllm_with_work_stands_still_and_is_asked_for_no_token() {
    let mut asking = Asking::of("vllm_hung", vllm, patient()).await;

    let (first, second) = (asking.read().await, asking.read().await);

    assert_eq!(first.progress, Some(Progress { done: 634, running: 4, waiting: 2 }));
    assert_eq!(second.progress, first.progress);
    assert!(!asking.asked().contains(&"POST /v1/completions".to_owned()));
}

#[tokio::test]
async fn an_idle_vllm_is_asked_for_a_token_now_and_then_and_for_its_models_seldom() {
    let mut asking = Asking::of("vllm_ok", vllm, patient()).await;

    for _ in 0..5 {
        assert_eq!(asking.found().await, Serving);
    }

    let asked = asking.asked();
    let times = |what: &str| asked.iter().filter(|asked| *asked == what).count();
    assert_eq!((times("GET /health"), times("GET /metrics")), (5, 5));
    assert_eq!((times("POST /v1/completions"), times("GET /v1/models")), (1, 1));
}

#[tokio::test]
async fn a_token_that_did_not_come_is_asked_for_again_the_next_time() {
    let mut asking = Asking::of("vllm_hung_idle", vllm, short_token()).await;
    for _ in 0..3 {
        assert_eq!(asking.found().await, Failing(Reason::Hung));
    }
    let tokens = asking.asked().into_iter().filter(|asked| asked == "POST /v1/completions").count();
    assert_eq!(tokens, 3);

    asking.replay.play(named("vllm_ok").unwrap().remove(0)).await.unwrap();
    asking.asker = Asker::new(*asking.asker.clock(), patient());

    assert_eq!(asking.found().await, Serving);
}

#[tokio::test]
async fn a_vllm_without_counters_that_gives_no_token_is_silent_and_not_hung() {
    let scene = Scene::pages(
        "no counters and no token",
        [
            Page::new("GET /health", Says::text(200, "")),
            Page::new("GET /metrics", Says::text(404, "")),
            Page::new("GET /v1/models", Says::json(200, r#"{"data":[{"id":"tiny"}]}"#)),
            Page::new("POST /v1/completions", Says::Nothing),
        ],
    );
    let mut asking = Asking::scenes(vec![scene], vllm, short_token()).await;

    let reading = asking.read().await;

    assert_eq!((reading.found, reading.progress), (Silent(Silence::TimedOut), None));
}

#[tokio::test]
async fn a_missing_model_is_looked_for_every_time_until_it_is_there() {
    let mut asking = Asking::of("vllm_ok", other_vllm, patient()).await;
    for _ in 0..2 {
        let reading = asking.read().await;
        assert_eq!(reading.found, Worse(Reason::WrongModel));
        let says = "200: it offers tiny, and should offer qwen";
        assert_eq!(reading.evidence.came, says);
    }

    asking.probe.ask = vllm(asking.replay.at().port());

    assert_eq!(asking.found().await, Serving);
}

#[tokio::test]
async fn a_model_that_was_there_is_missed_when_it_is_looked_for_again() {
    let pace = Pace { inventory_every: Duration::ZERO, ..patient() };
    let mut asking = Asking::of("vllm_ok", vllm, pace).await;
    assert_eq!(asking.found().await, Serving);

    let other = Page::new("GET /v1/models", Says::json(200, r#"{"data":[{"id":"other"}]}"#));
    let mut scene = named("vllm_ok").unwrap().remove(0);
    if let Door::Pages(pages) = &mut scene.door {
        pages.insert(0, other);
    }
    asking.replay.play(scene).await.unwrap();

    assert_eq!(asking.found().await, Worse(Reason::WrongModel));
}
