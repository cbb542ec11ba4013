//! What every program can be told about NATS. The comments here are the help texts.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use phoenix_domain::NodeName;

use crate::connect::{Address, USUAL_CELL, USUAL_SERVER};
use crate::names::Cell;
use crate::servers::Servers;

/// Where NATS is, and who we are there.
#[derive(Clone, Debug, Args)]
pub struct NatsArgs {
    /// Where NATS is.
    #[arg(long, value_name = "URL", env = "PHOENIX_NATS_URL", hide_env = true, value_hint = ValueHint::Url, value_parser = Servers,
          help = "Where NATS is; else PHOENIX_NATS_URL, NATS_URL, or nats://127.0.0.1:4222")]
    pub nats_url: Option<String>,
    /// The same under the name other programs know
    #[arg(long = "nats-url-of-others", env = "NATS_URL", hide = true, value_parser = Servers)]
    pub nats_url_of_others: Option<String>,
    /// File with the credentials for NATS
    #[arg(long, value_name = "FILE", env = "NATS_CREDS", value_hint = ValueHint::FilePath)]
    pub nats_creds: Option<PathBuf>,
    /// File with the key of a role, as `phoenix nats init` made it
    #[arg(long, value_name = "FILE", env = "PHOENIX_NATS_NKEY_FILE", value_hint = ValueHint::FilePath)]
    pub nats_nkey_file: Option<PathBuf>,
    /// File with who vouches for NATS
    #[arg(long, value_name = "FILE", env = "PHOENIX_NATS_CA_FILE", value_hint = ValueHint::FilePath)]
    pub nats_ca_file: Option<PathBuf>,
    /// The cell: the guests whose numbers and hosts are one world
    #[arg(long, value_name = "NAME", env = "PHOENIX_CELL", default_value = USUAL_CELL, value_parser = cell)]
    pub cell: NodeName,
}

impl NatsArgs {
    /// Returns where to connect to, for a program that the server lists under this name. What is set and empty is
    /// as if it were not set.
    #[must_use]
    pub fn address(&self, name: String) -> Address {
        let said = [&self.nats_url, &self.nats_url_of_others];
        let url = said.into_iter().flatten().find(|url| !url.is_empty());
        let said =
            |path: &Option<PathBuf>| path.clone().filter(|path| !path.as_os_str().is_empty());
        Address {
            url: url.map_or(USUAL_SERVER, String::as_str).to_owned(),
            credentials: said(&self.nats_creds),
            key: said(&self.nats_nkey_file),
            ca: said(&self.nats_ca_file),
            name,
            cell: Cell::new(self.cell.clone()),
        }
    }

    /// Returns the files that are named.
    pub fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.nats_creds, &mut self.nats_nkey_file, &mut self.nats_ca_file]
            .into_iter()
            .flatten()
            .filter(|path| !path.as_os_str().is_empty())
    }
}

fn cell(text: &str) -> Result<NodeName, String> {
    let refused =
        |_: phoenix_domain::Refused| "a cell is named with letters, digits and `-`, at most 63";
    text.parse().map_err(|err| refused(err).to_owned())
}
