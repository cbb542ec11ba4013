//! What is behind a gateway, and those who ask: sockets, with nothing between that could buffer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use phoenix_testkit::lxc::LxcLab;

/// How long anything is waited for. No promise is about time: this only ends what would never end.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A server that answers in its own way by the end of the path:
///
/// * `/pieces`: an answer in two pieces, the second when it is told to go on
/// * `/weigh`: how many bytes the body had; it says when the first of them was there
/// * `/echo`: becomes a web socket, and says everything again
/// * `/login`: leads to `/home`, and sets a cookie
/// * anything else: the head of the request, as it arrived
pub(crate) struct Desk {
    go_on: Sender<()>,
    begun: Receiver<()>,
}

impl Desk {
    /// Opens one in the network of a lab. It ends with the test.
    pub(crate) fn open(lab: &LxcLab, at: &str) -> Self {
        let listener = lab.within(|| TcpListener::bind(at).unwrap());
        let (go_on, may_go) = channel();
        let (has_begun, begun) = channel();
        let may_go = Arc::new(Mutex::new(may_go));
        thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                let (may_go, has_begun) = (Arc::clone(&may_go), has_begun.clone());
                thread::spawn(move || serve(visitor, &may_go, &has_begun));
            }
        });
        Self { go_on, begun }
    }

    /// Has it say the second piece.
    pub(crate) fn go_on(&self) {
        self.go_on.send(()).unwrap();
    }

    /// Waits until it has begun to read a body.
    pub(crate) fn until_begun(&self) {
        self.begun.recv_timeout(PATIENCE).unwrap();
    }
}

/// Answers one request; a visitor that goes away is no news.
fn serve(mut visitor: TcpStream, may_go: &Mutex<Receiver<()>>, has_begun: &Sender<()>) {
    let head = until(&mut visitor, "\r\n\r\n");
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer = |more: &str, text: &str| {
        format!("HTTP/1.1 200 OK\r\n{more}Content-Length: {}\r\n\r\n{text}", text.len())
    };
    let _gone = if path.ends_with("/pieces") {
        let first = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n\
                     data: one\n\n";
        visitor.write_all(first.as_bytes()).and_then(|()| {
            // Who was not told has nothing more to say: the first piece never arrived.
            match may_go.lock().unwrap().recv_timeout(PATIENCE) {
                Ok(()) => visitor.write_all(b"data: two\n\n"),
                Err(_) => Ok(()),
            }
        })
    } else if path.ends_with("/weigh") {
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
        });
        let (mut weight, mut part) = (0, vec![0; 65536]);
        while weight < length.unwrap_or_default() {
            match visitor.read(&mut part) {
                Ok(0) | Err(_) => break,
                Ok(more) => {
                    if weight == 0 {
                        let _gone = has_begun.send(());
                    }
                    weight += more;
                }
            }
        }
        visitor.write_all(answer("", &weight.to_string()).as_bytes())
    } else if path.ends_with("/echo") && head.to_ascii_lowercase().contains("upgrade: websocket") {
        let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                      Connection: Upgrade\r\n\r\n";
        visitor.write_all(switch.as_bytes()).and_then(|()| {
            let mut word = [0; 5];
            loop {
                visitor.read_exact(&mut word)?;
                visitor.write_all(&word)?;
            }
        })
    } else if path.ends_with("/login") {
        let away = "HTTP/1.1 302 Found\r\nLocation: /home\r\nSet-Cookie: id=1; Path=/\r\n\
                    Content-Length: 0\r\n\r\n";
        visitor.write_all(away.as_bytes())
    } else {
        visitor.write_all(answer("", &head).as_bytes())
    };
}

/// Connects to a guest of a lab.
pub(crate) fn connect(lab: &LxcLab, to: &str) -> TcpStream {
    let to: SocketAddr = to.parse().unwrap();
    let stream = lab.within(|| TcpStream::connect_timeout(&to, PATIENCE).unwrap());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads until this was said, and returns all that was; less where the other side ends before.
pub(crate) fn until(stream: &mut TcpStream, end: &str) -> String {
    let (mut said, mut byte) = (Vec::new(), [0]);
    while !said.ends_with(end.as_bytes()) {
        match stream.read(&mut byte) {
            Ok(1) => said.push(byte[0]),
            Ok(_) | Err(_) => break,
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// Asks for a path of a host, and returns everything that is answered.
pub(crate) fn get(lab: &LxcLab, to: &str, host: &str, path: &str) -> String {
    let mut stream = connect(lab, to);
    let asked = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    String::from_utf8_lossy(&said).into_owned()
}
