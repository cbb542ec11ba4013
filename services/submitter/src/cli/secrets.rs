//! What may be typed about secrets. The comments here are the help texts.

use clap::{Args, Subcommand};
use phoenix_domain::Vmid;
use phoenix_secrets::SecretsArgs;

use super::offline::ConfigArgs;
use super::online::ListFormat;

/// The verbs about secrets.
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// Say who has which secret that guests are given, never its value, and what AWS has to allow
    ///
    /// It asks on the machine it is typed on, as a worker there would: on the host of the guests it
    /// tells whether they will get what they are promised.
    Check(SecretsCheckArgs),
}

/// What `secrets check` takes.
#[derive(Debug, Args)]
pub struct SecretsCheckArgs {
    /// The guests, with those they stand on; without any, all
    #[arg(value_name = "ID", value_parser = super::vmid)]
    pub(crate) guests: Vec<Vmid>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: ListFormat,
    /// Print the least IAM policy for these secrets, and nothing else
    #[arg(long, conflicts_with = "output", requires = "aws")]
    pub(crate) policy: bool,
    /// The account, for the policy; else it is learnt from what AWS answers
    #[arg(long, requires = "aws", value_name = "ID")]
    pub(crate) aws_account: Option<String>,
    /// The ARN of the key the secrets are encrypted with, if it is one of your own, for the policy
    #[arg(long, requires = "aws", value_name = "ARN")]
    pub(crate) aws_kms_key: Option<String>,
    #[command(flatten)]
    pub(crate) secrets: SecretsArgs,
}
