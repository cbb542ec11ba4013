//! Whether a guest really serves, and what may be done about it when it does not.
//!
//! A [`Probe`] asks, a [`Reading`] is what it found out. What follows from readings is decided here,
//! by rules over values; asking, waiting and telling are done elsewhere.

mod probe;
mod reading;
mod reason;

pub use probe::{Ask, Probe};
pub use reading::{Evidence, Found, Process, Progress, Reading, Silence};
pub use reason::Reason;
