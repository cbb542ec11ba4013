//! The ends of many logs with one question: a thousand guests cost two round trips, not a thousand.

use std::collections::BTreeMap;

use async_nats::header::{NATS_SEQUENCE, NATS_SUBJECT};
use async_nats::{Message, StatusCode};
use futures_util::StreamExt as _;
use phoenix_domain::GuestKey;
use serde::Serialize;

use crate::connect::{Bus, PATIENCE};
use crate::error::{BusError, Failing as _};
use crate::log::{End, last_of};
use crate::names::{LOG, guest_of};

/// How many guests one question asks for; the server answers at most 1024.
const AT_ONCE: usize = 512;

#[derive(Serialize)]
struct Question {
    multi_last: Vec<String>,
}

impl Bus {
    pub(crate) async fn ends_at_once(
        &self,
        guests: &[GuestKey],
    ) -> Result<BTreeMap<GuestKey, End>, BusError> {
        let mut ends = BTreeMap::new();
        for part in guests.chunks(AT_ONCE) {
            let multi_last = part.iter().map(|guest| self.cell.log(*guest)).collect();
            let question = serde_json::to_vec(&Question { multi_last })?;
            let inbox = self.client.new_inbox();
            let mut answers =
                self.client.subscribe(inbox.clone()).await.failing("reading the log")?;
            let subject = format!("$JS.API.DIRECT.GET.{LOG}");
            let asked = self.client.publish_with_reply(subject, inbox, question.into()).await;
            asked.failing("reading the log")?;
            loop {
                let answer = tokio::time::timeout(PATIENCE, answers.next()).await;
                let Ok(Some(answer)) = answer else {
                    return Err(BusError::Unknown { what: "reading the log" });
                };
                match answer.status {
                    None => self.take(&answer, &mut ends).await?,
                    // The last answer, or there are none at all.
                    Some(status)
                        if status.as_u16() == END_OF_ANSWERS || status == StatusCode::NOT_FOUND =>
                    {
                        break;
                    }
                    Some(_) => return Err(BusError::NotSetUp { url: self.url.clone() }),
                }
            }
        }
        Ok(ends)
    }

    async fn take(
        &self,
        answer: &Message,
        ends: &mut BTreeMap<GuestKey, End>,
    ) -> Result<(), BusError> {
        let header = |name| answer.headers.as_ref().and_then(|headers| headers.get(name));
        let guest = header(NATS_SUBJECT).and_then(|subject| guest_of(subject.as_str()));
        let seq = header(NATS_SEQUENCE).and_then(|seq| seq.as_str().parse().ok());
        let (Some(guest), Some(seq)) = (guest, seq) else { return Ok(()) };
        let end = match last_of(guest, &answer.payload) {
            Ok(event) => Some(End { seq, event }),
            Err(_) => self.end(guest).await?,
        };
        ends.extend(end.map(|end| (guest, end)));
        Ok(())
    }
}

/// How the server says that it has said everything.
const END_OF_ANSWERS: u16 = 204;
