//! AWS Secrets Manager.

mod answer;
mod cache;
mod error;
mod settings;
mod source;

pub use self::error::AwsError;
pub use self::settings::Aws;

pub(crate) use self::source::{Clock, Source};
