//! What a probe makes of an Ollama.

use super::*;

#[tokio::test]
async fn an_idle_ollama_is_never_asked_for_a_token() {
    let mut asking = Asking::of("ollama_idle", ollama, patient()).await;

    for _ in 0..5 {
        assert_eq!(asking.found().await, Serving);
    }

    assert!(asking.asked().iter().all(|asked| asked.starts_with("GET ")));
}

#[tokio::test]
async fn a_used_ollama_is_asked_for_one_token_that_keeps_nothing_loaded() {
    let mut asking = Asking::of("ollama_used", ollama, patient()).await;

    let mut done = 0;
    for _ in 0..5 {
        let reading = asking.read().await;
        assert_eq!(reading.found, Serving);
        done = reading.progress.unwrap().done;
    }

    assert_eq!(done, 2, "each use is progress");
    let asked = asking.replay.asked();
    let tokens: Vec<_> = asked.iter().filter(|asked| asked.what.starts_with("POST ")).collect();
    assert_eq!(tokens.len(), 1);
    assert!(!tokens[0].body.contains("keep_alive"), "{}", tokens[0].body);
    assert!(tokens[0].body.contains(r#""num_predict":1"#), "{}", tokens[0].body);
}

#[tokio::test]
async fn nobody_hangs_up_on_an_ollama_that_loads() {
    let mut asking = Asking::of("ollama_loading_slow", ollama, short_token()).await;
    assert_eq!(asking.found().await, Serving);
    for _ in 0..3 {
        // The token is late, and later, and is asked for once.
        let reading = asking.read().await;
        assert_eq!(reading.found, Worse(Reason::Saturated), "{reading:?}");
    }
    let tokens = |asking: &Asking| {
        asking.asked().into_iter().filter(|asked| asked == "POST /api/generate").count()
    };
    assert_eq!(tokens(&asking), 1);

    // Now the model is loaded, and the token that was asked for comes.
    asking.replay.next().await.unwrap();
    let mut found = asking.found().await;
    while found == Worse(Reason::Saturated) {
        found = asking.found().await;
    }

    assert_eq!(found, Serving);
    assert_eq!(tokens(&asking), 0, "nothing was asked for a second time");
}

#[tokio::test]
async fn an_ollama_that_gives_no_token_for_longer_than_a_load_hangs() {
    let pace = Pace { ollama_load: Duration::ZERO, ..short_token() };
    let mut asking = Asking::of("ollama_loading_slow", ollama, pace).await;
    asking.found().await;

    for _ in 0..3 {
        let found = asking.found().await;
        assert!(matches!(found, Failing(Reason::Hung)), "{found:?}");
    }
}

#[tokio::test]
async fn what_ollama_says_to_a_token_is_told_as_what_it_is() {
    for (scenario, found) in [
        ("ollama_queue_full", Worse(Reason::Saturated)),
        ("ollama_runner_dead", Failing(Reason::AnswersError)),
    ] {
        let mut asking = Asking::of(scenario, ollama, patient()).await;
        assert_eq!(asking.found().await, Serving);

        for _ in 0..3 {
            assert_eq!(asking.found().await, found, "{scenario}");
        }
        asking.replay.play(named("ollama_used").unwrap().remove(0)).await.unwrap();
        assert_eq!(asking.found().await, Serving, "{scenario}");
    }
}
