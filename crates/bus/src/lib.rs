//! JetStream: the log of every guest, the queue that wakes workers, the dead letters.
//!
//! The log is the record: one subject a guest, every append a compare-and-set on its end, and the
//! last event carries the whole state. The queue holds wake-ups that could be derived from the log
//! at any time. Correctness rests on neither order nor exactly-once delivery.

mod act;
mod again;
mod aloud;
mod approvals;
mod args;
pub mod bare;
mod bucket;
mod channel_notes;
mod channels;
mod connect;
mod copies;
mod dead;
mod deliveries;
mod delivery_tail;
mod drains;
mod durability;
mod errand;
mod error;
mod forbidden;
mod forward;
pub mod frozen;
mod health;
mod health_tail;
mod hosts;
mod kept;
mod key;
mod lease;
mod likeness;
mod log;
mod many;
mod monitor;
mod names;
mod notes;
mod packs;
mod page;
mod pen;
mod publish;
mod pushes;
mod question;
mod reader;
mod role;
mod server;
mod servers;
mod setup;
mod streams;
mod subjects;
mod survey;
mod tail;
mod trial;
mod work;

pub use act::Act;
pub use aloud::{Aloud, Listener};
pub use approvals::{Approval, Decision};
pub use args::NatsArgs;
pub use channel_notes::{Called, ChannelMemory, ChannelNote, ChannelSeen, Delivered};
pub use channels::{Call, Calls, News};
pub use connect::{Address, Bus, USUAL_CELL, USUAL_SERVER};
pub use copies::CopyOf;
pub use dead::{DeadLetter, Filed, Foreign, Line, Original};
pub use deliveries::{Accepted, Became, Noted};
pub use delivery_tail::{DeliveryTail, DeliveryTold};
pub use drains::{Drain, DrainTail};
pub use durability::{Durability, Proof, Store};
pub use errand::Errand;
pub use error::{BoxError, BusError};
pub use health::{Displaced, Memory};
pub use health_tail::{HealthTail, HealthTold};
pub use hosts::{HostReport, SILENT_AFTER};
pub use key::Key;
pub use lease::Lease;
pub use log::{Appended, End, Teller, Wish};
pub use monitor::{
    AskedMonitor, MonitorAnswer, MonitorQuestion, MonitorQuestions, NoMonitor, Outlook, Seen,
};
pub use names::Cell;
pub use page::roles_page;
pub use pen::{Pen, Stopped};
pub use pushes::{
    CommitState, CommitStatus, Deployed, FleetNote, Later, OpenRun, Told as ToldPush,
};
pub use question::{
    Ahead, Answer, Answers, Asked, Blind, Difference, Forecast, Inquiry, Question, Questions,
    Refused, Unanswered,
};
pub use role::Role;
pub use server::{Server, Site, Tls, Users, leaf, leaf_seed};
pub use setup::Setup;
pub use survey::{Fill, StreamSeen, StreamThere};
pub use tail::{From, Tail, Told};
pub use trial::Trial;
pub use work::{Given, Token, Tokens, Waked};
