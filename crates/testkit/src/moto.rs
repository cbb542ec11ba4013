//! A moto server of a test's own: a double of AWS that others made, behind real HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a broken fixture should stop the test"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

const BY_HAND: &str = "`cargo xtask test` installs it; by hand: python3 -m venv target/tools/venv \
     && target/tools/venv/bin/pip install -r xtask/src/tools/moto.txt && mkdir -p target/tools/bin \
     && ln -s ../venv/bin/moto_server target/tools/bin/moto_server; elsewhere, name the program in \
     PHOENIX_MOTO_SERVER";

/// A running moto server. It is killed when this is dropped.
#[derive(Debug)]
pub struct Moto {
    child: Child,
    address: SocketAddr,
    region: &'static str,
    log: Option<JoinHandle<()>>,
}

impl Moto {
    /// Starts one; what is put into it is in this region.
    pub fn start(region: &'static str) -> Self {
        let program = program();
        #[expect(clippy::disallowed_methods, reason = "the server is a process")]
        let mut child = Command::new(&program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|err| panic!("cannot start {}: {err}; {BY_HAND}", program.display()));
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut heard = Vec::new();
        let address = said.by_ref().find_map(|line| {
            heard.push(line.clone());
            line.split_once("http://")?.1.split_whitespace().next()?.parse().ok()
        });
        let Some(address) = address else {
            drop(child.kill());
            panic!("moto did not start:\n{}\n{BY_HAND}", heard.join("\n"));
        };
        // What is not read would stop it some day.
        let log = Some(thread::spawn(move || said.for_each(drop)));
        Self { child, address, region, log }
    }

    /// Returns the address clients connect to.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a secret that is a text.
    pub fn create(&self, name: &str, value: &str) {
        self.call("CreateSecret", &json!({ "Name": name, "SecretString": value }));
    }

    /// Makes a secret of these bytes, in Base64.
    pub fn create_binary(&self, name: &str, base64: &str) {
        self.call("CreateSecret", &json!({ "Name": name, "SecretBinary": base64 }));
    }

    /// Gives a secret a new value; the one before becomes AWSPREVIOUS.
    pub fn rotate(&self, name: &str, value: &str) {
        self.call("PutSecretValue", &json!({ "SecretId": name, "SecretString": value }));
    }

    /// Marks a secret for deletion.
    pub fn delete(&self, name: &str) {
        self.call("DeleteSecret", &json!({ "SecretId": name, "RecoveryWindowInDays": 7 }));
    }

    fn call(&self, action: &str, body: &Value) {
        let body = body.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-amz-json-1.1\r\n\
             X-Amz-Target: secretsmanager.{action}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=AKIAEXAMPLE/20260101/{}/secretsmanager/aws4_request, SignedHeaders=host, \
             Signature=00\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            self.region,
            body.len(),
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{action}: {answer}");
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(self.log.take().map(JoinHandle::join));
    }
}

fn program() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test has no main to be handed this by")]
    let said = std::env::var_os("PHOENIX_MOTO_SERVER");
    match said {
        Some(path) => path.into(),
        // Where `cargo xtask test` installs it.
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/moto_server"),
    }
}
