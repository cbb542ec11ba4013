//! `phoenix feature`: looks at features, makes one, and tries it in a container.

mod archive;
mod error;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use phoenix_submitter::{ColorChoice, FeatureCommand};
use tokio_util::sync::CancellationToken;

use self::archive::Archive;
use self::error::FeatureError;
use self::test::Test;

/// Memory, where it is enough for a container with packages in it.
const MEMORY: &str = "/dev/shm";
/// Else the disk.
const DISK: &str = "/var/tmp";
/// How much has to be free, in GiB.
const ENOUGH: u64 = 4;

/// The verbs about features.
#[derive(Debug, Subcommand)]
pub(crate) enum Feature {
    #[command(flatten)]
    Folders(FeatureCommand),
    /// Install features in throw-away containers, look at them, install them again, break and mend them
    Test(Test),
    /// Make the archive of Debian that features are tried in
    Archive(Archive),
}

impl Feature {
    pub(crate) fn run(&self, color: ColorChoice) -> ExitCode {
        match self {
            Self::Folders(command) => phoenix_submitter::feature(command, color),
            Self::Test(test) => waiting(|shutdown| test.run(shutdown)),
            Self::Archive(archive) => waiting(|shutdown| archive.run(shutdown)),
        }
    }
}

/// Does what takes its time, until it is done or somebody asks to end.
fn waiting<W>(work: impl FnOnce(CancellationToken) -> W) -> ExitCode
where
    W: Future<Output = Result<u8, FeatureError>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(FeatureError::NotStarted).and_then(|runtime| {
        runtime.block_on(async {
            let (shutdown, signals) =
                phoenix_service::on_signal().map_err(FeatureError::NotStarted)?;
            let signals = tokio::spawn(signals);
            let ended = work(shutdown).await;
            signals.abort();
            ended
        })
    });
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(err) => {
            crate::say(&err.text());
            ExitCode::from(err.exit_code())
        }
    }
}

/// Returns where there is enough room: in memory if possible, where nothing has to be written.
fn room(said: Option<&PathBuf>) -> PathBuf {
    if let Some(said) = said {
        return said.clone();
    }
    let free = rustix::fs::statvfs(MEMORY).map(|of| of.f_bavail.saturating_mul(of.f_frsize) >> 30);
    if free.is_ok_and(|free| free >= ENOUGH) { Path::new(MEMORY) } else { Path::new(DISK) }
        .to_owned()
}
