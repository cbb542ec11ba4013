//! How a program is told where its host has its secrets. The comments here are the help texts.

#![expect(clippy::doc_markdown, reason = "help texts are no Markdown")]

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueHint};

use crate::{Aws, Settings};

/// How a program is told where its host has its secrets: the same words for each of them.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Secrets")]
pub struct SecretsArgs {
    /// Ask AWS Secrets Manager, and before everybody else
    #[arg(long, env = "PHOENIX_SECRETS_AWS", value_parser = BoolishValueParser::new())]
    pub aws: bool,
    /// Its region; else AWS_REGION, the profile's, or the instance's
    #[arg(long, requires = "aws", value_name = "REGION")]
    pub aws_region: Option<String>,
    /// Where it answers, if not where the region says
    #[arg(long, requires = "aws", value_name = "URL", value_hint = ValueHint::Url)]
    pub aws_endpoint: Option<String>,
    /// Which version of a secret is taken
    #[arg(long, requires = "aws", value_name = "STAGE", default_value = "AWSCURRENT")]
    pub aws_stage: String,
    /// The folder that systemd puts credentials into
    #[arg(long, env = "CREDENTIALS_DIRECTORY", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub credentials: Option<PathBuf>,
    /// The file with secrets
    #[arg(long, env = "PHOENIX_SECRETS_FILE", default_value = "/etc/phoenix/secrets.json",
          value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub secrets_file: PathBuf,
}

impl SecretsArgs {
    /// Returns who is asked.
    pub fn settings(&self) -> Settings {
        let aws = self.aws.then(|| Aws {
            region: self.aws_region.clone(),
            endpoint: self.aws_endpoint.clone(),
            stage: self.aws_stage.clone(),
            ..Aws::default()
        });
        let mut settings = Settings::of_a_host(aws, self.credentials.clone());
        settings.file = Some(self.secrets_file.clone());
        settings
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        secrets: SecretsArgs,
    }

    fn told(words: &[&str]) -> Settings {
        let words = ["program"].iter().chain(words);
        Program::try_parse_from(words).unwrap().secrets.settings()
    }

    #[test]
    fn aws_is_asked_only_where_somebody_says_so() {
        assert!(told(&["--secrets-file", "x"]).aws.is_none());

        let aws = told(&["--aws", "--aws-region", "eu-central-1"]).aws.unwrap();

        assert_eq!((aws.region.as_deref(), &*aws.stage), (Some("eu-central-1"), "AWSCURRENT"));
        let alone = Program::try_parse_from(["program", "--aws-region", "eu-central-1"]);
        assert!(alone.is_err(), "a region says nothing about whether it is to be asked");
    }

    #[test]
    fn the_words_make_sense() {
        Program::command().debug_assert();
    }
}
