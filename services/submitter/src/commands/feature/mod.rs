//! `phoenix feature`: features as they lie in folders, and as they were installed in guests.

mod list;
mod new;
mod outdated;
mod show;

use phoenix_config::{Shelf, Shelving, feature_folders};

use crate::cli::{FeatureCommand, FeaturesArgs};
use crate::error::CommandError;
use crate::output::Output;

pub(crate) fn run(command: &FeatureCommand, output: &mut Output) -> Result<u8, CommandError> {
    match command {
        FeatureCommand::List(args) => list::run(args, output),
        FeatureCommand::Show(args) => show::run(args, output),
        FeatureCommand::Outdated(args) => outdated::run(args, output),
        FeatureCommand::New(args) => new::run(args, output),
    }
}

fn shelf(args: &FeaturesArgs) -> Result<Shelf, CommandError> {
    Ok(Shelf::of(&feature_folders(&args.folders, None))?)
}

/// Says where a feature is.
fn place(at: &Shelving) -> String {
    match at {
        Shelving::Folder(folder) => folder.display().to_string(),
        Shelving::BuiltIn => "built in".to_owned(),
    }
}
