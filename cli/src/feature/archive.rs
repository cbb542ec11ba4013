//! `phoenix feature archive`: the Debian that features are tried in.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use phoenix_lab::{RELEASE, clear_room, make_archive};
use tokio_util::sync::CancellationToken;

use super::error::FeatureError;

/// Where it is looked for, and kept once it was made.
pub(super) const USUAL: &str = "/var/cache/phoenix";

/// What `feature archive` takes.
#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// The file; one that is there is made anew
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Where it is put together; else in memory, or /var/tmp
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    room: Option<PathBuf>,
}

impl Archive {
    pub(super) async fn run(&self, shutdown: CancellationToken) -> Result<u8, FeatureError> {
        make(&self.file, &super::room(self.room.as_ref()), &shutdown).await?;
        Ok(0)
    }
}

/// Makes one, unless somebody asks to end.
pub(super) async fn make(
    file: &Path,
    room: &Path,
    shutdown: &CancellationToken,
) -> Result<(), FeatureError> {
    crate::say(&format!(
        "making {} of Debian {RELEASE}'s packages; this takes a minute, once",
        file.display()
    ));
    tokio::select! {
        made = make_archive(file, room) => Ok(made?),
        () = shutdown.cancelled() => {
            clear_room(room);
            Err(FeatureError::Interrupted)
        }
    }
}
