//! Asks an nginx for a page of its own.
//!
//! A worker of it answers on when its master is dead; only who looks at the processes sees that.

use phoenix_domain::health::Found;

use super::http;
use super::talk::Talk;

/// Asks for its own page. What lies behind it is somebody else's matter.
pub(super) async fn ask(talk: &mut Talk<'_>, path: &str) -> Found {
    let found = http::ask(talk, path, None, None).await;
    if let Found::Worse(_) = found {
        talk.note("nginx is well, and what lies behind it is not");
    }
    found
}
