//! What is said inside of guests while they are worked on, for whoever listens at that moment. It
//! goes over core NATS, and is kept nowhere; the end of it is in the log with its step.

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use phoenix_domain::GuestKey;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;

use crate::act::Act;
use crate::connect::Bus;
use crate::error::{BusError, Failing as _};
use crate::forbidden::Forbidden;
use crate::names::guest_of;

/// What was said in one guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aloud {
    /// The guest.
    pub guest: GuestKey,
    /// What was said, line by line.
    pub lines: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Said {
    lines: Vec<String>,
}

/// Hears what is said.
pub struct Listener {
    bus: Bus,
    subscriber: Subscriber,
    forbidden: Receiver<Forbidden>,
}

impl Bus {
    /// Says something aloud. Nobody may listen, and then it is gone.
    pub async fn say_aloud(&self, guest: GuestKey, lines: Vec<String>) -> Result<(), BusError> {
        let said = serde_json::to_vec(&Said { lines }).failing("saying something aloud")?;
        let told = self.client.publish(self.cell.aloud(guest), said.into()).await;
        told.failing("saying something aloud")
    }

    /// Listens to what is said in the guests of this cell from now on.
    pub async fn listen(&self) -> Result<Listener, BusError> {
        let forbidden = self.hears_forbidden();
        let subscriber = self.client.subscribe(self.cell.alouds()).await;
        let subscriber = subscriber.failing("listening to guests")?;
        Ok(Listener { bus: self.clone(), subscriber, forbidden })
    }
}

impl Listener {
    /// Returns what is said next, or that we may not hear it. What cannot be read is not for us.
    pub async fn next(&mut self) -> Result<Aloud, BusError> {
        loop {
            let message = tokio::select! {
                message = self.subscriber.next() => message,
                err = self.bus.until_not_permitted(Act::Listen, &mut self.forbidden) => return Err(err),
            };
            let Some(message) = message else { break };
            let said = serde_json::from_slice::<Said>(&message.payload).ok();
            if let Some((guest, Said { lines })) = guest_of(&message.subject).zip(said) {
                return Ok(Aloud { guest, lines });
            }
        }
        // The connection is closed; who listens has others to hear that from.
        std::future::pending().await
    }
}
