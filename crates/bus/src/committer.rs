//! One committer a worker: what all its guests have to say goes to disk together.
//!
//! The server writes to disk once for each message it acknowledges, and once for a whole batch.
//! So a few messages are published one by one, as that is quicker, and many as a batch: while one
//! is on its way the next one gathers.

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use phoenix_domain::Event;
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use crate::connect::Bus;
use crate::log::BATCH;
use crate::publish::{Unacknowledged, appending};

/// How many messages are quicker one by one than as a batch.
const ONE_BY_ONE: usize = 8;
/// How many commits may be on their way at once.
const LANES: usize = 2;
/// How many orders may wait; whoever has more to say waits to say it.
const WAITING: usize = 1024;

/// Takes what guests have to say, and puts it into the log together.
#[derive(Clone, Debug)]
pub struct Committer {
    orders: mpsc::Sender<Order>,
}

/// What one guest has to say: events in a row, the first where its log ends at `expected`.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) subject: String,
    pub(crate) expected: u64,
    pub(crate) events: Vec<Event>,
    answer: oneshot::Sender<Result<u64, Unacknowledged>>,
}

impl Committer {
    /// Returns a committer and the work it does; that ends when nobody can order any more.
    pub fn new(bus: Bus, batches: bool) -> (Self, impl Future<Output = ()> + Send) {
        let (orders, waiting) = mpsc::channel(WAITING);
        (Self { orders }, run(bus, batches, waiting))
    }

    /// Appends events of one guest. Returns the sequence of the last one, or why it is not known
    /// to be there.
    pub(crate) async fn append(
        &self,
        subject: String,
        expected: u64,
        events: Vec<Event>,
    ) -> Result<u64, Unacknowledged> {
        let (answer, answered) = oneshot::channel();
        let order = Order { subject, expected, events, answer };
        if self.orders.send(order).await.is_err() {
            return Err(Unacknowledged::Unknown);
        }
        answered.await.unwrap_or(Err(Unacknowledged::Unknown))
    }
}

async fn run(bus: Bus, batches: bool, mut waiting: mpsc::Receiver<Order>) {
    let mut lanes = FuturesUnordered::new();
    let mut is_open = true;
    while is_open || !lanes.is_empty() {
        let mut orders = Vec::new();
        tokio::select! {
            taken = waiting.recv_many(&mut orders, BATCH), if is_open && lanes.len() < LANES => {
                is_open = taken > 0;
                for part in parts(orders) {
                    lanes.push(commit(&bus, batches, part));
                }
            }
            Some(()) = lanes.next() => {}
        }
    }
}

/// Cuts orders into parts that a batch can hold.
fn parts(orders: Vec<Order>) -> Vec<Vec<Order>> {
    let (mut parts, mut part, mut size) = (Vec::new(), Vec::new(), 0);
    for order in orders {
        if size + order.events.len() > BATCH && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            size = 0;
        }
        size += order.events.len();
        part.push(order);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

async fn commit(bus: &Bus, batches: bool, orders: Vec<Order>) {
    let size: usize = orders.iter().map(|order| order.events.len()).sum();
    if batches && size > ONE_BY_ONE {
        match batch(bus, &orders).await {
            Ok(mut last) => {
                // A batch is stored without anything in between.
                for order in orders.into_iter().rev() {
                    let length = u64::try_from(order.events.len()).unwrap_or(0);
                    answer(order, Ok(last));
                    last -= length;
                }
                return;
            }
            // One guest whose log has moved on refuses the batch for all: each is on its own now.
            Err(err) => debug!(?err, size, "a batch was not acknowledged"),
        }
    }
    join_all(orders.into_iter().map(|order| async {
        let committed = if batches && order.events.len() > 1 {
            batch(bus, std::slice::from_ref(&order)).await
        } else {
            one_by_one(bus, &order).await
        };
        answer(order, committed);
    }))
    .await;
}

fn answer(order: Order, committed: Result<u64, Unacknowledged>) {
    // Whoever ordered may be gone; the log is as it is.
    drop(order.answer.send(committed));
}

async fn batch(bus: &Bus, orders: &[Order]) -> Result<u64, Unacknowledged> {
    let mut messages = Vec::new();
    for order in orders {
        for (nth, event) in order.events.iter().enumerate() {
            let expected = (nth == 0).then_some(order.expected);
            messages.push(written(appending(order.subject.clone(), event, expected))?);
        }
    }
    if let [_] = messages.as_slice()
        && let Some(message) = messages.pop()
    {
        return bus.publish(message).await.map(|ack| ack.seq);
    }
    bus.publish_batch(messages).await.map(|ack| ack.seq)
}

async fn one_by_one(bus: &Bus, order: &Order) -> Result<u64, Unacknowledged> {
    let mut last = order.expected;
    for event in &order.events {
        let message = written(appending(order.subject.clone(), event, Some(last)))?;
        last = bus.publish(message).await?.seq;
    }
    Ok(last)
}

fn written<T>(message: Result<T, serde_json::Error>) -> Result<T, Unacknowledged> {
    message.map_err(|err| Unacknowledged::Refused { code: 0, words: err.to_string() })
}
