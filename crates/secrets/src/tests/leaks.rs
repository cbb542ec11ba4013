//! Nothing that anybody is shown holds a value.

use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::io;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tracing::Level;

use super::stub::{Reply, Stub};
use super::{Watch, at, name, only, put, source};
use crate::{Salt, SecretError, Secrets, TokenFile};

const CANARY: &str = "canary";

/// What AWS says of an error. The SDK logs it at the level TRACE; nothing of ours repeats it, as nobody
/// knows what it quotes.
const HEARSAY: &str = "hearsay";

/// Collects what is told, as people could see it.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl io::Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything that can be seen of an error.
fn seen(shown: &mut String, err: &SecretError) {
    write!(shown, "{err:?} {err:#?} {}", err.advice()).unwrap();
    let mut cause: Option<&dyn Error> = Some(err);
    while let Some(err) = cause {
        write!(shown, "{err} {err:?}").unwrap();
        cause = err.source();
    }
}

fn debug(shown: &mut String, what: &impl Debug) {
    write!(shown, "{what:?} {what:#?}").unwrap();
}

#[tokio::test]
async fn a_value_is_in_no_text_and_no_log_line_whatever_goes_wrong() {
    let told = Told::default();
    let writer = told.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let telling = tracing::subscriber::set_default(subscriber);
    let mut shown = String::new();

    // What AWS answers: a value, then what holds one and cannot be understood or is an error.
    let replies = [
        Reply::value(r#"{"a": "canary", "b": null}"#),
        Reply::Body(r#"{"SecretString": "canary"#.to_owned()),
        Reply::Error(
            "AccessDeniedException",
            "User: hearsay! is denied on resource: hearsay!",
            400,
        ),
        Reply::Error("InvalidRequestException", "hearsay", 400),
        Reply::Body(r#"{"SecretBinary": "//5jYW5hcnk="}"#.to_owned()),
    ];
    let stub = Stub::answering(replies);
    let watch = Watch::new();
    let secrets = only(at(&stub.url()), &watch);
    for key in [Some("a"), Some("b"), Some("c")] {
        match secrets.fetch(&name("phoenix/x"), key).await {
            Ok(value) => debug(&mut shown, &value),
            Err(err) => seen(&mut shown, &err),
        }
    }
    for other in ["phoenix/1", "phoenix/2", "phoenix/3", "phoenix/4"] {
        seen(&mut shown, &secrets.fetch(&name(other), None).await.unwrap_err());
    }
    debug(&mut shown, &secrets);
    debug(&mut shown, &source(at("http://127.0.0.1:1"), &watch));

    // What files hold, whole and broken.
    for text in [
        r#"{"phoenix/x": "canary"}"#,
        r#"{"phoenix/x": {"a": "canary"}}"#,
        r#"{"phoenix/x": ["canary"]}"#,
        r#"{"phoenix/x": canary}"#,
        r#""canary""#,
        r#"["canary"]"#,
        "canary",
        r#"{"phoenix/x": "canary", "phoenix/x": "canary"}"#,
        "{\"phoenix/x\": \"canary\x01\"}",
    ] {
        let folder = TempDir::new().unwrap();
        let file = put(folder.path(), "secrets.json", text, 0o600);
        put(folder.path(), "phoenix~y", text, 0o600);
        put(folder.path(), "phoenix~z", &format!("{text}\u{0}"), 0o644);
        let token = put(folder.path(), "hf.conf", &format!("A={text}\nB"), 0o600);
        let credentials = Some(folder.path().to_owned());
        let tokens = vec![TokenFile::HuggingFace(token.clone()), TokenFile::Docker(token)];
        let secrets = Secrets::with(None, credentials, Some(file), tokens);
        let mut wanted = Vec::new();
        for one in ["phoenix/x", "phoenix/y", "phoenix/z", "hf_token", "docker_token"] {
            for key in [None, Some("b".to_owned())] {
                match secrets.fetch(&name(one), key.as_deref()).await {
                    Ok(value) => debug(&mut shown, &value),
                    Err(err) => seen(&mut shown, &err),
                }
                wanted.push((name(one), key));
            }
        }
        let report = secrets.check(&wanted).await;
        debug(&mut shown, &report);
        shown.push_str(&serde_json::to_string(&report).unwrap());
        shown.push_str(&report.policy.to_string());
        debug(&mut shown, &secrets);
    }

    // The salt, and what remains of a value.
    let folder = TempDir::new().unwrap();
    put(folder.path(), "secrets.salt", &format!("{CANARY:->32}"), 0o600);
    let salt = Salt::open(folder.path()).unwrap();
    debug(&mut shown, &salt);
    debug(&mut shown, &salt.digest(&CANARY.into()));

    drop(telling);
    let told = String::from_utf8(told.0.lock().unwrap().clone()).unwrap();
    assert!(told.contains("AWS asked"), "the log was not collected");
    for (canary, place, text) in
        [(CANARY, "shown", &shown), (HEARSAY, "shown", &shown), (CANARY, "logged", &told)]
    {
        let at = text.find(canary).map(|at| {
            let from = text.floor_char_boundary(at.saturating_sub(300));
            &text[from..text.ceil_char_boundary((at + 100).min(text.len()))]
        });
        assert_eq!(at, None, "a value is {place}");
    }
}
