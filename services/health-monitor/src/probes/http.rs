//! Asks for a page.

use memchr::memmem;
use phoenix_domain::health::{Found, Reason};

use super::talk::{self, Pass, Talk};

/// Asks for a page and compares it with what it should be.
pub(super) async fn ask(
    talk: &mut Talk<'_>,
    path: &str,
    wanted: Option<u16>,
    contains: Option<&str>,
) -> Found {
    let answer = match talk.get(path, Pass::Bearer).await {
        Ok(answer) => answer,
        Err(found) => return found,
    };
    let found = match wanted {
        Some(wanted) if wanted == answer.status => Found::Serving,
        Some(wanted) => {
            talk.note(&format!("it should be {wanted}"));
            let found = page(answer.status);
            // Somebody said what it has to be, so anything else is not a wrong question.
            if matches!(found, Found::Serving | Found::Unasked(Reason::ProbeConfig)) {
                Found::Failing(Reason::AnswersError)
            } else {
                found
            }
        }
        None => page(answer.status),
    };
    let (Found::Serving, Some(contains)) = (&found, contains) else { return found };
    if memmem::find(&answer.body, contains.as_bytes()).is_some() {
        return found;
    }
    talk.note("what it should contain is not in it");
    Found::Failing(Reason::AnswersError)
}

/// Returns what the status of a page says.
pub(super) fn page(status: u16) -> Found {
    match status {
        300..=399 => Found::Serving,
        // Whoever says so is well: it could not reach somebody else, or had no answer from there.
        502 | 504 => Found::Worse(Reason::UpstreamDown),
        other => talk::by_status(other),
    }
}
