//! Asks a PostgreSQL server for entry, without a password.

use phoenix_domain::health::{Found, Reason};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::excerpt;
use super::talk::Talk;
use super::wire::{self, Trouble};

/// Version 3.0, who, and where to: the user and the database every server has.
const START: &[u8] = b"\0\0\0\x51\0\x03\0\0user\0postgres\0database\0postgres\0application_name\0phoenix-health-monitor\0\0";
/// Goodbye.
const END: &[u8] = b"X\0\0\0\x04";
/// A message to somebody who may not come in is never longer.
const MOST: usize = 16 * 1024;

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    /// It wants a password, so it is there. Whether it has its data it tells nobody else.
    Password,
    /// It lets anybody in, and is ready for what they want.
    Ready,
    /// It refuses.
    Refused { code: String, words: String, has_detail: bool },
}

/// Asks for entry, and leaves.
pub(super) async fn ask(talk: &mut Talk<'_>) -> Found {
    talk.asked = format!("entry to postgres at {}", talk.at);
    match wire::within(talk.pace.answer, enter(talk)).await {
        Ok(said) => {
            let found = judge(&said);
            talk.came = match said {
                Said::Password => "it asks for a password".to_owned(),
                Said::Ready => "ready for queries".to_owned(),
                Said::Refused { code, words, .. } => {
                    talk.excerpt = excerpt::cut(&words);
                    format!("refused with {code}")
                }
            };
            found
        }
        Err(trouble) => talk.unanswered(&trouble),
    }
}

fn judge(said: &Said) -> Found {
    let Said::Refused { code, has_detail, .. } = said else { return Found::Serving };
    match (code.as_str(), has_detail) {
        // Who is not let in has been answered. It is the same with a database that is not there, but
        // for one whose files are not there: that has a detail.
        ("28000" | "28P01", _) | ("3D000", false) => Found::Serving,
        ("57P03", _) => Found::Loading,
        ("53300", _) => Found::Worse(Reason::Saturated),
        ("53100", _) => Found::Failing(Reason::DiskFull),
        ("3D000", true) | ("58P01" | "XX001" | "XX002", _) => Found::Failing(Reason::DataMissing),
        _ => Found::Failing(Reason::AnswersError),
    }
}

async fn enter(talk: &Talk<'_>) -> Result<Said, Trouble> {
    let mut stream = wire::connect(talk.at).await?;
    // A server that has no room answers before it reads.
    let sent = stream.write_all(START).await;
    let mut heard = Vec::with_capacity(512);
    let said = loop {
        if let Some(said) = understand(&heard)? {
            break said;
        }
        match stream.read_buf(&mut heard).await {
            Ok(1..) if heard.len() <= MOST => {}
            Ok(0) | Err(_) if heard.is_empty() => return Err(Trouble::HungUp),
            Ok(_) | Err(_) => {
                return Err(Trouble::Broken("it hung up in the middle of its answer"));
            }
        }
    };
    if said == Said::Ready && sent.is_ok() {
        // It would note in its log that somebody left without a word.
        stream.write_all(END).await.ok();
    }
    Ok(said)
}

/// Reads messages up to the one that says how it is.
fn understand(mut heard: &[u8]) -> Result<Option<Said>, Trouble> {
    const NO_ANSWER: Trouble = Trouble::Broken("what came is not PostgreSQL");
    while let Some((&kind, rest)) = heard.split_first() {
        if !matches!(kind, b'R' | b'E' | b'N' | b'S' | b'K' | b'Z' | b'v') {
            return Err(NO_ANSWER);
        }
        let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let length = length.checked_sub(4).filter(|&length| length <= MOST).ok_or(NO_ANSWER)?;
        let Some((message, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        match kind {
            b'R' if message != [0, 0, 0, 0] => return Ok(Some(Said::Password)),
            b'Z' => return Ok(Some(Said::Ready)),
            b'E' => return Ok(Some(refusal(message))),
            _ => heard = rest,
        }
    }
    Ok(None)
}

/// Fields of a letter and a text each.
fn refusal(message: &[u8]) -> Said {
    let (mut code, mut words, mut has_detail) = (String::new(), String::new(), false);
    for field in message.split(|&byte| byte == 0) {
        let Some((&name, text)) = field.split_first() else { continue };
        let text = String::from_utf8_lossy(text);
        match name {
            b'C' => code = text.into_owned(),
            b'M' => words = text.into_owned(),
            b'D' => has_detail = true,
            _ => {}
        }
    }
    Said::Refused { code, words, has_detail }
}

#[cfg(test)]
mod tests {
    use phoenix_domain::health::Silence;

    use super::*;

    fn message(kind: u8, text: &[u8]) -> Vec<u8> {
        let length = u32::try_from(text.len() + 4).unwrap().to_be_bytes();
        [&[kind], length.as_slice(), text].concat()
    }

    fn judged(code: &str, has_detail: bool) -> Found {
        let detail = if has_detail { "Dmore\0" } else { "" };
        let text = format!("SFATAL\0C{code}\0Mwhy\0{detail}\0");
        judge(&understand(&message(b'E', text.as_bytes())).unwrap().unwrap())
    }

    #[test]
    fn the_start_says_how_long_it_is() {
        assert_eq!(usize::from(START[3]), START.len());
    }

    #[test]
    fn who_asks_for_a_password_is_there() {
        for kind in [3, 5, 10] {
            let said = understand(&message(b'R', &[0, 0, 0, kind])).unwrap();
            assert_eq!(said, Some(Said::Password));
        }
    }

    #[test]
    fn who_lets_anybody_in_has_to_get_ready_too() {
        let mut heard = message(b'R', &[0, 0, 0, 0]);
        heard.extend(message(b'S', b"server_version\x0015.18\0"));
        assert_eq!(understand(&heard).unwrap(), None);

        let ready = [heard.clone(), message(b'Z', b"I")].concat();
        assert_eq!(understand(&ready).unwrap(), Some(Said::Ready));
    }

    #[test]
    fn a_refusal_says_why_by_its_code() {
        for (code, has_detail, found) in [
            ("28000", false, Found::Serving),
            ("28P01", false, Found::Serving),
            ("3D000", false, Found::Serving),
            ("3D000", true, Found::Failing(Reason::DataMissing)),
            ("58P01", false, Found::Failing(Reason::DataMissing)),
            ("57P03", true, Found::Loading),
            ("53300", false, Found::Worse(Reason::Saturated)),
            ("53100", false, Found::Failing(Reason::DiskFull)),
            ("XX000", false, Found::Failing(Reason::AnswersError)),
        ] {
            assert_eq!(judged(code, has_detail), found, "{code}");
        }
    }

    #[test]
    fn what_is_cut_is_waited_for_and_what_is_foreign_is_not() {
        let whole = message(b'E', b"C57P03\0\0");
        for end in 0..whole.len() {
            assert_eq!(understand(&whole[..end]).unwrap(), None);
        }
        assert!(understand(b"HTTP/1.1 400 Bad Request").is_err());
        assert!(understand(b"R\xff\xff\xff\xff").is_err());
        let found = Trouble::Broken("").found();
        assert_eq!(found, Found::Silent(Silence::Broken));
    }
}
