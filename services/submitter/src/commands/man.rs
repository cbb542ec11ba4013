//! `phoenix man`: the man pages.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};

use crate::cli::{ManArgs, PhoenixSubmit};
use crate::error::CommandError;
use crate::output::Output;

pub(super) fn run(args: &ManArgs, whole: Command, output: &mut Output) -> Result<u8, CommandError> {
    let folder = args.folder.as_path();
    let not_written = |path: &Path| {
        let path = path.to_owned();
        move |err| CommandError::FileNotWritten { path, err }
    };
    fs::create_dir_all(folder).map_err(not_written(folder))?;
    for command in [whole, PhoenixSubmit::command()] {
        clap_mangen::generate_to(command, folder).map_err(not_written(folder))?;
    }
    output.remark(&format!("man pages written to {}", folder.display()))?;
    Ok(0)
}
