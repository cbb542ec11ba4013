//! A run as spans: the run, each guest of it, each attempt at that, each step of this.
//!
//! Their numbers follow from what they are of, so that a trace that is sent twice is the same.

use chrono::{DateTime, Utc};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use phoenix_domain::{Event, RunId, TraceParent};
use sha2::{Digest as _, Sha256};

use crate::timeline::{Lane, Span as Piece, Timeline, What};

/// A run that is being written.
struct Writing<'w> {
    run: &'w RunId,
    trace: u128,
    spans: Vec<Span>,
}

/// Returns the trace of a run, as told by this host.
pub(super) fn of(timeline: &Timeline, events: &[Event], host: &str) -> ResourceSpans {
    let run = &timeline.run;
    let mut of_run = events.iter().filter(|event| event.state.desired.run == *run);
    let asked = of_run.find_map(|event| event.traceparent.as_deref()?.parse::<TraceParent>().ok());
    let trace = asked.map_or_else(|| digest(run.as_str()), TraceParent::trace);
    let mut writing = Writing { run, trace, spans: Vec::new() };
    // Where the request began the trace, this is the span it named; else it is below whoever did.
    let begun = asked.filter(|asked| asked.is_begun_here()).map(TraceParent::span);
    let id = begun.unwrap_or_else(|| writing.number("run"));
    let above = asked.filter(|_| begun.is_none()).map(TraceParent::span);
    let is_well = timeline.lanes.iter().all(ended_well);
    let times = (timeline.from, timeline.to);
    writing.write("run".to_owned(), (id, above), times, is_well, Vec::new());
    for lane in &timeline.lanes {
        writing.guest(lane, id);
    }
    let about = [
        ("service.name", "phoenix"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("host.name", host),
    ];
    let scope = InstrumentationScope { name: "phoenix".to_owned(), ..Default::default() };
    ResourceSpans {
        resource: Some(Resource {
            attributes: about.map(|(key, value)| text(key, value)).into(),
            ..Default::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(scope),
            spans: writing.spans,
            ..Default::default()
        }],
        ..Default::default()
    }
}

impl Writing<'_> {
    /// Writes what was done to a guest. What lies between two waits is an attempt.
    fn guest(&mut self, lane: &Lane, above: u64) {
        let guest = lane.key.to_string();
        let (Some(first), Some(last)) = (lane.spans.first(), lane.spans.last()) else { return };
        let id = self.number(&guest);
        let times = (first.from, last.to);
        let about = vec![number("phoenix.guest.id", lane.key.vmid.number().into())];
        self.write("guest".to_owned(), (id, Some(above)), times, ended_well(lane), about.clone());
        let is_wait = |piece: &Piece| piece.what == What::Waits;
        let (mut attempts, mut waits) = (0, 0);
        for pieces in lane.spans.chunk_by(|a, b| !is_wait(a) && !is_wait(b)) {
            let [first, ..] = pieces else { continue };
            if is_wait(first) {
                waits += 1;
                let own = self.number(&format!("{guest}/wait/{waits}"));
                let times = (first.from, first.to);
                self.write(first.label.clone(), (own, Some(id)), times, true, about.clone());
            } else {
                attempts += 1;
                self.attempt(pieces, &format!("{guest}/{attempts}"), attempts, (id, &about));
            }
        }
    }

    fn attempt(
        &mut self,
        pieces: &[Piece],
        name: &str,
        nth: i64,
        (above, guest): (u64, &[KeyValue]),
    ) {
        let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return };
        let id = self.number(name);
        let is_well = pieces.iter().all(|piece| piece.what != What::Failure);
        let about = [guest, &[number("phoenix.attempt", nth)]].concat();
        let times = (first.from, last.to);
        self.write("attempt".to_owned(), (id, Some(above)), times, is_well, about);
        for (nth, piece) in pieces.iter().enumerate() {
            let own = self.number(&format!("{name}/{nth}"));
            let step = piece.label.strip_suffix(" failed").unwrap_or(&piece.label).to_owned();
            let about = [guest, &[text("phoenix.step", &step)]].concat();
            let (times, is_well) = ((piece.from, piece.to), piece.what != What::Failure);
            self.write(step, (own, Some(id)), times, is_well, about);
        }
    }

    fn write(
        &mut self,
        name: String,
        (id, above): (u64, Option<u64>),
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        is_well: bool,
        about: Vec<KeyValue>,
    ) {
        let mut attributes = vec![text("phoenix.run.id", self.run.as_str())];
        attributes.extend(about);
        let code = if is_well { StatusCode::Unset } else { StatusCode::Error };
        self.spans.push(Span {
            trace_id: self.trace.to_be_bytes().into(),
            span_id: id.to_be_bytes().into(),
            parent_span_id: above.map(|above| above.to_be_bytes().into()).unwrap_or_default(),
            name,
            kind: SpanKind::Internal.into(),
            start_time_unix_nano: nanoseconds(from),
            end_time_unix_nano: nanoseconds(to),
            attributes,
            status: Some(Status { code: code.into(), ..Default::default() }),
            ..Default::default()
        });
    }

    /// Returns the number of what is called so in this run.
    fn number(&self, name: &str) -> u64 {
        let [.., low] = split(digest(&format!("{}/{name}", self.run)));
        low.max(1)
    }
}

