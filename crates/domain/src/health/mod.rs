//! Whether a guest really serves, and what may be done about it when it does not.
//!
//! A [`Probe`] asks, a [`Reading`] is what it found out. What follows from readings is decided here,
//! by rules over values; asking, waiting and telling are done elsewhere.

mod ack;
mod care;
mod condition;
mod curb;
mod docker;
mod event;
mod ground;
mod guards;
mod heard;
mod implied;
mod incident;
mod judge;
mod ladder;
mod limits;
mod loops;
mod lot;
mod maintenance;
mod marks;
mod pace;
mod probe;
mod reading;
mod reason;
mod rung;
mod sentence;
mod sign;
mod starts;
mod together;
mod told;
mod turns;
mod watch;

pub use ack::{Ack, AckEnd};
pub use care::{Care, Declared};
pub use condition::Condition;
pub use curb::Curb;
pub use docker::{Docker, DockerContainer, DockerStarts, DockerState};
pub use event::{
    AboutChannel, AboutIncident, ChannelTest, Digest, HealthEvent, HealthEventKind, HealthNews,
    IncidentReminder, Reminder, Turned,
};
pub use ground::{Ground, Root};
pub use guards::{Breaker, Guards};
pub use heard::{Duty, Facts, Heard, HostFacts, Order, Outcome, Patient, SelfCheck, Word};
pub use implied::implied;
pub use incident::{Command, Concerned, Danger, Exhibit, Incident, IncidentId, Next, Severity};
pub use judge::{Judge, Turn};
pub use ladder::{Effect, Ladder, Try};
pub use limits::{Limits, Mode};
pub use maintenance::{Maintenance, Selector};
pub use probe::{Ask, Probe};
pub use reading::{Evidence, Found, Process, Progress, Reading, Silence};
pub use reason::Reason;
pub use rung::{Course, Means, Rung, course};
pub use starts::Starts;
pub use told::{Hold, Told};
pub use watch::{File, Piece, PieceKey, Watch};
