//! Asks a Redis server by `PING`.

use phoenix_domain::health::{Found, Reason, Silence};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::excerpt;
use super::talk::Talk;
use super::way::Place;
use super::wire::{self, Trouble};

/// The longest answer to a `PING` is an explanation of a few lines.
const MOST: usize = 4 * 1024;

/// Says `PING`, without a password: who asks for one is there.
pub(super) async fn ask(talk: &mut Talk<'_>) -> Found {
    talk.asked = format!("PING to {}", talk.at);
    match wire::within(talk.pace.answer, ping(talk.line, talk.at)).await {
        Ok(answer) => {
            talk.came = excerpt::cut(&answer);
            judge(&answer)
        }
        Err(trouble) => talk.unanswered(&trouble),
    }
}

fn judge(answer: &str) -> Found {
    if answer.starts_with('+') {
        return Found::Serving;
    }
    let Some(error) = answer.strip_prefix('-') else { return Found::Silent(Silence::Broken) };
    match error.split_whitespace().next().unwrap_or_default() {
        "NOAUTH" | "NOPERM" => Found::Serving,
        "LOADING" => Found::Loading,
        // It says that what it holds cannot be saved, and takes nothing new.
        "MISCONF" => Found::Failing(Reason::DiskFull),
        "MASTERDOWN" => Found::Worse(Reason::UpstreamDown),
        "BUSY" => Found::Worse(Reason::Saturated),
        "DENIED" => Found::Unasked(Reason::ProbeAuth),
        _ if error.contains("max number of clients") => Found::Worse(Reason::Saturated),
        _ => Found::Failing(Reason::AnswersError),
    }
}

async fn ping(line: &mut Option<TcpStream>, at: Place<'_>) -> Result<String, Trouble> {
    if let Some(kept) = wire::kept(line) {
        match once(kept, line).await {
            Err(Trouble::HungUp) => {}
            answer => return answer,
        }
    }
    once(wire::connect(at).await?, line).await
}

async fn once(mut stream: TcpStream, line: &mut Option<TcpStream>) -> Result<String, Trouble> {
    // One that takes nobody in says why, and hangs up without reading.
    let sent = stream.write_all(b"PING\r\n").await;
    let mut heard = Vec::with_capacity(64);
    // What begins otherwise is somebody else, who may go on for ever.
    let is_foreign = |heard: &[u8]| !matches!(heard.first(), None | Some(b'+' | b'-'));
    while !heard.ends_with(b"\r\n") && !is_foreign(&heard) && heard.len() < MOST {
        match stream.read_buf(&mut heard).await {
            Ok(1..) => {}
            Ok(0) | Err(_) if heard.is_empty() => return Err(Trouble::HungUp),
            Ok(_) | Err(_) => break,
        }
    }
    if sent.is_ok() && heard.starts_with(b"+") {
        *line = Some(stream);
    }
    Ok(String::from_utf8_lossy(&heard).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_says_how_it_is_in_the_first_word() {
        for (answer, found) in [
            ("+PONG", Found::Serving),
            ("-NOAUTH Authentication required.", Found::Serving),
            ("-LOADING Redis is loading the dataset in memory", Found::Loading),
            (
                "-MISCONF Redis is configured to save RDB snapshots",
                Found::Failing(Reason::DiskFull),
            ),
            ("-ERR max number of clients reached", Found::Worse(Reason::Saturated)),
            ("-BUSY Redis is busy running a script.", Found::Worse(Reason::Saturated)),
            ("-MASTERDOWN Link with MASTER is down", Found::Worse(Reason::UpstreamDown)),
            ("-DENIED Redis is running in protected mode", Found::Unasked(Reason::ProbeAuth)),
            ("-ERR something", Found::Failing(Reason::AnswersError)),
            ("HTTP/1.1 400 Bad Request", Found::Silent(Silence::Broken)),
            ("", Found::Silent(Silence::Broken)),
        ] {
            assert_eq!(judge(answer), found, "{answer}");
        }
    }
}
