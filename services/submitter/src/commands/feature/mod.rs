//! `phoenix feature list`, `show` and `new`: features as they lie in folders.

mod list;
mod new;
mod show;

use phoenix_config::{Shelf, Shelving, feature_folders};

use crate::cli::{FeatureCommand, FeaturesArgs};
use crate::error::CommandError;
use crate::output::Output;

pub(crate) fn run(command: &FeatureCommand, output: &mut Output) -> Result<u8, CommandError> {
    match command {
        FeatureCommand::List(args) => list::run(args, output),
        FeatureCommand::Show(args) => show::run(args, output),
        FeatureCommand::New(args) => new::run(args, output),
    }
}

fn shelf(args: &FeaturesArgs) -> Result<Shelf, CommandError> {
    Ok(Shelf::of(&feature_folders(&args.folders))?)
}

/// Says where a feature is.
fn place(at: &Shelving) -> String {
    match at {
        Shelving::Folder(folder) => folder.display().to_string(),
        Shelving::BuiltIn => "built in".to_owned(),
    }
}
