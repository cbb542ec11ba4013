//! What was said inside of a guest, and is said now: what `phoenix logs` tells.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use phoenix_domain::GuestKey;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::answers::{BEAT, RETRY, Shared};
use super::live::Heard;
use super::refusal::Refusal;
use super::{Window, acts, visits};
use crate::commands::logs::{self, Entry};
use crate::error::CommandError;
use crate::states;
use crate::words;

/// Somebody who reads the log of a guest.
struct Reader {
    shared: Shared,
    guest: GuestKey,
    heard: Receiver<Heard>,
    /// What they are told before anything else.
    first: Option<Value>,
    /// Where the log of the guest was when it was read.
    last: u64,
    /// What was heard as it was said is not told again when its step ends.
    was_heard: bool,
    who: HeaderMap,
}

pub(super) async fn tell(
    State(shared): State<Shared>,
    Path(guest): Path<String>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let guest = states::key(&shared.window.bus, acts::vmid(&guest)?).await?;
    // Heard from before the log is read, so that nothing in between is missed.
    let heard = shared.window.live.hear().await;
    let (last, first) = kept(&shared.window, guest).await?;
    let who = visits::cookies(&headers);
    let reader = Reader { shared, guest, heard, first: Some(first), last, was_heard: false, who };
    let told = unfold(reader, |mut reader| async move {
        let (kind, document) = reader.next().await?;
        reader.shared.window.may_read(&reader.who).then_some(())?;
        let event = Event::default().event(kind).data(document.to_string()).retry(RETRY);
        Some((Ok(event), reader))
    });
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(BEAT)))
}

/// Returns what is kept of what was said in a guest, and where its log ends.
async fn kept(window: &Arc<Window>, guest: GuestKey) -> Result<(u64, Value), CommandError> {
    let history = window.bus.history(guest).await?;
    let last = history.last().map_or(0, |(seq, _)| *seq);
    let entries = history.iter().filter_map(|(_, event)| logs::entry(event, None));
    Ok((last, entries.map(|entry| shown(&entry, true)).collect()))
}

impl Reader {
    async fn next(&mut self) -> Option<(&'static str, Value)> {
        if let Some(first) = self.first.take() {
            return Some(("log", first));
        }
        loop {
            let heard = tokio::select! {
                heard = self.heard.recv() => heard,
                () = self.shared.shutdown.cancelled() => return None,
            };
            match heard {
                Ok(Heard::Said(said)) if said.guest == self.guest => {
                    self.was_heard = true;
                    return Some(("said", lines(&said.lines)));
                }
                Ok(Heard::Event(seq, event))
                    if event.state.guest == self.guest && seq > self.last =>
                {
                    let Some(entry) = logs::entry(&event, None) else { continue };
                    let says_again = !std::mem::take(&mut self.was_heard);
                    return Some(("entry", shown(&entry, says_again)));
                }
                Ok(Heard::Said(_) | Heard::Event(..)) => {}
                Err(RecvError::Lagged(_)) => {
                    let (last, all) = kept(&self.shared.window, self.guest).await.ok()?;
                    self.last = last;
                    return Some(("log", all));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn shown(entry: &Entry, says_again: bool) -> Value {
    let said = if says_again { lines(&entry.said) } else { json!([]) };
    json!({ "head": entry.head, "said": said, "printed": lines(&entry.printed) })
}

fn lines(texts: &[String]) -> Value {
    texts.iter().flat_map(|text| words::lines(text)).collect()
}
