//! What is made of each answer.

use phoenix_post::{Key, Outcome, client};

use super::receiver::{Answer, Receiver, hooks, ntfy};
use super::*;
use crate::channels::channel::Parcel;
use crate::channels::ntfy::Ntfy;

const TOKEN: &str = "tk_0123456789abcdefghijklmnopqrs";

async fn outcome(answer: Answer) -> Outcome {
    let hook = Receiver::start(hooks, &[answer]).await;
    let mut channel = channel("hooks", webhook(hook.url()));
    channel.secrets = vec![SecretString::from(TOKEN)];
    let news = page();
    let parcel = channel.parcel(first(&news));
    send::send(&client().unwrap(), &channel, parcel, now()).await
}

#[tokio::test]
async fn each_answer_means_what_it_says() {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Taken { .. } => "taken",
        Outcome::Later { .. } => "later",
        Outcome::TooLong { .. } => "too long",
        Outcome::Refused { .. } => "refused",
    };
    for (status, means) in [
        (200, "taken"),
        (204, "taken"),
        (301, "refused"),
        (400, "refused"),
        (401, "refused"),
        (403, "refused"),
        (404, "refused"),
        (408, "later"),
        (410, "refused"),
        (413, "too long"),
        (429, "later"),
        (500, "later"),
        (502, "later"),
        (503, "later"),
    ] {
        let outcome = outcome(Answer::Status(status, "")).await;
        assert_eq!(word(&outcome), means, "{status}: {outcome:?}");
    }
}

#[tokio::test]
async fn who_asks_for_a_pause_gets_it() {
    for status in [429, 503] {
        let outcome = outcome(Answer::With(status, "retry-after", "120".to_owned())).await;
        let Outcome::Later { after, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(after, Some(Duration::from_mins(2)));
    }
}

#[tokio::test]
async fn what_the_other_side_says_is_cut_and_shows_no_secret_of_ours() {
    let said = "your token tk_0123456789abcdefghijklmnopqrs is bad\n\u{1b}[31m".to_owned();
    let said: &'static str = Box::leak((said + &"x".repeat(100_000)).into_boxed_str());

    let Outcome::Refused { why } = outcome(Answer::Status(403, said)).await else { panic!() };

    assert!(why.contains("your token (not shown) is bad"), "{why}");
    assert!(why.len() < 500 && !why.contains('\u{1b}'), "{why}");
}

#[tokio::test]
async fn an_address_that_is_a_secret_is_in_no_error() {
    let url = "http://127.0.0.1:9/services/T000/B000/s3cr3ts3cr3ts3cr3t";
    let way = Way::Slack(crate::channels::slack::Slack { url: SecretString::from(url) });
    let mut channel = channel("room", way);
    channel.secrets = vec![SecretString::from(url)];
    let news = page();
    let parcel = channel.parcel(first(&news));

    let outcome = send::send(&client().unwrap(), &channel, parcel, now()).await;

    let Outcome::Later { why, .. } = outcome else { panic!("{outcome:?}") };
    assert!(!why.contains("s3cr3t"), "{why}");
}

#[tokio::test]
async fn phones_are_told_what_ntfy_takes_with_the_token_it_wants() {
    let mut server = Receiver::start(ntfy, &[]).await;
    let key = Some(Key::Token(SecretString::from(TOKEN)));
    let way = Way::Ntfy(Ntfy { server: server.url(), topic: "phoenix".to_owned(), key });
    let mut channel = channel("oncall", way);
    channel.link = Some("https://wiki.example.org/{incident}".to_owned());
    let mut long = page();
    long.incident.tried = std::iter::repeat_n(long.incident.tried[0].clone(), 100).collect();
    for news in [page(), long] {
        let parcel = channel.parcel(first(&news));
        assert!(matches!(parcel, Parcel::Post(_)));

        let outcome = send::send(&client().unwrap(), &channel, parcel, now()).await;

        assert!(matches!(outcome, Outcome::Taken { .. }), "{outcome:?}");
        let told = body(&server.next().await.body);
        assert_eq!((told["priority"].as_u64(), told["topic"].as_str()), (Some(5), Some("phoenix")));
        assert_eq!(told["click"], format!("https://wiki.example.org/{}", news.incident.id));
    }
}

#[tokio::test]
async fn who_cannot_show_who_they_are_is_told_nothing() {
    let mut hook = Receiver::start(hooks, &[]).await;
    let url = Url::parse(&format!("https://{}/", hook.at)).unwrap();
    let channel = channel("hooks", webhook(url));
    let news = page();
    let parcel = channel.parcel(first(&news));

    let outcome = send::send(&client().unwrap(), &channel, parcel, now()).await;

    assert!(matches!(outcome, Outcome::Later { .. }), "{outcome:?}");
    assert!(!hook.has_more());
}
