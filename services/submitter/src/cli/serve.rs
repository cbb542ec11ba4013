//! What `serve` takes. The comments here are the help texts.

use std::net::SocketAddr;

use clap::Args;

use super::online::ConnectArgs;

/// What `serve` takes.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8480")]
    pub(crate) listen: SocketAddr,
    /// A name that browsers call this server by, beside localhost; may be given again
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Vec<String>,
    /// Listen to other machines too: whoever reaches the address reads the page
    #[arg(long)]
    pub(crate) let_anybody_read: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}
