//! As much of HTTP/1.1 as it takes to ask one question after the other on a connection that is kept.
//!
//! Ten thousand connections are kept at once, so one that waits for its next question holds nothing but
//! its socket: what is read goes into a buffer that lives as long as the answer.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::way::Place;
use super::wire::{self, Trouble};

/// The head of an answer is never larger.
const HEAD: usize = 16 * 1024;
/// What is read at once where nobody says how much there is.
const PIECE: usize = 4 * 1024;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Sends a question and reads the answer, `most` bytes of it. A connection that was closed between two
/// questions says nothing about the service: then the same is asked once more on a new one.
pub(super) async fn exchange(
    line: &mut Option<TcpStream>,
    at: Place<'_>,
    question: &[u8],
    most: usize,
) -> Result<Answer, Trouble> {
    if let Some(kept) = wire::kept(line) {
        match once(kept, line, question, most).await {
            Err(Trouble::HungUp) => {}
            answer => return answer,
        }
    }
    once(wire::connect(at).await?, line, question, most).await
}

/// Keeps the connection only if it is good for another question.
async fn once(
    mut stream: TcpStream,
    line: &mut Option<TcpStream>,
    question: &[u8],
    most: usize,
) -> Result<Answer, Trouble> {
    // Who refuses a request may answer before all of it is sent; so what counts is what is read.
    let sent = stream.write_all(question).await;
    let mut text = Vec::with_capacity(1024);
    let (answer, keep) = match read(&mut stream, &mut text, most).await {
        Err(Trouble::HungUp) => return Err(Trouble::HungUp),
        Err(_) if sent.is_err() => return Err(Trouble::HungUp),
        other => other?,
    };
    if keep == Keep::Yes && sent.is_ok() {
        *line = Some(stream);
    }
    Ok(answer)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    Yes,
    No,
}

/// How an answer says where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    After(usize),
    WithAnEmptyChunk,
    WithTheConnection,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    length: usize,
    status: u16,
    ends: Ends,
    keep: Keep,
}

/// Reads an answer. What was heard before may already be the beginning of it.
async fn read(
    stream: &mut TcpStream,
    text: &mut Vec<u8>,
    most: usize,
) -> Result<(Answer, Keep), Trouble> {
    let head = loop {
        match parse(text)? {
            Some(head) if head.status < 200 => drop(text.drain(..head.length)),
            Some(head) => break head,
            None if text.len() > HEAD => return Err(Trouble::Broken("its answer has no end")),
            None => {
                if more(stream, text, PIECE).await? == 0 {
                    return Err(match text.as_slice() {
                        [] => Trouble::HungUp,
                        [..] => Trouble::Broken("it hung up in the middle of its answer"),
                    });
                }
            }
        }
    };
    let status = head.status;
    let (body, keep) = match head.ends {
        Ends::After(length) => sized(stream, text, head, length, most).await?,
        Ends::WithAnEmptyChunk => chunked(stream, text, head, most).await?,
        Ends::WithTheConnection => {
            text.drain(..head.length);
            while text.len() < most && more(stream, text, PIECE).await? > 0 {}
            text.truncate(most);
            (std::mem::take(text), Keep::No)
        }
    };
    Ok((Answer { status, body }, keep))
}

async fn sized(
    stream: &mut TcpStream,
    text: &mut Vec<u8>,
    head: Head,
    length: usize,
    most: usize,
) -> Result<(Vec<u8>, Keep), Trouble> {
    let wanted = head.length + length.min(most);
    while text.len() < wanted {
        let missing = wanted - text.len();
        if more(stream, text, missing).await? == 0 {
            return Err(Trouble::Broken("it hung up in the middle of its answer"));
        }
    }
    // More than there should be belongs to nothing that was asked.
    let is_whole = length <= most && text.len() == wanted;
    text.truncate(wanted);
    text.drain(..head.length);
    Ok((std::mem::take(text), if is_whole { head.keep } else { Keep::No }))
}

async fn chunked(
    stream: &mut TcpStream,
    text: &mut Vec<u8>,
    head: Head,
    most: usize,
) -> Result<(Vec<u8>, Keep), Trouble> {
    const UNREADABLE: Trouble = Trouble::Broken("its answer comes in chunks that have no size");
    let mut body = Vec::new();
    let mut at = head.length;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let size = httparse::parse_chunk_size(rest).map_err(|_| UNREADABLE)?;
        if let httparse::Status::Complete((begin, size)) = size {
            let size = usize::try_from(size).map_err(|_| UNREADABLE)?;
            if size == 0 {
                // What may follow the last chunk is not waited for; mostly it is an empty line.
                let is_over = rest.get(begin..) == Some(b"\r\n");
                return Ok((body, if is_over { head.keep } else { Keep::No }));
            }
            let room = most - body.len();
            let end = begin + size.min(room);
            if let Some(chunk) = rest.get(begin..end)
                && (size > room || rest.len() >= end + 2)
            {
                body.extend_from_slice(chunk);
                if body.len() == most {
                    return Ok((body, Keep::No));
                }
                at += end + 2;
                continue;
            }
        }
        // What was understood is not held a second time.
        text.drain(..at);
        at = 0;
        if text.len() > most + HEAD || more(stream, text, PIECE).await? == 0 {
            return Err(Trouble::Broken("it hung up in the middle of its answer"));
        }
    }
}

