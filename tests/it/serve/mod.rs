//! The page in the browser, as the server gives it to one.

mod acts;
mod browser;
mod curl;
mod door;
pub(crate) mod hooks;
mod load;
mod many;
mod metrics;
mod news;
mod page;
mod picture;
mod played;
mod pushes;

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;

use phoenix_testkit::worker::{Start, Worker};

use crate::program::phoenix_program;
use crate::verbs::site::Site;

/// How long something may take that happens by itself.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A server of the page.
pub(crate) struct Served {
    server: Worker,
    pub(crate) at: String,
}

/// The news a page gets.
struct News {
    lines: Lines<BufReader<TcpStream>>,
    /// Of which kinds they were so far.
    kinds: Vec<String>,
}

/// An answer.
#[derive(Debug)]
struct Said {
    status: u16,
    head: String,
    body: String,
}

impl Said {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (is, value) = line.split_once(": ")?;
            is.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Served {
    async fn at(site: &Site, listen: &str) -> Self {
        Self::with(site, listen, &[]).await
    }

    async fn with(site: &Site, listen: &str, more: &[&str]) -> Self {
        Self::of(&site.inner.server.url(), &site.inner.folder("serve.log"), listen, more).await
    }

    /// Starts one for the NATS of this address.
    async fn of(url: &str, log: &Path, listen: &str, more: &[&str]) -> Self {
        let before = std::fs::read_to_string(log).unwrap_or_default().len();
        let arguments = ["serve", "--listen", listen, "--nats-url", url];
        let server = Start::new(&phoenix_program(), log).with(&arguments).with(more).go();
        let at = listens(&server, before).await;
        Self { server, at }
    }

    /// Starts one that refuses to serve, and returns how it ended and what it said.
    async fn refused(site: &Site, more: &[&str]) -> (Option<i32>, String) {
        let log = site.inner.folder("refused.log");
        std::fs::remove_file(&log).ok();
        let url = site.inner.server.url();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--nats-url", &url];
        let mut server = Start::new(&phoenix_program(), &log).with(&arguments).with(more).go();
        let ended = tokio::time::timeout(PATIENCE, server.ended()).await;
        (ended.expect("it ends by itself").code(), server.log())
    }

    /// Asks for something, by this name of the server, and returns the whole answer.
    async fn ask(&self, path: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(&self.at).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        whole(stream).await
    }

    /// Sends something, with these headers.
    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Said {
        self.post_text(path, headers, &body.to_string()).await
    }

    async fn post_text(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Said {
        let length = body.len().to_string();
        let more = [("Content-Type", "application/json"), ("Content-Length", &length)];
        let headers = [headers, &more].concat();
        let answer = self.send(&format!("POST {path}"), &headers, body).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Said { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Asks for something, with these headers.
    async fn with_headers(&self, path: &str, headers: &[(&str, &str)]) -> String {
        self.send(&format!("GET {path}"), headers, "").await
    }

    async fn send(&self, what: &str, headers: &[(&str, &str)], body: &str) -> String {
        let mut stream = TcpStream::connect(&self.at).await.unwrap();
        let headers = lines(headers);
        let request = format!(
            "{what} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n{body}",
            self.at
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        whole(stream).await
    }

    async fn get(&self, path: &str) -> String {
        self.ask(path, &self.at).await
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    async fn news(&self) -> News {
        self.news_with(&[]).await
    }

    async fn news_with(&self, headers: &[(&str, &str)]) -> News {
        let mut stream = TcpStream::connect(&self.at).await.unwrap();
        let headers = lines(headers);
        let request = format!("GET /api/v1/events HTTP/1.0\r\nHost: {}\r\n{headers}\r\n", self.at);
        stream.write_all(request.as_bytes()).await.unwrap();
        News { lines: BufReader::new(stream).lines(), kinds: Vec::new() }
    }
}

impl News {
    /// Waits for news of this kind that are like this; those before are passed over.
    async fn until(&mut self, kind: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            let mut is_of_kind = false;
            while let Some(line) = self.lines.next_line().await.unwrap() {
                if let Some(event) = line.strip_prefix("event: ") {
                    self.kinds.push(event.to_owned());
                    is_of_kind = event == kind;
                } else if let Some(data) = line.strip_prefix("data: ").filter(|_| is_of_kind) {
                    let news: Value = serde_json::from_str(data).unwrap();
                    if is_so(&news) {
                        return news;
                    }
                }
            }
            panic!("the server has ended");
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it is told some time")
    }

    async fn is_over(&mut self) {
        self.rest().await;
    }

    /// Waits until it is over, and returns what was still said.
    async fn rest(&mut self) -> String {
        let over = async {
            let mut rest = String::new();
            while let Ok(Some(line)) = self.lines.next_line().await {
                rest.push_str(&line);
                rest.push('\n');
            }
            rest
        };
        tokio::time::timeout(PATIENCE, over).await.expect("it is over some time")
    }
}

/// Returns where a server listens, as it says behind what stood in its log before.
pub(crate) async fn listens(server: &Worker, before: usize) -> String {
    let listens = async {
        loop {
            let said = server.log().split_off(before);
            if let Some((_, rest)) = said.split_once("http://") {
                break rest.split('/').next().unwrap().to_owned();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, listens).await.expect("it listens some time")
}

/// Asks the server that listens there for something, and returns that.
pub(crate) async fn json_of(at: &str, path: &str) -> Value {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = whole(stream).await;
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// Reads an answer to its end.
async fn whole(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    read.expect("the answer has an end").unwrap();
    answer
}

/// Writes headers as they are sent.
fn lines(headers: &[(&str, &str)]) -> String {
    let each = headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat());
    each.collect::<Vec<_>>().concat()
}

fn is_complete(guests: &Value) -> bool {
    let mut guests = guests.as_array().unwrap().iter();
    guests.any(|one| one["vmid"] == 950 && one["state"] == "completed")
}

#[tokio::test]
async fn a_page_is_told_everything_first_and_then_what_happens() {
    let site = Site::new().await;
    let _worker = site.worker();
    site.until_it_answers().await;
    let served = Served::at(&site, "127.0.0.1:0").await;
    let mut news = served.news().await;
    let first = news.until("all", |_| true).await;

    site.ok(&["submit", "950"]).await;

    assert_eq!(first["guests"], serde_json::json!([]));
    news.until("guests", is_complete).await;
    let done =
        news.until("happened", |told| told["vmid"] == 950 && told["kind"] == "completed").await;
    assert_eq!((&done["name"], &done["isBad"]), (&"app".into(), &false.into()));
    let all = served.json("/api/v1/state").await;
    assert_eq!(all["guests"].as_array().unwrap().len(), 4, "{all}");
    let history = served.json("/api/v1/guests/950/history").await;
    assert_eq!(history["events"][0]["kind"], "requested", "{history}");
}

#[tokio::test]
async fn a_server_that_was_killed_knows_everything_again_and_one_that_is_asked_to_end_does() {
    let (site, _worker) = Site::complete().await;
    let mut first = Served::at(&site, "127.0.0.1:0").await;
    let mut news = first.news().await;
    news.until("all", |all| is_complete(&all["guests"])).await;
    first.server.kill();
    news.is_over().await;

    let mut second = Served::at(&site, &first.at).await;
    let mut news = second.news().await;

    news.until("all", |all| is_complete(&all["guests"])).await;
    second.server.ask_to_end();
    assert!(second.server.ended().await.success());
    news.is_over().await;
}

#[tokio::test]
async fn nobody_reads_it_who_is_not_meant_to_and_a_browser_does_nothing_with_it_but_show_it() {
    let (site, _worker) = Site::complete().await;
    let served = Served::at(&site, "127.0.0.1:0").await;

    let page = served.get("/").await;
    let stranger = served.ask("/api/v1/state", "evil.example").await;
    let open = site.phoenix(&["serve", "--listen", "0.0.0.0:0"]).await;
    let unknown = served.get("/api/v1/guests/951/history").await;

    for said in ["script-src 'self'", "default-src 'none'", "nosniff", "frame-ancestors 'none'"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("<script>") && !page.contains("style="), "nothing inline: {page}");
    assert!(stranger.starts_with("HTTP/1.1 421 "), "{stranger}");
    assert!(!stranger.contains("gateway"), "{stranger}");
    assert_eq!(open.code, 64, "{open:?}");
    assert!(open.err.contains("--let-anybody-read"), "{open:?}");
    assert!(unknown.starts_with("HTTP/1.1 404 "), "{unknown}");
}
