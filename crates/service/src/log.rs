//! The log of a program: lines for people, objects for programs, or entries of journald; and nothing secret.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};

use clap::{Args, ValueEnum};
use json_subscriber::JsonLayer;
use thiserror::Error;
use tracing::dispatcher::has_been_set;
use tracing::{Metadata, error};
use tracing_subscriber::filter::{Directive, filter_fn};
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// The target of spans that say which guest, run and step a line is about. They are on whatever is logged
/// otherwise, and people do not see them: lines for them name what they are about in their own words.
const JOB: &str = "phoenix_job";
/// What the fields of entries begin with, so that they are not taken for journald's own.
const PREFIX: &str = "PHOENIX";

/// What is logged, and how.
#[derive(Clone, Debug, Args)]
pub struct LogArgs {
    /// What is logged: `info`, `debug`, or per part, `phoenix_bus=debug`
    #[arg(long = "log", env = "PHOENIX_LOG", default_value = "info", value_name = "FILTER")]
    pub filter: String,
    /// How it is logged
    #[arg(
        long = "log-format",
        env = "PHOENIX_LOG_FORMAT",
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub format: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people, on stderr
    #[default]
    Text,
    /// One JSON object a line, on stderr
    Json,
    /// Entries of journald, with their fields
    Journald,
}

/// Why nothing can be logged.
#[derive(Debug, Error)]
pub enum LogError {
    /// There is no journald to tell.
    #[error("journald cannot be told, and --log-format asks for it")]
    NoJournald(#[source] io::Error),
}

impl LogError {
    /// Returns what a human can do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoJournald(_) => {
                "`--log-format json` writes to stderr; `systemctl status systemd-journald` says why it does not listen"
            }
        }
    }
}

impl LogArgs {
    /// Starts logging.
    pub fn begin(&self) -> Result<(), LogError> {
        let filter = EnvFilter::try_new(&self.filter).unwrap_or_else(|_| EnvFilter::new("info"));
        let always = JOB.parse::<Directive>().map(|about| filter.clone().add_directive(about));
        let log = Registry::default().with(always.unwrap_or(filter)).with(self.written()?);
        // A second start is a test's; the first one tells.
        drop(log.try_init());
        Ok(())
    }

    /// Says why the program ends: the chain of causes once, then what to do.
    pub fn complain(&self, err: &dyn Error, advice: &[String]) {
        let mut text = err.to_string();
        let mut cause = err.source();
        while let Some(err) = cause {
            text.push_str(": ");
            text.push_str(&err.to_string());
            cause = err.source();
        }
        // Before anything is logged, people are told: the error may be that nothing can be.
        let format = if has_been_set() { self.format } else { LogFormat::Text };
        match format {
            LogFormat::Text => {
                let hints = advice.iter().map(|hint| format!("\nhint: {hint}"));
                let text = format!("error: {text}{}", hints.collect::<String>());
                // Where even this cannot be written, the exit code has to say it.
                drop(writeln!(io::stderr(), "{text}"));
            }
            LogFormat::Json | LogFormat::Journald => {
                error!(hint = (!advice.is_empty()).then(|| advice.join("; ")), "{text}");
            }
        }
    }

    fn written(&self) -> Result<Box<dyn Layer<Filtered> + Send + Sync>, LogError> {
        Ok(match self.format {
            LogFormat::Text => tracing_subscriber::fmt::layer()
                .with_writer(io::stderr)
                .with_ansi(io::stderr().is_terminal())
                .with_target(false)
                .with_filter(filter_fn(is_for_people))
                .boxed(),
            LogFormat::Json => objects().boxed(),
            LogFormat::Journald => tracing_journald::layer()
                .map_err(LogError::NoJournald)?
                .with_field_prefix(Some(PREFIX.to_owned()))
                .boxed(),
        })
    }
}

/// What the lines are written on top of.
type Filtered = tracing_subscriber::layer::Layered<EnvFilter, Registry>;

fn is_for_people(about: &Metadata<'_>) -> bool {
    about.is_event() || about.target() != JOB
}

/// Writes an object a line: what a line says itself in `fields`, and around it what its spans say.
fn objects() -> JsonLayer<Filtered, fn() -> io::Stderr> {
    let mut lines = JsonLayer::<Filtered>::stderr();
    lines
        .with_timer("timestamp", SystemTime)
        .with_level("level")
        .with_target("target")
        .with_event("fields")
        .with_top_level_flattened_span_list();
    lines
}