/// Reads what there is, with room for this much.
async fn more(stream: &mut TcpStream, text: &mut Vec<u8>, room: usize) -> Result<usize, Trouble> {
    if text.capacity() - text.len() < room.min(PIECE) {
        text.reserve(room);
    }
    stream.read_buf(text).await.map_err(|_| match text.as_slice() {
        [] => Trouble::HungUp,
        [..] => Trouble::Broken("the connection was cut in the middle of its answer"),
    })
}

fn parse(text: &[u8]) -> Result<Option<Head>, Trouble> {
    const NO_ANSWER: Trouble = Trouble::Broken("what came is not HTTP");
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = answer.parse(text).map_err(|_| NO_ANSWER)? else {
        return Ok(None);
    };
    let (Some(status), Some(version)) = (answer.code, answer.version) else {
        return Err(NO_ANSWER);
    };
    let mut keep = if version == 0 { Keep::No } else { Keep::Yes };
    let mut ends = Ends::WithTheConnection;
    for header in answer.headers.iter() {
        let value = str::from_utf8(header.value).unwrap_or_default().trim();
        if header.name.eq_ignore_ascii_case("content-length") && ends != Ends::WithAnEmptyChunk {
            ends = Ends::After(value.parse().map_err(|_| NO_ANSWER)?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            ends = Ends::WithAnEmptyChunk;
        } else if header.name.eq_ignore_ascii_case("connection") {
            if value.eq_ignore_ascii_case("close") {
                keep = Keep::No;
            } else if value.eq_ignore_ascii_case("keep-alive") {
                keep = Keep::Yes;
            }
        }
    }
    if matches!(status, 100..=199 | 204 | 304) {
        ends = Ends::After(0);
    }
    Ok(Some(Head { length, status, ends, keep }))
}

/// Goes on reading an answer of which a part was heard; returns it once it is whole. Whoever stops
/// waiting loses nothing.
pub(super) async fn go_on(
    stream: &mut TcpStream,
    text: &mut Vec<u8>,
    most: usize,
) -> Result<Answer, Trouble> {
    loop {
        if let Some(head) = parse(text)? {
            let body = text.get(head.length..).unwrap_or_default();
            let is_whole = match head.ends {
                Ends::After(length) => body.len() >= length.min(most),
                Ends::WithAnEmptyChunk => body.ends_with(b"0\r\n\r\n"),
                Ends::WithTheConnection => false,
            };
            if is_whole || body.len() >= most {
                return Ok(Answer { status: head.status, body: body.to_vec() });
            }
        }
        if text.len() > most + HEAD {
            return Err(Trouble::Broken("its answer has no end"));
        }
        if more(stream, text, PIECE).await? == 0 {
            return Err(Trouble::HungUp);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::super::way::Way;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Answers each connection with one of these, piece by piece, and then hangs up.
    async fn served(answers: &'static [&'static [&'static [u8]]]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for pieces in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                for piece in *pieces {
                    let mut asked = [0; 4];
                    if stream.read(&mut asked).await.unwrap_or(0) == 0 {
                        break;
                    }
                    stream.write_all(piece).await.unwrap();
                }
            }
        });
        at
    }

    async fn ask(at: SocketAddr, line: &mut Option<TcpStream>, most: usize) -> String {
        match timeout(PATIENCE, exchange(line, Place { at, way: &Way::Here }, b"ask\n", most))
            .await
            .unwrap()
        {
            Ok(answer) => {
                let kept = if line.is_some() { "kept" } else { "closed" };
                format!("{} {} {kept}", answer.status, String::from_utf8_lossy(&answer.body))
            }
            Err(trouble) => trouble.words(),
        }
    }

    #[tokio::test]
    async fn an_answer_ends_where_it_says() {
        for (answer, most, understood) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"[..], 64, "200 ok kept"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlong", 2, "200 lo closed"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokmore", 64, "200 ok closed"),
            (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 64, "200 ok closed"),
            (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok", 64, "200 ok closed"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", 64, "204  kept"),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", 64, "503  kept"),
            (
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n",
                64,
                "200 ok! kept",
            ),
            (
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nlong\r\n0\r\n\r\n",
                2,
                "200 lo closed",
            ),
            (b"+PONG\r\n", 64, "what came is not HTTP"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", 64, "it hung up in the middle of its answer"),
        ] {
            let pieces: &'static [&'static [u8]] = Box::leak(Box::new([answer]));
            let at = served(Box::leak(Box::new([pieces]))).await;

            assert_eq!(ask(at, &mut None, most).await, understood);
        }
    }

    #[tokio::test]
    async fn a_connection_closed_between_two_questions_is_made_anew() {
        const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        // The second question reaches a server that reads it, and hangs up.
        let at = served(&[&[OK, b""], &[OK]]).await;
        let mut line = None;

        let first = ask(at, &mut line, 64).await;
        let second = ask(at, &mut line, 64).await;

        assert_eq!((first.as_str(), second.as_str()), ("200 ok kept", "200 ok kept"));
    }

    #[tokio::test]
    async fn who_hangs_up_on_a_new_connection_is_not_asked_for_ever() {
        let at = served(&[&[b""], &[b""]]).await;

        let words = ask(at, &mut None, 64).await;

        assert_eq!(words, "it hung up without an answer");
    }
}
