//! Asks whether anybody listens.

use phoenix_domain::health::Found;

use super::talk::Talk;
use super::wire;

/// Connects, and says nothing. The kernel answers for a server that hangs, so that is not seen.
pub(super) async fn ask(talk: &mut Talk<'_>) -> Found {
    talk.asked = format!("connect to {}", talk.at);
    match wire::within(talk.pace.answer, wire::connect(talk.at)).await {
        Ok(_) => {
            "connected".clone_into(&mut talk.came);
            Found::Serving
        }
        Err(trouble) => talk.unanswered(&trouble),
    }
}