/// Says whether the last thing that was done to a guest was no failure.
fn ended_well(lane: &Lane) -> bool {
    let mut done = lane.spans.iter().rev().filter(|piece| piece.what != What::Waits);
    done.next().is_none_or(|last| last.what != What::Failure)
}

fn split(digest: u128) -> [u64; 2] {
    let half = |part: u128| u64::try_from(part & u128::from(u64::MAX)).unwrap_or_default();
    [half(digest >> 64), half(digest)]
}

/// Returns a number that is as good as nobody else's; never 0.
fn digest(of: &str) -> u128 {
    let digest: [u8; 32] = Sha256::digest(of).into();
    digest.first_chunk().map_or(1, |half| u128::from_be_bytes(*half)).max(1)
}

fn nanoseconds(at: DateTime<Utc>) -> u64 {
    at.timestamp_nanos_opt().and_then(|at| u64::try_from(at).ok()).unwrap_or_default()
}

fn text(key: &str, value: &str) -> KeyValue {
    of_value(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    of_value(key, Value::IntValue(value))
}

fn of_value(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asking::tests::time;
    use crate::timeline::tests::{story, timeline};

    /// Returns the names of spans, each with those it is below.
    fn ways(told: &ResourceSpans) -> Vec<String> {
        let spans = &told.scope_spans[0].spans;
        let way = |span: &Span| {
            let (mut way, mut at) = (span.name.clone(), span);
            while let Some(above) = spans.iter().find(|one| one.span_id == at.parent_span_id) {
                (way, at) = (format!("{}/{way}", above.name), above);
            }
            way
        };
        spans.iter().map(way).collect()
    }

    fn story_in(traceparent: Option<&str>) -> Vec<Event> {
        let traceparent = traceparent.map(str::to_owned);
        story()
            .into_iter()
            .map(|event| Event { traceparent: traceparent.clone(), ..event })
            .collect()
    }

    #[test]
    fn a_run_is_a_tree_of_guests_attempts_and_steps() {
        let events = story_in(None);

        let told = of(&timeline(&events, 100), &events, "pve1");

        assert_eq!(
            ways(&told),
            [
                "run",
                "run/guest",
                "run/guest/waits for a worker",
                "run/guest/attempt",
                "run/guest/attempt/ensure_container_defined",
                "run/guest/attempt/apply_configurations",
                "run/guest/waits for its next attempt",
            ]
        );
        let spans = &told.scope_spans[0].spans;
        let nanos = u64::try_from(time().timestamp_nanos_opt().unwrap()).unwrap();
        assert!(spans.iter().all(|span| span.start_time_unix_nano >= nanos), "{spans:?}");
        let failed = spans.iter().filter(|span| span.status.as_ref().unwrap().code == 2);
        assert!(
            failed.map(|span| &*span.name).eq(["run", "guest", "attempt", "apply_configurations"]),
            "{spans:?}"
        );
    }

    #[test]
    fn a_trace_is_the_same_whenever_it_is_sent_and_its_spans_are_all_others() {
        let events = story_in(None);

        let told = of(&timeline(&events, 100), &events, "pve1");

        assert_eq!(told, of(&timeline(&events, 100), &events, "pve1"));
        let ids = told.scope_spans[0].spans.iter().map(|span| &span.span_id);
        let different: std::collections::BTreeSet<_> = ids.clone().collect();
        assert_eq!(different.len(), ids.count());
    }

    #[test]
    fn a_run_is_below_whoever_asked_for_it_in_a_trace_and_is_the_top_of_its_own() {
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let own = TraceParent::begin(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c).to_string();
        for (traceparent, above) in
            [(given, 0xb7ad_6b71_6920_3331_u64.to_be_bytes().to_vec()), (&own, Vec::new())]
        {
            let events = story_in(Some(traceparent));

            let told = of(&timeline(&events, 100), &events, "pve1");

            let top = &told.scope_spans[0].spans[0];
            assert_eq!(top.parent_span_id, above, "{traceparent}");
            assert_eq!(top.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes());
        }
    }
}
