//! The agent: lines of JSON over a socket, one client at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustix::process::{Pid, WaitOptions, waitpid};
use serde_json::{Value, json};

use crate::die::Outcome;
use crate::process::{program, wait};

/// How often it is looked whether the machine is to end, in milliseconds.
const LOOK_MS: u64 = 100;

/// A program that was started.
struct Started {
    child: Child,
    out: Option<JoinHandle<Vec<u8>>>,
    err: Option<JoinHandle<Vec<u8>>>,
}

/// What the agent holds.
#[derive(Default)]
struct Agent {
    address: Option<String>,
    programs: BTreeMap<u32, Started>,
    files: BTreeMap<i64, File>,
    is_to_end: bool,
}

/// Answers until the machine is to end. Where there is no agent, whoever asks is let in all the same
/// and hears nothing, as the socket is QEMU's.
pub(in crate::qm) fn serve(
    listener: &UnixListener,
    address: Option<String>,
    has_agent: bool,
    is_wanted: impl Fn() -> bool,
) -> Outcome<()> {
    let mut agent = Agent { address, ..Agent::default() };
    while is_wanted() && !agent.is_to_end {
        agent.bury();
        if !wait(&[listener.as_fd()], Some(LOOK_MS))?.contains(&true) {
            continue;
        }
        let (client, _) = listener.accept()?;
        // A client that hangs is not to hold a machine that is to end.
        client.set_read_timeout(Some(std::time::Duration::from_millis(LOOK_MS)))?;
        // Who hangs up in the middle has; the next one may come.
        agent.talk(&client, has_agent, &is_wanted).ok();
    }
    Ok(())
}

impl Agent {
    fn talk(
        &mut self,
        client: &UnixStream,
        has_agent: bool,
        is_wanted: &impl Fn() -> bool,
    ) -> io::Result<()> {
        let mut lines = BufReader::new(client);
        let mut line = Vec::new();
        while is_wanted() && !self.is_to_end {
            self.bury();
            match lines.read_until(b'\n', &mut line) {
                Ok(0) => return Ok(()),
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => continue,
                Err(err) => return Err(err),
                Ok(_) if !line.ends_with(b"\n") => continue,
                Ok(_) => {}
            }
            let said = std::mem::take(&mut line);
            if !has_agent {
                continue;
            }
            // What a client before has left begins nothing: a 0xFF resets the parser.
            let said = said.rsplit(|byte| *byte == 0xff).next().unwrap_or_default();
            let Ok(question) = serde_json::from_slice::<Value>(said) else {
                reply(client, false, &refused("GenericError", "Invalid JSON syntax"))?;
                continue;
            };
            let command = question.get("execute").and_then(Value::as_str).unwrap_or_default();
            let words = question.get("arguments").cloned().unwrap_or_else(|| json!({}));
            let is_delimited = command == "guest-sync-delimited";
            let answer = self.answer(command, &words);
            if command == "guest-shutdown" {
                continue;
            }
            let answer = answer.map_or_else(
                |err| refused("GenericError", &err.to_string()),
                |value| json!({ "return": value }),
            );
            reply(client, is_delimited, &answer)?;
        }
        Ok(())
    }

    fn answer(&mut self, command: &str, words: &Value) -> io::Result<Value> {
        let number = |key: &str| words.get(key).and_then(Value::as_i64).unwrap_or_default();
        let text = |key: &str| words.get(key).and_then(Value::as_str).unwrap_or_default();
        match command {
            "guest-sync" | "guest-sync-delimited" => {
                Ok(words.get("id").cloned().unwrap_or_default())
            }
            "guest-ping" => Ok(json!({})),
            "guest-shutdown" => {
                self.is_to_end = true;
                Ok(json!({}))
            }
            "guest-exec" => self.exec(words),
            "guest-exec-status" => self.status(number("pid")),
            "guest-file-open" => {
                let path = text("path");
                let file = File::open(path).map_err(|err| {
                    io::Error::other(format!(
                        "failed to open file '{path}' (mode: 'r'): {}",
                        crate::attach::reason(&err)
                    ))
                })?;
                let handle = self.files.keys().next_back().map_or(1000, |last| last + 1);
                self.files.insert(handle, file);
                Ok(json!(handle))
            }
            "guest-file-seek" => {
                let offset = u64::try_from(number("offset")).unwrap_or_default();
                let at = self.file(number("handle"))?.seek(SeekFrom::Start(offset))?;
                Ok(json!({ "position": at, "eof": false }))
            }
            "guest-file-read" => {
                let count = u64::try_from(number("count")).unwrap_or(4096);
                let mut bytes = Vec::new();
                let file = self.file(number("handle"))?;
                file.take(count).read_to_end(&mut bytes)?;
                let is_end = u64::try_from(bytes.len()).is_ok_and(|read| read < count);
                Ok(
                    json!({ "count": bytes.len(), "buf-b64": BASE64_STANDARD.encode(&bytes), "eof": is_end }),
                )
            }
            "guest-file-close" => {
                self.files.remove(&number("handle"));
                Ok(json!({}))
            }
            "guest-network-get-interfaces" => {
                let lo = json!({ "name": "lo", "ip-addresses":
                    [{ "ip-address-type": "ipv4", "ip-address": "127.0.0.1", "prefix": 8 }] });
                let own = self.address.iter().map(|address| {
                    json!({ "name": "ens18", "ip-addresses":
                    [{ "ip-address-type": "ipv4", "ip-address": address, "prefix": 24 }] })
                });
                Ok(Value::Array(std::iter::once(lo).chain(own).collect()))
            }
            other => Err(io::Error::other(format!("The command {other} has not been found"))),
        }
    }

