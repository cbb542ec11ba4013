//! Reads where NATS is, as somebody types it.

use std::ffi::OsStr;

use async_nats::ServerAddr;
use clap::builder::{StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command};

use crate::connect::without_password;

/// Reads the servers of NATS, separated by commas; nothing is as good as not said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Servers;

impl TypedValueParser for Servers {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        let text = StringValueParser::new().parse_ref(command, argument, value)?;
        match wrong(&text) {
            None => Ok(text),
            // The usual error would show the whole of it, with the password.
            Some(why) => {
                let err = clap::Error::raw(ErrorKind::ValueValidation, format!("{why}\n"));
                Err(err.with_cmd(command))
            }
        }
    }
}

/// Says what is wrong with what was typed.
fn wrong(text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let servers = || text.split(',').map(str::trim);
    let is_server = |one: &str| {
        let read = one.parse::<ServerAddr>();
        read.is_ok_and(|at| matches!(at.scheme(), "nats" | "tls") && !at.host().is_empty())
    };
    let bad = servers().find(|one| !is_server(one))?;
    Some(format!(
        "{} is no address of NATS: one is `nats://HOST:4222`, or `tls://HOST:4222`, and several are separated by commas",
        if bad.is_empty() { "an empty one".to_owned() } else { without_password(bad) }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_in_which_nats_is_written_is_read_and_no_other() {
        for text in [
            "",
            "nats://pve1:4222",
            "tls://kim:s3cret@pve1",
            "pve1",
            "127.0.0.1:4222",
            "nats://a:1, nats://[::1]:4222",
        ] {
            assert_eq!(wrong(text), None, "{text}");
        }
        for text in
            ["http://pve1:4222", "ws://pve1", "nats://", "nats://pve1,", "nats://a:b", "://"]
        {
            let why = wrong(text).unwrap_or_else(|| panic!("{text} is read"));
            assert!(why.contains("`nats://HOST:4222`"), "{why}");
        }
    }

    #[test]
    fn what_is_refused_is_shown_without_its_password() {
        let why = wrong("http://kim:s3cret@pve1:4222").unwrap();

        assert!(
            why.starts_with("http://pve1:4222 is no address") && !why.contains("s3cret"),
            "{why}"
        );
    }
}
