//! Sends what is ready, by whichever way the channel has, and says what became of it.

use chrono::{DateTime, Utc};
use phoenix_post::{Client, LIMIT, Outcome, clean, cut};

use super::channel::{Channel, Parcel, Way};
use super::sendmail;

/// How much people are shown of what the other side said.
const SHOWN: usize = 300;

/// Sends a message. It takes no longer than its limit.
pub(crate) async fn send(
    client: &Client,
    channel: &Channel,
    parcel: Parcel,
    now: DateTime<Utc>,
) -> Outcome {
    let outcome = match (parcel, &channel.way) {
        (Parcel::Post(post), _) => phoenix_post::send(client, post, now).await,
        (Parcel::Mail(message), Way::Mail(mail)) => {
            let handed = tokio::time::timeout(LIMIT, sendmail::hand_over(&mail.sendmail, message));
            handed.await.unwrap_or_else(|_| Outcome::late())
        }
        (Parcel::Mail(_) | Parcel::Nothing, _) => {
            Outcome::Refused { why: "its address cannot be used".to_owned() }
        }
    };
    outcome.map_words(|said| {
        let said = channel.veiled(&said);
        cut(&clean(&said), SHOWN).to_owned()
    })
}
