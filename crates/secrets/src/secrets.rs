//! Asks one provider after the other.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use phoenix_domain::SecretName;
use secrecy::SecretString;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::aws::{self, Aws, Clock};
use crate::error::{Failure, SecretError};
use crate::files::{Credentials, FileError, Store, TokenFile, Tokens, token_files};
use crate::provider::Provider;
use crate::reference::Reference;
use crate::value;

/// How long one file may take. Only a disk that hangs needs that long.
const FILE_DEADLINE: Duration = Duration::from_secs(5);

/// Which providers there are. One that is not set up is not asked.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// AWS Secrets Manager.
    pub aws: Option<Aws>,
    /// The folder that systemd names in `$CREDENTIALS_DIRECTORY`.
    pub credentials: Option<PathBuf>,
    /// A file with many secrets; it need not be there.
    pub file: Option<PathBuf>,
    /// Files with one token each; they need not be there.
    pub tokens: Vec<TokenFile>,
}

impl Settings {
    /// Returns the places where a host has its secrets.
    pub fn of_a_host(aws: Option<Aws>, credentials: Option<PathBuf>) -> Self {
        let file = Some(PathBuf::from("/etc/phoenix/secrets.json"));
        Self { aws, credentials, file, tokens: token_files() }
    }
}

/// Asks one provider after the other: AWS, systemd, the file, the token files.
///
/// The first that has a secret wins. One that cannot say whether it has it ends the search: what the
/// next one has could be another value, and nobody would know. A clone shares what is remembered.
#[derive(Clone)]
pub struct Secrets {
    sources: Arc<[Source]>,
}

#[derive(Clone, Debug)]
enum Source {
    Aws(Arc<aws::Source>),
    Credentials(Credentials),
    Store(Store),
    Tokens(Tokens),
    Memory(BTreeMap<String, SecretString>),
}

/// Whether what is remembered counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It does, for as long as it is agreed.
    Remembering,
    /// It does not.
    Anew,
}

/// A secret that somebody has.
pub(crate) struct Found {
    pub(crate) value: SecretString,
    pub(crate) provider: Provider,
    /// The whole name that AWS has for it.
    pub(crate) arn: Option<String>,
}

impl Secrets {
    /// Makes the chain. Nothing is read and nobody is asked before the first secret is fetched.
    pub fn new(settings: Settings) -> Self {
        let aws =
            settings.aws.map(|aws| aws::Source::new(aws, Arc::new(Instant::now) as Clock, None));
        Self::with(aws, settings.credentials, settings.file, settings.tokens)
    }

    /// Makes one that knows these secrets and no others: for tests.
    pub fn in_memory<N: Into<String>>(values: impl IntoIterator<Item = (N, SecretString)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self { sources: Arc::new([Source::Memory(values)]) }
    }

    pub(crate) fn with(
        aws: Option<aws::Source>,
        credentials: Option<PathBuf>,
        file: Option<PathBuf>,
        tokens: Vec<TokenFile>,
    ) -> Self {
        let sources = [
            aws.map(|aws| Source::Aws(Arc::new(aws))),
            credentials.map(|folder| Source::Credentials(Credentials::new(folder))),
            file.map(|path| Source::Store(Store::new(path))),
            (!tokens.is_empty()).then(|| Source::Tokens(Tokens::new(tokens))),
        ];
        Self { sources: sources.into_iter().flatten().collect() }
    }

    /// Returns the value of a secret, or of one key of it.
    pub async fn fetch(
        &self,
        name: &SecretName,
        key: Option<&str>,
    ) -> Result<SecretString, SecretError> {
        self.fetched(name, key, Manner::Remembering).await
    }

    /// Returns the same as it is now, whatever is remembered.
    pub async fn fetch_anew(
        &self,
        name: &SecretName,
        key: Option<&str>,
    ) -> Result<SecretString, SecretError> {
        self.fetched(name, key, Manner::Anew).await
    }

    async fn fetched(
        &self,
        name: &SecretName,
        key: Option<&str>,
        manner: Manner,
    ) -> Result<SecretString, SecretError> {
        let reference = Reference::new(name, key)?;
        self.find(reference.name(), manner).await?.pick(&reference)
    }

    /// Returns the first that has a secret, of those who are asked in their order.
    pub(crate) async fn find(&self, name: &str, manner: Manner) -> Result<Found, SecretError> {
        let mut asked = Vec::new();
        for source in self.sources.iter() {
            let provider = source.provider();
            match source.ask(name, manner).await {
                Ok(Some((value, arn))) => return Ok(Found { value, provider, arn }),
                Ok(None) => asked.push(provider),
                Err(failure) => return Err(failure.of(name, provider)),
            }
        }
        Err(SecretError::NotFound { name: name.to_owned(), asked })
    }

    /// Returns the source that asks AWS, where there is one.
    pub(crate) fn aws(&self) -> Option<&aws::Source> {
        self.sources.iter().find_map(|source| match source {
            Source::Aws(aws) => Some(aws.as_ref()),
            Source::Credentials(_) | Source::Store(_) | Source::Tokens(_) | Source::Memory(_) => {
                None
            }
        })
    }
}

impl Found {
    /// Returns what was asked for of it.
    pub(crate) fn pick(self, reference: &Reference) -> Result<SecretString, SecretError> {
        value::pick(self.value, reference.key()).map_err(|err| SecretError::Value {
            name: reference.name().to_owned(),
            provider: self.provider,
            err,
        })
    }
}

type Asked = Result<Option<(SecretString, Option<String>)>, Failure>;

impl Source {
    fn provider(&self) -> Provider {
        match self {
            Self::Aws(_) => Provider::Aws,
            Self::Credentials(credentials) => {
                Provider::Credentials(credentials.folder().to_owned())
            }
            Self::Store(store) => Provider::File(store.path().to_owned()),
            Self::Tokens(_) => Provider::TokenFiles,
            Self::Memory(_) => Provider::Memory,
        }
    }

    async fn ask(&self, name: &str, manner: Manner) -> Asked {
        let named = name.to_owned();
        let value = match self {
            Self::Aws(aws) => {
                return match manner {
                    Manner::Remembering => Ok(aws.fetch(name).await?.map(|value| (value, None))),
                    Manner::Anew => {
                        Ok(aws.ask(name).await?.map(|answer| (answer.value, answer.arn)))
                    }
                };
            }
            Self::Credentials(credentials) => {
                let credentials = credentials.clone();
                aside(move || credentials.fetch(&named)).await?
            }
            Self::Store(store) => {
                let store = store.clone();
                aside(move || store.fetch(&named)).await?
            }
            Self::Tokens(tokens) => {
                let tokens = tokens.clone();
                aside(move || tokens.fetch(&named)).await?
            }
            Self::Memory(values) => values.get(name).cloned(),
        };
        Ok(value.map(|value| (value, None)))
    }
}

/// Reads where it stops nobody else, and no longer than agreed.
async fn aside<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match timeout(FILE_DEADLINE, spawn_blocking(read)).await {
        Ok(Ok(read)) => read,
        // It hangs, or the program is ending.
        Ok(Err(_)) | Err(_) => Err(FileError::TooSlow { seconds: FILE_DEADLINE.as_secs() }.into()),
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sources.iter().map(Source::provider)).finish()
    }
}
