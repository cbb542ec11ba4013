//! Turns the name of a secret into its value, asking one provider after the other.
//!
//! A value is a [`SecretString`](secrecy::SecretString) from the moment it is read: it is shown by
//! nothing, written by nothing, and wiped when it is let go. No error, no report and no log line of
//! this crate carries one.

mod args;
mod aws;
mod check;
mod digest;
mod error;
mod files;
mod policy;
mod provider;
mod reference;
mod secrets;
#[cfg(test)]
mod tests;
mod value;

pub use args::SecretsArgs;
pub use aws::{Aws, AwsError};
pub use check::{Checked, Outcome, Report};
pub use digest::{Digest, Salt, SaltError};
pub use error::SecretError;
pub use files::{AloneError, Audience, FileError, TokenFile, alone, is_guarded, token_files};
pub use policy::Policy;
pub use provider::Provider;
pub use secrets::{Secrets, Settings};
pub use value::ValueError;
