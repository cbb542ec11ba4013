//! What programs read of each line of the log: which guest, run and trace it is about.

use phoenix_domain::{Event, GuestKey, TraceParent};
use tracing::{Span, error_span};

/// Returns what the lines are about that are logged while a guest is attended to.
pub(crate) fn guest(guest: GuestKey) -> Span {
    error_span!(target: "phoenix_job", "guest", vmid = guest.vmid.number())
}

/// Returns what the lines are about that are logged while something is done that was asked for.
pub(crate) fn run(last: &Event) -> Span {
    let trace_id = trace(last.traceparent.as_deref()).map(TraceParent::trace_id);
    error_span!(target: "phoenix_job", "run", run_id = %last.state.desired.run, trace_id)
}

/// Reads the trace that something was asked for in; what is no such text belongs to none.
pub(crate) fn trace(told: Option<&str>) -> Option<TraceParent> {
    told.and_then(|text| text.parse().ok())
}
