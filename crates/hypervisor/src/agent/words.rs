//! What an agent says, made into what is meant by it.

use std::net::{IpAddr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{AgentError, Ended, HowEnded, Reason};

/// How much of the words of an agent is shown.
const SHOWN: usize = 300;
/// How short a word may be that is looked for in what was sent.
const WORD: usize = 6;

/// What every line of an agent is.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(rename = "return")]
    pub(super) said: Option<Box<serde_json::value::RawValue>>,
    pub(super) error: Option<Refusal>,
}

/// What an agent says when it does not obey.
#[derive(Deserialize)]
pub(super) struct Refusal {
    #[serde(default)]
    class: String,
    #[serde(default)]
    desc: String,
}

/// The number of a program that was started.
#[derive(Deserialize)]
pub(super) struct Started {
    pub(super) pid: i64,
}

/// The number of a file that was opened.
#[derive(Deserialize)]
pub(super) struct Opened(pub(super) i64);

/// A piece of a file.
#[derive(Deserialize)]
pub(super) struct Read {
    #[serde(rename = "buf-b64", default)]
    text: String,
    #[serde(default)]
    eof: bool,
}

/// How a program is.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Status {
    exited: bool,
    exitcode: Option<i64>,
    signal: Option<i64>,
    #[serde(default)]
    out_data: String,
    #[serde(default)]
    err_data: String,
    #[serde(default)]
    out_truncated: bool,
    #[serde(default)]
    err_truncated: bool,
}

/// A network interface.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Interface {
    #[serde(default)]
    ip_addresses: Vec<Addressed>,
}

#[derive(Deserialize)]
struct Addressed {
    #[serde(rename = "ip-address")]
    address: String,
}

impl Refusal {
    /// Returns what it means. Its words are left out where they repeat some of what was sent, which may
    /// be secret: an agent that could not read something says what.
    pub(super) fn meant(&self, command: &'static str, sent: &[u8]) -> AgentError {
        let (class, desc) = (self.class.as_str(), self.desc.as_str());
        let reason = if desc.contains("frozen") {
            Reason::Frozen
        } else if class == "CommandNotFound" || desc.contains("disabled") {
            Reason::Disabled
        } else if desc.contains("No such file or directory") {
            Reason::NoSuchFile
        } else {
            Reason::Other
        };
        let description = match reason {
            _ if !repeats(desc, sent) => shown(desc),
            Reason::Frozen => "the file systems are frozen".to_owned(),
            Reason::Disabled => "it is disabled".to_owned(),
            Reason::NoSuchFile => "no such file".to_owned(),
            Reason::Other => "its words are left out, as they repeat what it was sent".to_owned(),
        };
        let class = if repeats(class, sent) { String::new() } else { shown(class) };
        AgentError::Refused { command, class, description, reason }
    }
}

impl Read {
    /// Returns the piece, which is no longer than what was asked for, and whether it is the last.
    pub(super) fn bytes(&self, asked: usize) -> Result<(Vec<u8>, bool), AgentError> {
        const COMMAND: &str = "guest-file-read";
        let bytes = decode(COMMAND, &self.text)?;
        if bytes.len() > asked {
            let why = format!("{} bytes where {asked} were asked for", bytes.len());
            return Err(AgentError::Garbled { command: COMMAND, why });
        }
        // Nothing, and more to come: who believes that asks for ever.
        let is_end = self.eof || bytes.is_empty();
        Ok((bytes, is_end))
    }
}

impl Status {
    /// Returns how it ended, or nothing while it runs.
    pub(super) fn ended(&self) -> Result<Option<Ended>, AgentError> {
        const COMMAND: &str = "guest-exec-status";
        if !self.exited {
            return Ok(None);
        }
        let small = |number: i64| {
            i32::try_from(number).map_err(|_| AgentError::Garbled {
                command: COMMAND,
                why: format!("no program ends with {number}"),
            })
        };
        let how = match (self.signal, self.exitcode) {
            (Some(signal), _) => HowEnded::Signal(small(signal)?),
            (None, Some(code)) => HowEnded::Code(small(code)?),
            (None, None) => {
                let why = "it ended, and neither by a code nor by a signal".to_owned();
                return Err(AgentError::Garbled { command: COMMAND, why });
            }
        };
        Ok(Some(Ended {
            how,
            stdout: decode(COMMAND, &self.out_data)?,
            stderr: decode(COMMAND, &self.err_data)?,
            cut: self.out_truncated || self.err_truncated,
        }))
    }
}

impl Interface {
    /// Returns its addresses under which others may reach it.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let all = self.ip_addresses.iter().filter_map(|one| one.address.parse().ok());
        all.filter(|address| match address {
            IpAddr::V4(v4) => {
                !(v4.is_loopback()
                    || v4.is_link_local()
                    || v4.is_unspecified()
                    || v4.is_multicast())
            }
            IpAddr::V6(v6) => {
                !(v6.is_loopback()
                    || v6.is_unicast_link_local()
                    || *v6 == Ipv6Addr::UNSPECIFIED
                    || v6.is_multicast())
            }
        })
    }
}

/// Returns bytes as letters.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn decode(command: &'static str, text: &str) -> Result<Vec<u8>, AgentError> {
    STANDARD.decode(text).map_err(|_| AgentError::Garbled {
        command,
        why: "bytes that are not in base64".to_owned(),
    })
}

/// Returns what a guest said, as it may be shown to people: no more than a line, and nothing that moves
/// a cursor.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|one| !one.is_control()).take(SHOWN).collect()
}

