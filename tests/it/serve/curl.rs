//! Deliveries as `docs/webhooks.md` tells people to send them, by the program curl.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Served;
use crate::program::repository;
use crate::verbs::site::Site;

/// Every provider, what it sends, and the repository that this is about.
const SENDERS: [(&str, &str, &str); 9] = [
    ("github", "github-push", "github.com/acme/fleet"),
    ("gitlab", "gitlab-push", "gitlab.lan/acme/platform/fleet"),
    ("gitea", "gitea-push", "git.lan/acme/fleet"),
    ("forgejo", "gitea-push", "git.lan/acme/fleet"),
    ("bitbucket-cloud", "bitbucket-cloud-push", "bitbucket.org/acme/fleet"),
    ("bitbucket-data-center", "bitbucket-data-center-push", "bitbucket.lan/acme/fleet"),
    ("standard-webhooks", "own-push", "git.lan/acme/fleet"),
    ("generic-hmac", "own-push", "git.lan/acme/fleet"),
    ("proxmox", "proxmox-note", "git.lan/acme/fleet"),
];

/// Returns the block that the page tells people to copy.
fn block() -> String {
    let page = fs::read_to_string(repository("docs/webhooks.md")).unwrap();
    let (_, section) = page.split_once("\n## Try it\n").unwrap();
    let (_, block) = section.split_once("\n```sh\n").unwrap();
    block.split("\n```").next().unwrap().to_owned()
}

/// Writes a secret, as this provider has it.
fn secret(folder: &Path, provider: &str) -> PathBuf {
    let secret = folder.join(format!("{provider}.secret"));
    let text = match provider {
        "standard-webhooks" => "whsec_cGhvZW5peC10ZXN0LXNlY3JldC0wMDAx\n",
        _ => "phoenix-test-secret-0001\n",
    };
    fs::write(&secret, text).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    secret
}

/// What the host's file says of webhooks: a source for each provider, and a rule for each repository.
fn webhooks(folder: &Path) -> Value {
    let source = |provider: &str| {
        let is = match provider {
            "generic-hmac" => json!({
                provider: { "header": "x-signature", "algorithm": "sha256", "encoding": "hex" },
            }),
            _ => json!(provider),
        };
        let said = json!({ "provider": is, "secret_files": [secret(folder, provider)] });
        (provider.to_owned(), said)
    };
    let sources: Value = SENDERS.iter().map(|(provider, _, _)| source(provider)).collect();
    let rule = |repository: &str| json!({ "repository": repository, "branch": "main", "guests": [950], "action": "restart" });
    let rules: Vec<_> = SENDERS.iter().map(|(_, _, repository)| rule(repository)).collect();
    json!({ "sources": sources, "rules": rules })
}

/// Runs the block, with these in place of what stands there.
async fn sent(served: &Served, provider: &str, body: &str, secret: &Path, id: &str) -> Output {
    let body = repository(&format!("crates/hooks/tests/payloads/{body}.json"));
    let at = format!("http://{}/hooks/v1/{provider}", served.at);
    #[expect(clippy::disallowed_methods, reason = "what people type is run as processes")]
    let mut command = Command::new("sh");
    command.args(["-eu", "-c", &block()]);
    command.env("provider", provider).env("at", at).env("id", id);
    command.env("body", body).env("secret", secret);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test]
async fn what_the_page_tells_people_to_send_is_taken_from_every_sender_and_from_nobody_else() {
    #[expect(clippy::disallowed_methods, reason = "it is asked whether it is there")]
    let asked = ["curl", "perl"].map(|program| Command::new(program).arg("-V").output());
    assert!(asked.iter().all(Result::is_ok), "install them: `apt install curl perl`");
    let (site, _worker) = Site::complete().await;
    let folder = TempDir::new().unwrap();
    site.write_webhooks(&webhooks(folder.path()));
    let config = site.folder().to_owned();
    let more = ["--config", config.to_str().unwrap()];
    let served = Served::with(&site, "127.0.0.1:0", &more).await;

    for (provider, body, _) in SENDERS {
        let own = folder.path().join(format!("{provider}.secret"));
        let sent = sent(&served, provider, body, &own, "try-1").await;
        assert!(sent.status.success(), "{provider}: {sent:?}");
        let told: Value = serde_json::from_slice(&sent.stdout).unwrap();
        let wanted = if provider == "proxmox" { "nothing to do" } else { "accepted" };
        assert_eq!(told["status"], wanted, "{provider}: {told}");
    }
    let another = folder.path().join("another.secret");
    fs::write(&another, "whsec_YW5vdGhlci1zZWNyZXQtMDAwMDAwMDE=\n").unwrap();
    for (provider, body, _) in SENDERS {
        let refused = sent(&served, provider, body, &another, "try-2").await;
        assert_eq!(refused.status.code(), Some(22), "{provider}: {refused:?}");
        assert_eq!(refused.stdout, b"not authorised\n", "{provider}: {refused:?}");
    }
    let own = folder.path().join("github.secret");
    let again = sent(&served, "github", "github-push", &own, "try-1").await;
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again["status"], "duplicate", "{again}");
}
