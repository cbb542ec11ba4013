//! What `serve` takes, and who asks what it was sent. The comments here are the help texts.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use phoenix_bus::NatsArgs;
use phoenix_domain::SourceName;
use phoenix_service::LogArgs;

use super::offline::ConfigArgs;
use super::online::ListArgs;
use super::words;

/// What `serve` takes.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8480")]
    pub(crate) listen: SocketAddr,
    /// A name that browsers call this server by, beside localhost; may be given again
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Vec<String>,
    /// Listen to other machines too: whoever reaches the address reads the page without signing in
    #[arg(long)]
    pub(crate) let_anybody_read: bool,
    /// File with the token that people sign in with, who then act on the page; nobody else may read it, but
    /// where it is root's the group of who serves. Without it the page only shows
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) token_file: Option<PathBuf>,
    /// File that says who may send webhooks to /hooks/v1/NAME, and what is done for them; without it, what
    /// `webhooks` of the configuration says
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) hooks: Option<PathBuf>,
    /// Where the repository of the configuration is kept, where the file names one
    #[arg(long, default_value = "/var/lib/phoenix", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state_dir: PathBuf,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Where a collector takes the trace of each run that ends, by OTLP over HTTP
    #[cfg(feature = "otlp")]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", value_parser = words::endpoint)]
    pub(crate) otlp_endpoint: Option<url::Url>,
    /// File with the headers that let us in there, `NAME=VALUE`, separated by commas; nobody else may read it, but
    /// where it is root's the group of who serves. Else OTEL_EXPORTER_OTLP_HEADERS says the same
    #[cfg(feature = "otlp")]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) otlp_headers_file: Option<PathBuf>,
    /// The same out of the environment alone: what is typed is read by others
    #[cfg(feature = "otlp")]
    #[arg(
        long = "otlp-headers-of-the-environment",
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        hide = true,
        hide_env_values = true
    )]
    pub(crate) otlp_headers: Option<secrecy::SecretString>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// What `top` takes.
#[derive(Debug, Args)]
pub struct TopArgs {
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// What `deliveries` takes.
#[derive(Debug, Args)]
pub struct DeliveriesArgs {
    /// Only those of this source
    #[arg(long, value_name = "NAME", value_parser = words::source)]
    pub(crate) source: Option<SourceName>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}
