//! Sends the trace of each run that has ended to a collector, as OTLP has it over HTTP.

mod headers;
mod spans;

use std::convert::Infallible;

use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use phoenix_bus::Bus;
use phoenix_domain::{RunId, chain};
use phoenix_post::{Client, Outcome, Post, address};
use prost::Message as _;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use url::Url;

use super::live::Live;
use crate::cli::ServeArgs;
use crate::error::CommandError;
use crate::runs;
use crate::session;
use crate::timeline::Timeline;
use crate::words;

/// Where a collector takes traces, below its address.
const TRACES: &str = "v1/traces";

/// Returns what sends the trace of each run that ends from now on, where somebody takes them.
pub(super) fn keep(
    args: &ServeArgs,
    bus: &Bus,
    live: &Live,
    remarks: &mpsc::Sender<String>,
) -> Result<impl Future<Output = Infallible> + use<>, CommandError> {
    let headers = headers::of(args)?;
    let sender = args.otlp_endpoint.as_ref();
    let sender = sender.map(|to| Sender::to(to, headers, bus.clone(), remarks.clone()));
    let (sender, ended) = (sender.transpose()?, live.told().runs_that_end());
    Ok(async move {
        match sender {
            Some(sender) => sender.work(ended).await,
            None => std::future::pending().await,
        }
    })
}

/// What sends traces.
struct Sender {
    client: Client,
    url: Url,
    /// What each trace is sent with.
    headers: HeaderMap,
    bus: Bus,
    remarks: mpsc::Sender<String>,
}

impl Sender {
    /// Makes one that sends to the collector at this address. Nobody is connected to yet.
    fn to(
        endpoint: &Url,
        mut headers: HeaderMap,
        bus: Bus,
        remarks: mpsc::Sender<String>,
    ) -> Result<Self, CommandError> {
        let client = phoenix_post::client()?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        Ok(Self { client, url: address::below(endpoint, TRACES), headers, bus, remarks })
    }

    /// Sends the trace of each run that ends. A run that ends while its collector is away has none: runs do
    /// not wait, and neither do their traces.
    async fn work(&self, mut ended: broadcast::Receiver<RunId>) -> Infallible {
        let mut missed = Missed(0);
        loop {
            match ended.recv().await {
                Ok(run) => {
                    if let Some(remark) = missed.hear(self.send(&run).await, &self.url) {
                        // Where nobody keeps up with reading them, some are not read.
                        drop(self.remarks.try_send(remark));
                    }
                }
                Err(RecvError::Lagged(many)) => missed.0 += many,
                // Who counts runs lives as long as this.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    async fn send(&self, run: &RunId) -> Result<(), String> {
        let events = runs::events(&self.bus, run).await.map_err(|err| chain(&err))?;
        let now = session::now();
        let Some(timeline) = Timeline::of(run, &events, now) else { return Ok(()) };
        let body = ExportTraceServiceRequest {
            resource_spans: vec![spans::of(&timeline, &events, &session::host())],
        };
        let (url, headers) = (self.url.clone(), self.headers.clone());
        let post = Post { url, headers, body: body.encode_to_vec() };
        match phoenix_post::send(&self.client, post, now).await {
            Outcome::Taken { .. } => Ok(()),
            Outcome::Later { why, .. } | Outcome::TooLong { why } | Outcome::Refused { why } => {
                Err(why)
            }
        }
    }
}

/// How many runs have no trace, since the collector was there last.
struct Missed(u64);

impl Missed {
    /// Hears whether a trace was taken, and returns what people are told of that.
    fn hear(&mut self, sent: Result<(), String>, url: &Url) -> Option<String> {
        match (sent, self.0) {
            (Ok(()), 0) => None,
            (Ok(()), many) => {
                self.0 = 0;
                let runs = words::count(usize::try_from(many).unwrap_or(usize::MAX), "run", "runs");
                Some(format!("traces are taken again; {runs} ended meanwhile, and are not sent"))
            }
            (Err(why), before) => {
                self.0 += 1;
                let told =
                    format!("warning: traces are not taken by {url}: {why}; runs go on without");
                (before == 0).then_some(told)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_that_is_away_is_told_once_and_once_that_it_is_back() {
        let (mut missed, url) = (Missed(0), "http://127.0.0.1:4318/v1/traces".parse().unwrap());
        let away = || Err("connection refused".to_owned());

        let told: Vec<_> = [Ok(()), away(), away(), Ok(()), Ok(()), away()]
            .map(|sent| missed.hear(sent, &url))
            .into_iter()
            .collect();

        assert_eq!(
            told.iter().map(Option::is_some).collect::<Vec<_>>(),
            [false, true, false, true, false, true]
        );
        assert!(
            told[1].as_ref().is_some_and(|told| told.contains("connection refused")),
            "{told:?}"
        );
        assert!(told[3].as_ref().is_some_and(|told| told.contains("2 runs")), "{told:?}");
    }
}
