//! Following what is noted of deliveries.

use crate::act::Act;
use crate::connect::Bus;
use crate::deliveries::Noted;
use crate::error::BusError;
use crate::names::{DELIVERIES, DELIVERIES_STREAM};
use crate::reader::{Found, Of, Reader};
use crate::tail::From;

/// What a tail of deliveries tells.
#[derive(Debug)]
pub enum DeliveryTold {
    /// What is noted of one now.
    Noted(Box<Noted>),
    /// Everything that had been noted before the tail began was told; once.
    CaughtUp,
    /// What is kept is something else, or went backwards: what was told before no longer counts.
    Rewound,
}

/// Follows deliveries.
pub struct DeliveryTail {
    reader: Reader,
    /// What their subjects begin with.
    prefix: String,
}

impl DeliveryTail {
    /// Returns what is told next. It never ends, and may be dropped at any point.
    pub async fn next(&mut self) -> DeliveryTold {
        loop {
            match self.reader.next().await {
                Found::Message(message, at) => {
                    let noted = self.read(&message.subject, &message.payload, at);
                    if let Some(noted) = noted {
                        return DeliveryTold::Noted(Box::new(noted));
                    }
                }
                Found::CaughtUp => return DeliveryTold::CaughtUp,
                Found::Rewound => return DeliveryTold::Rewound,
            }
        }
    }

    /// Reads a note; what is none, or says that one is gone, is nothing.
    fn read(&self, subject: &str, payload: &[u8], at: u64) -> Option<Noted> {
        let (source, id) = subject.strip_prefix(&self.prefix)?.split_once('.')?;
        let accepted = serde_json::from_slice(payload).ok()?;
        Some(Noted { at, source: source.parse().ok()?, id: id.to_owned(), accepted })
    }
}

impl Bus {
    /// Follows what is noted of deliveries, first of those of the last days.
    pub async fn tail_deliveries(&self) -> Result<DeliveryTail, BusError> {
        let prefix = format!("$KV.{DELIVERIES}.{}", self.cell.deliveries());
        let of = Of {
            stream: DELIVERIES_STREAM,
            subject: format!("{prefix}>"),
            act: Act::ReadDeliveries,
            doing: "following deliveries",
        };
        Ok(DeliveryTail { reader: Reader::begin(self, of, From::LastOfEach).await?, prefix })
    }
}
