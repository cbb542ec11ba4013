//! What may be typed about features. The comments here are the help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use phoenix_bus::NatsArgs;
use phoenix_domain::FeatureName;

use super::online::ListFormat;

/// The verbs about features that only look at folders, and make one.
#[derive(Debug, Subcommand)]
pub enum FeatureCommand {
    /// List the features there are, and the folders they come from
    List(FeatureListArgs),
    /// Show everything about a feature: what it needs, what can be set of it, and how to ask for it
    Show(FeatureShowArgs),
    /// Say in which guests a feature was installed by an older recipe, and whom that followed into
    Outdated(FeatureOutdatedArgs),
    /// Make the folder of a feature of your own, with all that belongs into it
    New(FeatureNewArgs),
}

/// Where features are looked for.
#[derive(Debug, Args)]
pub(crate) struct FeaturesArgs {
    /// Folder with features, before /etc/phoenix/features, ./features of the repository and
    /// /usr/share/phoenix/features; may be given again, the first that has one wins
    #[arg(long = "features", value_name = "DIR", env = "PHOENIX_FEATURES", value_delimiter = ':', value_hint = ValueHint::DirPath)]
    pub(crate) folders: Vec<PathBuf>,
}

/// What `feature list` takes.
#[derive(Debug, Args)]
pub struct FeatureListArgs {
    #[command(flatten)]
    pub(crate) features: FeaturesArgs,
    /// How to print them
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: ListFormat,
}

/// What `feature show` takes.
#[derive(Debug, Args)]
pub struct FeatureShowArgs {
    /// The feature
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) features: FeaturesArgs,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: ListFormat,
}

/// What `feature outdated` takes.
#[derive(Debug, Args)]
pub struct FeatureOutdatedArgs {
    /// How to print it
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: ListFormat,
    #[command(flatten)]
    pub(crate) connect: NatsArgs,
}

/// What `feature new` takes.
#[derive(Debug, Args)]
pub struct FeatureNewArgs {
    /// Its name: lower-case letters, digits and `_`
    #[arg(value_name = "NAME", value_parser = name)]
    pub(crate) name: FeatureName,
    /// The folder its folder is made in; else ./features of the repository, or /etc/phoenix/features
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) into: Option<PathBuf>,
}

fn name(text: &str) -> Result<FeatureName, String> {
    text.parse().map_err(|err: phoenix_domain::Refused| err.rule.to_owned())
}