/// Says whether a word of a text stands in what was sent, or in how it was sent.
fn repeats(text: &str, sent: &[u8]) -> bool {
    if sent.is_empty() {
        return false;
    }
    let (raw, encoded) = (String::from_utf8_lossy(sent), encode(sent));
    text.split(|one: char| one.is_whitespace() || "'\"`“”".contains(one))
        .filter(|word| word.len() >= WORD)
        .any(|word| raw.contains(word) || encoded.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(class: &str, desc: &str, sent: &[u8]) -> AgentError {
        let refusal = Refusal { class: class.to_owned(), desc: desc.to_owned() };
        refusal.meant("guest-exec", sent)
    }

    fn reason(class: &str, desc: &str) -> Reason {
        let AgentError::Refused { reason, .. } = refused(class, desc, b"") else {
            panic!("{desc} is a refusal")
        };
        reason
    }

    #[test]
    fn a_refusal_is_told_apart_in_the_words_of_old_and_new_agents() {
        let disabled = "The command guest-exec has been disabled for this instance";
        assert_eq!(reason("GenericError", disabled), Reason::Disabled);
        assert_eq!(
            reason("CommandNotFound", "Command guest-exec has been disabled"),
            Reason::Disabled
        );
        let unknown = "The command guest-exec has not been found";
        assert_eq!(reason("CommandNotFound", unknown), Reason::Disabled);
        let frozen = "Command guest-exec has been disabled: the agent is in frozen state";
        assert_eq!(reason("CommandNotFound", frozen), Reason::Frozen);
        let missing = "failed to open file '/x' (mode: 'r'): No such file or directory";
        assert_eq!(reason("GenericError", missing), Reason::NoSuchFile);
        assert_eq!(reason("GenericError", "PID 12 does not exist"), Reason::Other);
    }

    #[test]
    fn an_error_does_not_repeat_what_was_sent_however_it_was_sent() {
        let sent = b"password=correct-horse-battery";
        for desc in [
            "JSON parse error, invalid keyword 'password=correct-horse-battery'".to_owned(),
            format!("JSON parse error near \"{}\"", &encode(sent)[8..24]),
        ] {
            let err = refused("GenericError", &desc, sent);

            let (shown, inside) = (err.to_string(), format!("{err:?}"));
            for canary in ["correct", "horse", &encode(sent)[8..24]] {
                assert!(!shown.contains(canary) && !inside.contains(canary), "{shown} {inside}");
            }
        }
        let err = refused("GenericError", "Failed to fork", sent);
        assert!(err.to_string().ends_with("Failed to fork"), "{err}");
    }

    #[test]
    fn what_a_guest_says_moves_no_cursor_and_fills_no_screen() {
        let said = shown(&format!("a\u{1b}[2Jb\r\n{}", "x".repeat(10_000)));

        assert!(said.starts_with("a[2Jbxxx"), "{said}");
        assert_eq!(said.len(), SHOWN);
    }

    #[test]
    fn a_piece_longer_than_asked_for_is_refused_and_an_empty_one_is_the_last() {
        let read = |text: &str| Read { text: text.to_owned(), eof: false };

        assert!(matches!(read("YWJj").bytes(2), Err(AgentError::Garbled { .. })));
        assert!(matches!(read("%").bytes(2), Err(AgentError::Garbled { .. })));
        assert_eq!(read("").bytes(2).unwrap(), (Vec::new(), true));
        assert_eq!(read("YWI=").bytes(2).unwrap(), (b"ab".to_vec(), false));
    }

    #[test]
    fn how_a_program_ended_is_its_code_or_its_signal() {
        let ended = |text: &str| serde_json::from_str::<Status>(text).unwrap().ended();

        assert_eq!(ended(r#"{"exited": false}"#).unwrap(), None);
        let code =
            ended(r#"{"exited": true, "exitcode": 7, "out-data": "YQ=="}"#).unwrap().unwrap();
        assert_eq!((code.how, code.stdout, code.cut), (HowEnded::Code(7), b"a".to_vec(), false));
        let cut = r#"{"exited": true, "signal": 9, "err-truncated": true}"#;
        let killed = ended(cut).unwrap().unwrap();
        assert_eq!((killed.how, killed.cut), (HowEnded::Signal(9), true));
        for bad in [
            r#"{"exited": true}"#,
            r#"{"exited": true, "exitcode": 99999999999}"#,
            r#"{"exited": true, "exitcode": 0, "out-data": "%"}"#,
        ] {
            assert!(matches!(ended(bad), Err(AgentError::Garbled { .. })), "{bad}");
        }
    }

    #[test]
    fn addresses_are_those_that_others_reach() {
        let said = r#"[
            {"name": "lo", "ip-addresses": [{"ip-address": "127.0.0.1"}, {"ip-address": "::1"}]},
            {"name": "ens18", "ip-addresses": [
                {"ip-address": "10.0.0.9"}, {"ip-address": "fe80::1"}, {"ip-address": "2001:db8::9"},
                {"ip-address": "not an address"}, {"ip-address": "169.254.1.1"}]},
            {"name": "sit0"}
        ]"#;
        let interfaces: Vec<Interface> = serde_json::from_str(said).unwrap();

        let addresses: Vec<_> = interfaces.iter().flat_map(Interface::addresses).collect();

        let wanted: [IpAddr; 2] = ["10.0.0.9".parse().unwrap(), "2001:db8::9".parse().unwrap()];
        assert_eq!(addresses, wanted);
    }
}