    fn file(&mut self, handle: i64) -> io::Result<&mut File> {
        let missing = || io::Error::other(format!("handle '{handle}' has not been found"));
        self.files.get_mut(&handle).ok_or_else(missing)
    }

    fn exec(&mut self, words: &Value) -> io::Result<Value> {
        let path = words.get("path").and_then(Value::as_str).unwrap_or_default();
        let list = words.get("arg").and_then(Value::as_array).cloned().unwrap_or_default();
        let input = words.get("input-data").and_then(Value::as_str).unwrap_or_default();
        let input = BASE64_STANDARD.decode(input).map_err(io::Error::other)?;
        let mut command = program(path);
        command.args(list.iter().filter_map(Value::as_str)).env_clear();
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).spawn().map_err(|err| {
            io::Error::other(format!("Guest agent command failed, error was 'Failed to execute child process \u{201c}{path}\u{201d} ({})'", crate::attach::reason(&err)))
        })?;
        if let Some(mut stdin) = child.stdin.take() {
            std::thread::spawn(move || drop(stdin.write_all(&input)));
        }
        let out = child.stdout.take().map(collected);
        let err = child.stderr.take().map(collected);
        let pid = child.id();
        self.programs.insert(pid, Started { child, out, err });
        Ok(json!({ "pid": pid }))
    }

    fn status(&mut self, pid: i64) -> io::Result<Value> {
        let missing = || io::Error::other("Invalid parameter 'pid'");
        let pid = u32::try_from(pid).map_err(|_| missing())?;
        let started = self.programs.get_mut(&pid).ok_or_else(missing)?;
        let Some(status) = started.child.try_wait()? else { return Ok(json!({ "exited": false })) };
        // What it has started may hold its output open: the real agent waits for the end of that too.
        let is_open = |thread: &Option<JoinHandle<_>>| {
            thread.as_ref().is_some_and(|thread: &JoinHandle<Vec<u8>>| !thread.is_finished())
        };
        if is_open(&started.out) || is_open(&started.err) {
            return Ok(json!({ "exited": false }));
        }
        let Some(started) = self.programs.remove(&pid) else { return Err(missing()) };
        let text = |thread: Option<JoinHandle<Vec<u8>>>| {
            let bytes = thread.and_then(|thread| thread.join().ok()).unwrap_or_default();
            BASE64_STANDARD.encode(bytes)
        };
        let mut answer = json!({
            "exited": true, "out-data": text(started.out), "err-data": text(started.err),
        });
        let (key, value) = match (status.code(), status.signal()) {
            (Some(code), _) => ("exitcode", code),
            (None, signal) => ("signal", signal.unwrap_or_default()),
        };
        if let Some(members) = answer.as_object_mut() {
            members.insert(key.to_owned(), json!(value));
        }
        Ok(answer)
    }

    /// Takes in those whose parents have ended: this process is the first of its machine.
    fn bury(&mut self) {
        let children = std::fs::read_to_string("/proc/1/task/1/children").unwrap_or_default();
        for pid in children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()) {
            if self.programs.contains_key(&pid) {
                continue;
            }
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                waitpid(Some(pid), WaitOptions::NOHANG).ok();
            }
        }
    }
}

fn collected(mut pipe: impl io::Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(pipe.read_to_end(&mut bytes));
        bytes
    })
}

fn refused(class: &str, description: &str) -> Value {
    json!({ "error": { "class": class, "desc": description } })
}

fn reply(mut client: &UnixStream, is_delimited: bool, answer: &Value) -> io::Result<()> {
    let mut text = Vec::new();
    if is_delimited {
        text.push(0xff);
    }
    text.extend(answer.to_string().into_bytes());
    text.push(b'\n');
    client.write_all(&text)
}
