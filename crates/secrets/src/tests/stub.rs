//! A stub of AWS Secrets Manager for what moto cannot answer: throttled, denied, broken, silent.
//!
//! It is no double: it knows no secret. It answers `GetSecretValue` with what a test gave it, in the
//! form of the real service (`x-amzn-ErrorType`, `__type`), one answer a request. Whatever is
//! asked otherwise, or once more than expected, is answered with 418 and fails the test.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

/// What it answers.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// An error of AWS: its code, what it says of it, and the status.
    Error(&'static str, &'static str, u16),
    /// A body with status 200, whatever it is.
    Body(String),
    /// Nothing, for as long as somebody waits.
    Silence,
}

impl Reply {
    pub(super) fn value(value: &str) -> Self {
        let name = "phoenix/x";
        let arn = format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-AbCdEf");
        Self::Body(
            json!({ "ARN": arn, "Name": name, "SecretString": value, "VersionStages": ["AWSCURRENT"] })
                .to_string(),
        )
    }
}

#[derive(Default)]
struct State {
    replies: VecDeque<Reply>,
    asked: usize,
    complaints: Vec<String>,
    silent: Vec<TcpStream>,
    ending: bool,
}

/// The stub. It ends when it is dropped, and complains of what it was not to be asked.
pub(super) struct Stub {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    server: Option<JoinHandle<()>>,
}

impl Stub {
    pub(super) fn answering(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { replies: replies.into_iter().collect(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let server = thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.lock().unwrap().ending {
                    return;
                }
                serve(stream.unwrap(), &shared);
            }
        });
        Self { address, state, server: Some(server) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns how often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.state.lock().unwrap().ending = true;
        // It sees the flag when somebody comes.
        drop(TcpStream::connect(self.address));
        drop(self.server.take().map(JoinHandle::join));
        let state = self.state.lock().unwrap();
        if !thread::panicking() {
            assert!(state.complaints.is_empty(), "{:?}", state.complaints);
            assert!(state.replies.is_empty(), "never asked for: {:?}", state.replies);
        }
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let request = read(&stream);
    let mut state = state.lock().unwrap();
    state.asked += 1;
    let reply = match request {
        Ok(()) => state.replies.pop_front().ok_or_else(|| "asked once more".to_owned()),
        Err(complaint) => Err(complaint),
    };
    let (status, header, body) = match reply {
        Ok(Reply::Error(code, message, status)) => {
            let body = json!({ "__type": code, "Message": message, "message": message });
            (status, format!("x-amzn-ErrorType: {code}\r\n"), body.to_string())
        }
        Ok(Reply::Body(body)) => (200, String::new(), body),
        Ok(Reply::Silence) => return state.silent.push(stream),
        Err(complaint) => {
            state.complaints.push(complaint);
            (418, String::new(), String::new())
        }
    };
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\n{header}\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len(),
    );
    // Who hung up meanwhile gets no answer.
    drop(stream.write_all(answer.as_bytes()));
}

/// Reads a request, and says what is wrong with it.
fn read(stream: &TcpStream) -> Result<(), String> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).map_err(|err| err.to_string())?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    let header = |name: &str| {
        head.iter()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.to_owned()))
            .unwrap_or_default()
    };
    let length = header("content-length").parse().unwrap_or_default();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).map_err(|err| err.to_string())?;
    let body: Value = serde_json::from_slice(&body).map_err(|err| err.to_string())?;
    let is_right = head.first().is_some_and(|line| line == "POST / HTTP/1.1")
        && header("content-type") == "application/x-amz-json-1.1"
        && header("x-amz-target") == "secretsmanager.GetSecretValue"
        && header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
        && header("authorization").contains("/eu-central-1/secretsmanager/aws4_request")
        && body["SecretId"].is_string()
        && body["VersionStage"] == "AWSCURRENT"
        && body.as_object().is_some_and(|body| body.len() == 2);
    if is_right { Ok(()) } else { Err(format!("no question of ours: {head:?} {body}")) }
}
