//! `/metrics`: what the page is made of, for Prometheus and what reads the same.
//!
//! How things are is taken from the view that the page is made of, when somebody asks. What is counted is counted
//! as the log tells it, from when this server began.

mod format;
mod gpus;
mod guests;
mod health;
mod hosts;
mod names;
mod runs;
mod told;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use phoenix_bus::Bus;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use self::format::Format;
pub(super) use self::runs::Was;
pub(super) use self::told::Told;
use self::told::instant;
use self::write::{Writer, labels, number};
use super::Window;
use super::live::Live;
use crate::letter;
use crate::session;

/// How long somebody who asks waits for a look: whoever collects metrics gives up soon.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The commit that this was built of, where packages are made: nobody else knows that it is no other one.
const REVISION: &str = match option_env!("PHOENIX_REVISION") {
    Some(commit) => commit,
    None => "unknown",
};

/// All that is told of this cell.
pub(super) struct Metrics(Registry);

/// Where it is taken from.
struct Sources {
    bus: Bus,
    live: Live,
    began: DateTime<Utc>,
}

impl Metrics {
    pub(super) fn of(bus: Bus, live: Live) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Sources { bus, live, began: session::now() }));
        Self(registry)
    }

    fn text(&self, format: Format) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(format.of(text))
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("began", &self.began).finish_non_exhaustive()
    }
}

impl Collector for Sources {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut to = Writer(encoder);
        let version = [env!("CARGO_PKG_VERSION"), REVISION].map(str::to_owned);
        to.counted(&names::BUILD, &Info::new(labels(&names::BUILD, version)))?;
        to.gauge(&names::START, Some(instant(self.began)))?;
        let is_there = usize::from(self.bus.is_connected());
        to.gauge(&names::NATS_CONNECTED, Some(number(is_there)))?;
        // The first time is no repetition.
        let again = self.bus.connected().borrow().saturating_sub(1);
        to.counted(&names::NATS_RECONNECTS, &ConstCounter::new(again))?;
        self.live.told().write(&mut to)?;
        self.live.with_view(|view| {
            let now = session::now();
            to.gauge(&names::LOOKED, view.looked.map(|looked| instant(looked.at)))?;
            guests::write(view, now, &mut to)?;
            // Before it was looked, it is not known whether there are any.
            let open = || {
                view.letters.iter().filter(|one| letter::is_open(one, &view.site.states)).count()
            };
            to.gauge(&names::DLQ, view.looked.map(|_| number(open())))?;
            hosts::write(view, &mut to)?;
            gpus::write(view, &mut to)?;
            health::write(view, &mut to)
        })
    }
}

pub(super) async fn tell(State(window): State<Arc<Window>>, headers: HeaderMap) -> Response {
    if window.bus.is_connected() {
        window.live.look_within(PATIENCE).await;
    }
    let format = Format::wanted(headers.get_all(ACCEPT).iter().filter_map(|one| one.to_str().ok()));
    match window.metrics.text(format) {
        Ok(text) => ([(CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "they cannot be written\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use phoenix_bus::Outlook;
    use phoenix_domain::Waits;

    use super::*;
    use crate::asking::tests::time;
    use crate::screen::tests::cell;
    use crate::serve::view::{Looked, View};

    /// A view that nothing keeps up to date.
    #[derive(Debug)]
    struct Still(View);

    impl Collector for Still {
        fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
            let mut to = Writer(encoder);
            guests::write(&self.0, time() + chrono::TimeDelta::seconds(90), &mut to)?;
            hosts::write(&self.0, &mut to)?;
            gpus::write(&self.0, &mut to)?;
            health::write(&self.0, &mut to)
        }
    }

    #[test]
    fn all_that_is_known_of_a_cell_is_told() {
        let mut view = View::default();
        view.site = cell();
        let mut waits = Waits::default();
        for millis in [3, 70_000, 86_400_000] {
            waits.add(Duration::from_millis(millis));
        }
        for report in view.site.hosts.iter_mut().take(1) {
            report.waits =
                [("gpu".into(), Waits::default()), ("guest".into(), waits.clone())].into();
        }
        view.site.outlook = view.site.outlook.map(|outlook| Outlook {
            held_back: [("budget".into(), 0), ("mode".into(), 3)].into(),
            guests_left: Some(2),
            ..outlook
        });
        for seen in view.site.seen.values_mut().take(1) {
            seen.took_ms = [("nginx".into(), 1500)].into();
            seen.repairs_left = Some(0);
        }
        view.looked = Some(Looked { at: time(), connection: 1 });
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Still(view)));
        let mut text = String::new();

        encode(&mut text, &registry).unwrap();

        // What is not so is told as well, of each guest and state; it would fill the page.
        let told = text.lines().filter(|line| !line.contains("state=") || !line.ends_with(" 0.0"));
        insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn what_was_never_looked_at_is_not_told() {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Still(View::default())));
        let mut text = String::new();

        encode(&mut text, &registry).unwrap();

        assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
    }
}
