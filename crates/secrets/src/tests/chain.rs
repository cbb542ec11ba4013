//! Who is asked, in which order, and when nobody else is.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::stub::{Reply, Stub};
use super::{Watch, at, fetched, put, source};
use crate::{Provider, SecretError, Secrets, Settings, TokenFile};

/// A host that has the same secret everywhere, with another value each.
struct Host {
    folder: TempDir,
}

impl Host {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        put(folder.path(), "phoenix~hf_token", "from systemd\n", 0o400);
        put(folder.path(), "secrets.json", r#"{"phoenix/hf_token": "from the file"}"#, 0o600);
        put(folder.path(), "hf.conf", "HF_TOKEN=from_the_token_file\n", 0o640);
        Self { folder }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn without(&self, file: &str) -> &Self {
        fs::remove_file(self.path(file)).unwrap();
        self
    }

    fn secrets(&self, stub: Option<&Stub>) -> Secrets {
        Secrets::with(
            stub.map(|stub| source(at(&stub.url()), &Watch::new())),
            Some(self.folder.path().to_owned()),
            Some(self.path("secrets.json")),
            vec![TokenFile::HuggingFace(self.path("hf.conf"))],
        )
    }
}

const NAME: &str = "phoenix/hf_token";

#[tokio::test]
async fn the_first_that_has_it_wins() {
    let host = Host::new();
    let missing =
        || Reply::Error("ResourceNotFoundException", "Secrets Manager can't find it", 400);
    let stub =
        Stub::answering([Reply::value("from AWS"), missing(), missing(), missing(), missing()]);
    let asked = || host.secrets(Some(&stub));

    let mut values = vec![fetched(&asked(), NAME).await.unwrap()];
    values.push(fetched(&asked(), NAME).await.unwrap());
    host.without("phoenix~hf_token");
    values.push(fetched(&asked(), NAME).await.unwrap());
    host.without("secrets.json");
    values.push(fetched(&asked(), NAME).await.unwrap());
    host.without("hf.conf");
    let nobody = fetched(&asked(), NAME).await.unwrap_err();

    assert_eq!(values, ["from AWS", "from systemd", "from the file", "from_the_token_file"]);
    let SecretError::NotFound { asked, .. } = nobody else { panic!("{nobody:?}") };
    assert_eq!(
        asked,
        [
            Provider::Aws,
            Provider::Credentials(host.folder.path().to_owned()),
            Provider::File(host.path("secrets.json")),
            Provider::TokenFiles,
        ]
    );
}

#[tokio::test]
async fn who_is_not_set_up_is_not_asked() {
    let host = Host::new();
    assert_eq!(fetched(&host.secrets(None), NAME).await.unwrap(), "from systemd");

    let nobody = fetched(&Secrets::new(Settings::default()), NAME).await.unwrap_err();

    assert_eq!(
        nobody.to_string(),
        "nobody has the secret phoenix/hf_token; asked: nobody, as no provider is set up"
    );
}

#[tokio::test]
async fn who_cannot_say_ends_the_search() {
    let host = Host::new();
    let denied = Stub::answering([Reply::Error("AccessDeniedException", "", 400)]);
    let err = fetched(&host.secrets(Some(&denied)), NAME).await.unwrap_err();
    assert!(matches!(err, SecretError::Aws { .. }), "{err:?}");

    let busy = || Reply::Error("ThrottlingException", "Rate exceeded", 400);
    let throttled = Stub::answering([busy(), busy(), busy()]);
    let err = fetched(&host.secrets(Some(&throttled)), NAME).await.unwrap_err();
    assert!(matches!(err, SecretError::Aws { .. }), "{err:?}");

    put(host.without("phoenix~hf_token").folder.path(), "phoenix~hf_token", "x", 0o644);
    let err = fetched(&host.secrets(None), NAME).await.unwrap_err();
    assert!(
        matches!(&err, SecretError::File { provider: Provider::Credentials(_), .. }),
        "{err:?}"
    );
}

#[tokio::test]
async fn a_value_that_cannot_be_used_is_not_looked_for_elsewhere() {
    let host = Host::new();
    put(host.without("phoenix~hf_token").folder.path(), "phoenix~hf_token", "\n", 0o400);

    let err = fetched(&host.secrets(None), NAME).await.unwrap_err();

    assert!(
        matches!(&err, SecretError::Value { provider: Provider::Credentials(_), .. }),
        "{err:?}"
    );
}

#[tokio::test]
async fn memory_has_what_it_was_given() {
    let secrets = Secrets::in_memory([("phoenix/a", "x".into())]);

    assert_eq!(fetched(&secrets, "phoenix/a").await.unwrap(), "x");
    assert!(fetched(&secrets, "phoenix/b").await.is_err());
}
