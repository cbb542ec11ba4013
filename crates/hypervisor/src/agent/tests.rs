//! What is true whoever is behind the socket.

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::*;

/// What no question may take, whoever answers: far more than it should, and far less than for ever.
const BOUND: Duration = Duration::from_secs(50);

/// Something that is at the socket, and answers as it likes.
struct Stub {
    folder: TempDir,
}

impl Stub {
    fn new() -> (Self, UnixListener) {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("agent")).unwrap();
        (Self { folder }, listener)
    }

    /// Answers who asks to be heard, after saying this; and then what it is asked.
    fn answering(
        before: &'static [u8],
        answer: impl Fn(&Value) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let (stub, listener) = Self::new();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, before, &answer).await;
            }
        });
        stub
    }

    fn agent(&self) -> Agent {
        Agent::at(self.folder.path().join("agent")).patient(Duration::from_millis(500))
    }
}

async fn serve(mut stream: UnixStream, before: &[u8], answer: &impl Fn(&Value) -> Vec<u8>) {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).await.unwrap_or(0) > 0 {
        let text =
            String::from_utf8_lossy(line.strip_prefix(&[0xFF]).unwrap_or(&line)).into_owned();
        let asked: Value = serde_json::from_str(&text).unwrap();
        line.clear();
        let answer = if asked["execute"] == "guest-sync-delimited" {
            let id = asked["arguments"]["id"].clone();
            let sync = json!({ "return": id }).to_string();
            [before, &[0xFF], sync.as_bytes(), b"\n"].concat()
        } else {
            answer(&asked)
        };
        if write.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn said(value: &Value) -> Vec<u8> {
    format!("{}\n", json!({ "return": value })).into_bytes()
}

#[tokio::test]
async fn where_nobody_is_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent");
    let nobody = Agent::at(socket.clone()).ping().await;
    drop(UnixListener::bind(&socket).unwrap());
    let gone = Agent::at(socket).ping().await;

    for refused in [nobody, gone] {
        let err = refused.unwrap_err();
        assert!(matches!(err, AgentError::NotListening { .. }), "{err}");
        assert!(err.advice().unwrap().contains("--agent 1"));
    }
}

#[tokio::test]
async fn who_does_not_answer_is_silent_and_was_asked_for_nothing_but_to_listen() {
    let (stub, listener) = Stub::new();

    let asked = stub.agent().exec("/bin/sh", &["-c", "canary-1"], b"canary-2").await;

    assert!(matches!(asked, Err(AgentError::Silent { .. })), "{asked:?}");
    // It gave up; what it has sent is read by the agent all the same, later.
    let (mut late, _) = listener.accept().await.unwrap();
    let mut bytes = Vec::new();
    late.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("guest-sync-delimited"), "{text}");
    assert!(!text.contains("guest-exec") && !text.contains("canary"), "{text}");
}

#[tokio::test]
async fn answers_to_others_are_skipped() {
    let stale = b"{\"return\": {\"pid\": 666}}\n{\"error\": {\"class\": \"GenericError\", \
        \"desc\": \"JSON parse error\"}}\n\xFF{\"return\": 12}\n\xFF{\"error\": {}}\n{\"return\": 1}\n";
    let stub = Stub::answering(stale, |_| said(&json!({ "pid": 7 })));

    let pid = stub.agent().exec("/bin/true", &[], b"").await.unwrap();

    assert_eq!(pid, Pid(7));
}

#[tokio::test]
async fn what_an_agent_lost_that_was_killed_is_said_again_and_the_last_answer_counts() {
    let (stub, listener) = Stub::new();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.split();
        let mut lines = BufReader::new(read).split(b'\n');
        let mut asked = Vec::new();
        while let Ok(Some(line)) = lines.next_segment().await {
            asked.push(
                serde_json::from_slice::<Value>(line.strip_prefix(&[0xFF]).unwrap_or(&line))
                    .unwrap(),
            );
            // The first is answered late, just before the second.
            let [first, second] = &asked[..] else { continue };
            for one in [first, second] {
                let id = json!({ "return": one["arguments"]["id"] }).to_string();
                let answer = [b"{\"error\": {}}\n\xFF", id.as_bytes(), b"\n"].concat();
                write.write_all(&answer).await.unwrap();
            }
            let pid = lines.next_segment().await.unwrap().unwrap();
            assert!(String::from_utf8_lossy(&pid).contains("guest-exec"));
            write.write_all(&said(&json!({ "pid": 7 }))).await.unwrap();
        }
    });

    let agent = stub.agent().patient(Duration::from_secs(30));
    let pid = agent.exec("/bin/true", &[], b"").await.unwrap();

    assert_eq!(pid, Pid(7));
}

