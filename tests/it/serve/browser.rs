//! A real browser without a window, driven as `WebDriver` has it: Debian's Chromium and its driver.

#![expect(clippy::indexing_slicing, reason = "a broken fixture should stop the test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long something may take that happens by itself.
const PATIENCE: Duration = Duration::from_mins(2);
/// Keys that are no letters, as `WebDriver` has them.
pub(super) const TAB: &str = "\u{e004}";
pub(super) const ENTER: &str = "\u{e007}";
pub(super) const ESCAPE: &str = "\u{e00c}";
const POLL: Duration = Duration::from_millis(50);

/// A browser. It ends with its driver when this is dropped.
pub(super) struct Browser {
    driver: Child,
    at: String,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one, with a window of this size.
    pub(super) async fn new(width: u32, height: u32) -> Self {
        let root = root();
        let libraries = [
            "usr/lib/x86_64-linux-gnu",
            "lib/x86_64-linux-gnu",
            "usr/lib/x86_64-linux-gnu/pulseaudio",
        ]
        .map(|folder| root.join(folder).display().to_string())
        .join(":");
        let profile = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the browser of a test is a process")]
        let mut driver = Command::new(root.join("usr/bin/chromedriver"))
            .arg("--port=0")
            .env_clear()
            .env("LD_LIBRARY_PATH", libraries)
            .env("HOME", profile.path())
            // What it leaves behind goes with the test.
            .env("TMPDIR", profile.path())
            .env("FONTCONFIG_PATH", root.join("etc/fonts"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = said
            .find_map(|line| {
                let line = line.unwrap();
                let (_, port) = line.split_once("successfully on port ")?;
                Some(port.trim_end_matches('.').to_owned())
            })
            .expect("the driver says where it listens");
        // It goes on talking, and would stand still where nobody listened.
        std::thread::spawn(move || said.for_each(drop));
        let mut browser = Self {
            driver,
            at: format!("127.0.0.1:{port}"),
            session: String::new(),
            _profile: profile,
        };
        let options = json!({
            "binary": root.join("usr/lib/chromium/chromium"),
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                format!("--window-size={width},{height}"),
            ],
        });
        let wanted =
            json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let made = browser.send("POST", "/session", &wanted).await;
        let session = made["sessionId"].as_str().unwrap_or_else(|| panic!("{made}"));
        session.clone_into(&mut browser.session);
        browser
    }

    /// Opens a page.
    pub(super) async fn open(&self, url: &str) {
        self.tell("/url", &json!({ "url": url })).await;
    }

    /// Runs a script in the page, and returns what it returns.
    pub(super) async fn run(&self, script: &str) -> Value {
        self.tell("/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// Waits until an expression is true in the page.
    pub(super) async fn until(&self, expression: &str) {
        let script = format!("return Boolean({expression});");
        let is_so = async {
            while self.run(&script).await != Value::Bool(true) {
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(PATIENCE, is_so).await.is_err() {
            let page = self.run("return document.body.innerText;").await;
            panic!("it is never so that {expression}: {page}");
        }
    }

    /// Returns what the page looks like, as a PNG in Base64.
    pub(super) async fn picture(&self) -> String {
        let path = format!("/session/{}/screenshot", self.session);
        self.send("GET", &path, &Value::Null).await.as_str().unwrap().to_owned()
    }

    /// Presses the button that is called like this, by the keyboard: goes there by Tab.
    pub(super) async fn go_and_press(&self, label: &str) {
        let label = serde_json::to_string(label).unwrap();
        let is_there = format!(
            "return (document.activeElement.getAttribute('aria-label') || document.activeElement.textContent).startsWith({label});"
        );
        for _ in 0..60 {
            if self.run(&is_there).await == Value::Bool(true) {
                return self.press(ENTER).await;
            }
            self.press(TAB).await;
        }
        panic!("Tab does not lead to {label}");
    }

    /// Presses keys.
    pub(super) async fn press(&self, keys: &str) {
        let each = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
        });
        let actions: Vec<_> = each.collect();
        let keyboard = json!({ "type": "key", "id": "keys", "actions": actions });
        self.tell("/actions", &json!({ "actions": [keyboard] })).await;
    }

    async fn tell(&self, what: &str, with: &Value) -> Value {
        self.send("POST", &format!("/session/{}{what}", self.session), with).await
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(&self.at).await.unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (at, length) = (&self.at, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {at}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, whole(stream)).await;
        let (head, body) = answer.expect("the driver answers some time");
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}{body}");
        serde_json::from_str::<Value>(&body).unwrap()["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser when it is asked to, and knows of no other way to end with it.
        if let Ok(mut stream) = std::net::TcpStream::connect(&self.at) {
            let (session, at) = (&self.session, &self.at);
            let request = format!(
                "DELETE /session/{session} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n"
            );
            stream.set_read_timeout(Some(Duration::from_secs(10))).ok();
            stream.write_all(request.as_bytes()).ok();
            // Whatever it answers, it has done so by then.
            let _answered = stream.read(&mut [0; 512]);
        }
        self.driver.kill().ok();
        self.driver.wait().ok();
    }
}

/// Reads an answer, as long as it says it is: the driver keeps connections, whatever it is asked.
async fn whole(stream: TcpStream) -> (String, String) {
    let mut stream = tokio::io::BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let begin = head.len();
        assert_ne!(stream.read_line(&mut head).await.unwrap(), 0, "the driver is gone: {head}");
        let line = head.split_at(begin).1.trim().to_ascii_lowercase();
        if let Some(count) = line.strip_prefix("content-length:") {
            length = count.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// Returns the folder in which Debian's packages are unpacked, or `/` where they are installed.
fn root() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "where the browser of tests is")]
    let told = std::env::var_os("PHOENIX_BROWSER").map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/browser");
    let root = told.unwrap_or(usual);
    if Path::new("/usr/bin/chromedriver").exists() {
        return PathBuf::from("/");
    }
    assert!(
        root.join("usr/bin/chromedriver").exists(),
        "there is no browser in {}: `cargo xtask browser` unpacks one",
        root.display()
    );
    root
}
