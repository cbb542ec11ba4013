//! Asks AWS Secrets Manager.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::SharedCredentialsProvider;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use secrecy::SecretString;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tracing::{debug, warn};
use zeroize::Zeroizing;

use crate::error::Failure;
use crate::value;

use super::answer::{Meaning, meaning};
use super::cache::{Cache, Kept};
use super::error::AwsError;
use super::settings::Aws;

/// Says how late it is.
pub(crate) type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// What AWS answered.
pub(crate) struct Answer {
    pub(crate) value: SecretString,
    /// The whole name of the secret, which has the account in it.
    pub(crate) arn: Option<String>,
}

/// Asks AWS Secrets Manager. Nothing is sent and nothing is looked up before the first question.
pub(crate) struct Source {
    settings: Aws,
    clock: Clock,
    /// Whose credentials are used, where it is not the default chain.
    identity: Option<SharedCredentialsProvider>,
    client: OnceCell<Client>,
    cache: Cache,
}

impl Source {
    pub(crate) fn new(
        settings: Aws,
        clock: Clock,
        identity: Option<SharedCredentialsProvider>,
    ) -> Self {
        let cache = Cache::new(settings.expiry, settings.grace);
        Self { settings, clock, identity, client: OnceCell::new(), cache }
    }

    pub(crate) fn settings(&self) -> &Aws {
        &self.settings
    }

    /// Returns the region that is asked, once it is known.
    pub(crate) fn region(&self) -> Option<String> {
        let known = self.client.get().and_then(|client| client.config().region());
        known.map(ToString::to_string).or_else(|| self.settings.region.clone())
    }

    /// Returns a value that is not older than agreed, asking only when there is none.
    pub(crate) async fn fetch(&self, name: &str) -> Result<Option<SecretString>, Failure> {
        let now = (self.clock)();
        let kept = self.cache.kept(name, now);
        if let Kept::Fresh(value) = kept {
            return Ok(Some(value));
        }
        match self.ask(name).await {
            Ok(Some(answer)) => {
                self.cache.keep(name, &answer.value, now);
                Ok(Some(answer.value))
            }
            Ok(None) => {
                self.cache.forget(name);
                Ok(None)
            }
            Err(Failure::Aws(err)) if err.may_pass() => match kept {
                Kept::Stale(value) => {
                    warn!(secret = name, %err, "a value that has expired is used");
                    Ok(Some(value))
                }
                Kept::Fresh(_) | Kept::Nothing => Err(err.into()),
            },
            Err(err) => {
                self.cache.forget(name);
                Err(err)
            }
        }
    }

    /// Asks, whatever is remembered.
    pub(crate) async fn ask(&self, name: &str) -> Result<Option<Answer>, Failure> {
        let deadline = self.settings.deadline;
        timeout(deadline, self.ask_patiently(name)).await.unwrap_or_else(|_| {
            Err(Failure::Aws(AwsError::Unreachable {
                what: "AWS Secrets Manager",
                why: format!("no answer in {deadline:?}"),
            }))
        })
    }

    async fn ask_patiently(&self, name: &str) -> Result<Option<Answer>, Failure> {
        let client = self.client.get_or_try_init(|| self.connect()).await?;
        debug!(secret = name, stage = self.settings.stage, "AWS asked");
        let question = client.get_secret_value().secret_id(name);
        let answer = match question.version_stage(&self.settings.stage).send().await {
            Ok(answer) => answer,
            Err(err) => {
                return match meaning(&err, name, &self.settings) {
                    Meaning::NotFound => Ok(None),
                    Meaning::Failed(err) => Err(err.into()),
                };
            }
        };
        let value = match (answer.secret_string, answer.secret_binary) {
            (Some(text), _) => value::whole(&Zeroizing::new(text))?,
            (None, Some(bytes)) => value::text(&Zeroizing::new(bytes.into_inner()))?,
            (None, None) => return Err(crate::ValueError::Empty.into()),
        };
        Ok(Some(Answer { value, arn: answer.arn }))
    }

    /// Gathers what is needed to ask: the region may be a question to the instance.
    async fn connect(&self) -> Result<Client, AwsError> {
        let asked = &self.settings;
        let limits = TimeoutConfig::builder()
            .connect_timeout(asked.attempt)
            .operation_attempt_timeout(asked.attempt)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(asked.attempts.max(1))
            .with_initial_backoff(asked.pause);
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .timeout_config(limits)
            .retry_config(retries);
        if let Some(region) = &asked.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &asked.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(identity) = &self.identity {
            loader = loader.credentials_provider(identity.clone());
        }
        let config = loader.load().await;
        if config.region().is_none() {
            return Err(AwsError::NoRegion);
        }
        Ok(Client::new(&config))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("settings", &self.settings).finish_non_exhaustive()
    }
}
