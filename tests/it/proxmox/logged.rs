//! A secret is in no line that programs read, and in no entry of journald, whatever a failing script says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use tempfile::TempDir;

use super::canary::BLABS;
use super::site::Site;
use crate::logs::{Journal, objects};

/// A guest whose scripts give their secret away and fail once, and the file that the secret is kept in.
async fn blabbing(secret: &str) -> (Site, TempDir, String) {
    let site = Site::of("examples/postgresql").await;
    site.pve.archive(
        "/var/lib/tank-library/template/cache/ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    );
    let kept = TempDir::new().unwrap();
    let file = kept.path().join("secrets.json");
    let own = json!({ "phoenix/prod/postgresql": { "password": secret } });
    fs::write(&file, own.to_string()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    site.pve.feature("base_setup");
    site.pve.write("features", "postgresql/install.sh", BLABS);
    let asks = r#"{ "secrets": ["postgresql_password"] }"#;
    site.pve.write("features", "postgresql/feature.json", asks);
    site.change(|guests| guests["930"]["health_check"] = json!({ "command": "true" }));
    let file = file.display().to_string();
    (site, kept, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_a_failing_script_says_is_in_no_line_of_json() {
    let secret = uuid::Uuid::new_v4().to_string();
    let (site, _kept, file) = blabbing(&secret).await;
    let options = ["--drift-every", "0", "--secrets-file", &file, "--log-format", "json"];
    let worker = site.worker_with("a", &options);

    site.ok(&["submit", "930", "--host", "pve1"]).await;

    let log = worker.log();
    drop(worker);
    let lines = objects(&log);
    assert!(lines.iter().any(|line| line.to_string().contains("no: ***")), "{log}");
    assert!(!log.contains(&secret), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_a_failing_script_says_is_in_no_entry_of_journald() {
    let secret = uuid::Uuid::new_v4().to_string();
    let (site, _kept, file) = blabbing(&secret).await;
    let journal = Journal::new();
    let arguments = site.worker_arguments(&["--drift-every", "0", "--secrets-file", &file]);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let program = crate::program::phoenix_program();
    let _worker = journal.start(&program, &site.inner.folder("a.log"), &arguments);
    let heard = tokio::task::spawn_blocking(move || {
        journal.until(|entry| entry["MESSAGE"] == "complete" && entry["PHOENIX_VMID"] == "930")
    });

    site.ok(&["submit", "930", "--host", "pve1"]).await;

    let entries = format!("{:#?}", heard.await.unwrap());
    assert!(entries.contains("no: ***"), "{entries}");
    assert!(!entries.contains(&secret), "{entries}");
}