#[tokio::test]
async fn who_says_more_than_there_can_be_is_cut_off() {
    // Without an end, before or after it has agreed to listen.
    let (early, listener) = Stub::new();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        while stream.write_all(&vec![b'x'; 1 << 16]).await.is_ok() {}
    });
    let early = early.agent().patient(Duration::from_secs(40));
    let late = Stub::answering(b"", |_| vec![b'x'; 2 << 20]);

    let early = timeout(BOUND, early.ping()).await.unwrap();
    let late = timeout(BOUND, late.agent().addresses()).await.unwrap();

    assert!(matches!(early, Err(AgentError::Garbled { .. })), "{early:?}");
    assert!(matches!(late, Err(AgentError::Garbled { .. })), "{late:?}");
}

#[tokio::test]
async fn who_never_comes_to_an_end_is_given_up() {
    let (stub, listener) = Stub::new();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // Something each time before patience ends, and never what was asked for.
        while stream.write_all(b"\xFF{\"return\": 1}\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });

    let asked = timeout(BOUND, stub.agent().ping()).await.unwrap();

    assert!(matches!(asked, Err(AgentError::Silent { .. })), "{asked:?}");
}

#[tokio::test]
async fn who_hangs_up_is_gone() {
    let (stub, listener) = Stub::new();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });

    let asked = stub.agent().ping().await;

    assert!(matches!(asked, Err(AgentError::Gone { .. })), "{asked:?}");
}

#[tokio::test]
async fn nonsense_is_called_so_and_not_repeated() {
    for answer in [
        &b"canary\n"[..],
        b"[]\n",
        b"{}\n",
        b"{\"return\": \"canary\"}\n",
        b"{\"return\": {\"pid\": \"canary\"}}\n",
        b"{\"return\": {\"pid\": 99999999999999999999}}\n",
        b"\xC3\x28\n",
    ] {
        let stub = Stub::answering(b"", move |_| answer.to_vec());

        let err = stub.agent().exec("/bin/true", &[], b"").await.unwrap_err();

        assert!(matches!(err, AgentError::Garbled { .. }), "{err}");
        assert!(!format!("{err} {err:?}").contains("canary"), "{err:?}");
    }
}

#[tokio::test]
async fn what_a_program_is_given_to_read_is_in_no_error() {
    let canary = "canary-correct-horse";
    for is_encoded in [false, true] {
        let stub = Stub::answering(b"", move |asked| {
            let encoded = asked["arguments"]["input-data"].as_str().unwrap().to_owned();
            let words = if is_encoded { encoded } else { canary.to_owned() };
            let desc = format!("JSON parse error, stray '{words}'");
            let error = json!({ "class": words, "desc": desc });
            format!("{}\n", json!({ "error": error })).into_bytes()
        });

        let err = stub.agent().exec("/bin/sh", &[], canary.as_bytes()).await.unwrap_err();

        let shown = format!("{err} {err:?}");
        assert!(matches!(err, AgentError::Refused { .. }), "{shown}");
        assert!(!shown.contains("canary") && !shown.contains(&words::encode(b"canary-correct")));
    }
}

#[tokio::test]
async fn a_file_is_closed_again_and_no_more_is_taken_of_it_than_asked_for() {
    let (tell, told) = std::sync::mpsc::channel();
    let stub = Stub::answering(b"", move |asked| {
        tell.send(asked["execute"].as_str().unwrap().to_owned()).unwrap();
        match asked["execute"].as_str() {
            Some("guest-file-open") => said(&json!(4)),
            // It never ends, whatever is asked for.
            Some("guest-file-read") => {
                let count = usize::try_from(asked["arguments"]["count"].as_u64().unwrap()).unwrap();
                said(
                    &json!({ "count": count, "buf-b64": words::encode(&vec![b'x'; count]), "eof": false }),
                )
            }
            _ => said(&json!({})),
        }
    });

    let bytes = stub.agent().read("/var/log/endless", 3, PIECE + 5).await.unwrap().unwrap();

    assert_eq!(bytes.len(), PIECE + 5);
    let asked: Vec<_> = told.try_iter().collect();
    let read = "guest-file-read";
    assert_eq!(asked, ["guest-file-open", "guest-file-seek", read, read, "guest-file-close"]);
}

#[tokio::test]
async fn an_agent_that_obeys_shuts_down_without_a_word_and_one_that_does_not_says_so() {
    let obeys = Stub::answering(b"", |_| Vec::new());
    let refuses = Stub::answering(b"", |_| {
        b"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Command guest-shutdown has been disabled\"}}\n"
            .to_vec()
    });

    obeys.agent().shutdown().await.unwrap();
    let said_no = refuses.agent().shutdown().await.unwrap_err();

    assert!(said_no.advice().unwrap().contains("block-rpcs"), "{said_no}");
}

#[tokio::test]
async fn what_ended_does_not_show_what_it_printed() {
    let stub = Stub::answering(b"", |_| {
        said(&json!({ "exited": true, "exitcode": 0, "out-data": words::encode(b"canary") }))
    });

    let ended = stub.agent().ended(Pid(1)).await.unwrap().unwrap();

    assert_eq!(ended.stdout, b"canary");
    assert!(!format!("{ended:?}").contains(&format!("{:?}", b"canary")), "{ended:?}");
}
