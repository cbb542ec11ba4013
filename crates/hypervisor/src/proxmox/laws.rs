//! What holds for any text as what a node has or its programs say: it may be read as nothing, and nothing else may
//! happen. The tests and the fuzzer hold the readers to it alike.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use super::conf::{Conf, Section, with_main};
use super::tool::judge;
use super::words::{boot, firewall, gpu, mount, net, options};
use crate::command::Ended;

/// Verbs whose answers are judged otherwise than those of others.
const VERBS: [&str; 7] = ["start", "shutdown", "stop", "resize", "unlock", "template", "create"];

/// Reads a text as everything that a node has: the first letter says what.
pub fn read(text: &str) {
    let Some((which, text)) = text.split_at_checked(1) else { return };
    match which {
        "c" => config(text),
        "f" => drop(firewall::read(text)),
        "t" => answer(text),
        _ => {}
    }
}

/// A config whose main section is written again is the same config.
fn config(text: &str) {
    let conf = Conf::read(text);
    let again = Conf::read(&with_main(text, &conf.main));
    assert_eq!(again, conf, "another config than that of {text:?}");
    let settled = conf.settled();
    let snapshots = conf.snapshots.values();
    for section in [&conf.main, &settled].into_iter().chain(&conf.pending).chain(snapshots) {
        keys(section);
    }
}

fn keys(section: &Section) {
    drop((mount::mounts(section), mount::root_disk(section), gpu::read(section)));
    drop((boot::read(section), section.numbered("net")));
    for value in section.keys.values() {
        drop((options::read(value), mount::storage_of(value), net::is_guarded(value)));
    }
}

/// A program said this on both of its ends, whatever it was asked for and however it ended.
fn answer(text: &str) {
    let said = || text.to_owned();
    for (verb, code) in VERBS.into_iter().flat_map(|verb| [(verb, 0), (verb, 255)]) {
        let status = ExitStatus::from_raw(code << 8);
        let judged = judge(verb, text, &Ended { status, stdout: said(), stderr: said() });
        if let Err(err) = judged {
            // It is told to people, with what to do about it.
            drop((err.to_string(), err.verdict()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines as they stand in a config, or nearly.
    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            "(net|mp|rootfs|dev|lxc\\.)[0-9a-z.]{0,3} ?: ?[ -~]{0,20}",
            "#(%(0A|25|3A|[0-9A-F]{2})|[ -~]){0,8}",
            "\\[(pve:pending|PENDING|special:x|[ -~]{0,6})\\] ?",
            "[ -~\\PC]{0,24}",
            Just(String::new()),
        ]
    }

    proptest! {
        #[test]
        fn a_config_is_the_same_when_its_main_section_is_written_again(
            lines in prop::collection::vec(line(), 0..12),
        ) {
            config(&lines.join("\n"));
        }

        #[test]
        fn any_answer_is_judged(text in "[ -~\\n]{0,80}|is locked \\([ -~]{0,9}\\)?") {
            answer(&text);
        }

        #[test]
        fn any_text_is_read_as_a_firewall(text in "(\\[(OPTIONS|RULES)\\]\\n)?[ -~\\n\\PC]{0,60}") {
            read(&format!("f{text}"));
        }
    }
}
