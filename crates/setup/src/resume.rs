//! Goes on by itself after the reboot that setup waits for.

use crate::apply::{self, ApplyError};
use crate::change::{Act, FileChange, Owner, Run};
use crate::host::Host;
use crate::state::State;

const UNIT: &str = "phoenix-setup-resume.service";
const FILE: &str = "/etc/systemd/system/phoenix-setup-resume.service";

/// Has setup go on after the next boot, or not any more.
pub(crate) fn arrange(
    host: &Host,
    state: &State,
    argv: &[String],
    is_awaited: bool,
) -> Result<(), ApplyError> {
    let was = host.text(FILE)?;
    match (was, is_awaited) {
        (None, false) => Ok(()),
        (Some(was), false) => {
            apply::run(host, state, &Run::of(["systemctl", "disable", UNIT]))?;
            apply::apply(host, state, &Act::NoFile { path: FILE.to_owned(), was })
        }
        (was, true) => {
            let text = unit(argv);
            if was.as_ref() != Some(&text) {
                let (path, rights) = (FILE.to_owned(), Some((0o644, Owner::root())));
                let file = FileChange { path, was, text, rights, check: None, guard: None };
                apply::apply(host, state, &Act::File(file))?;
            }
            apply::run(host, state, &Run::of(["systemctl", "enable", UNIT]))
        }
    }
}

fn unit(argv: &[String]) -> String {
    // systemd reads `%` and `$` in a word, and blanks between words.
    let word = |word: &String| {
        let plain =
            word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
        format!("\"{plain}\"")
    };
    let line = argv.iter().map(word).collect::<Vec<_>>().join(" ");
    format!(
        "# Written by phoenix setup, which waits for a reboot; gone when it is done.\n\
         [Unit]\nDescription=phoenix setup goes on after the reboot it waited for\n\
         Wants=network-online.target\nAfter=network-online.target pve-cluster.service zfs.target\n\
         Before=pve-guests.service\n\
         [Service]\nType=oneshot\nTimeoutStartSec=1h\nExecStart={line}\n\
         [Install]\nWantedBy=multi-user.target\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_blank_is_one_word() {
        let argv = ["/usr/bin/phoenix", "setup", "--config", "/etc/my $config%"].map(str::to_owned);

        let text = unit(&argv);

        assert!(
            text.contains(
                "ExecStart=\"/usr/bin/phoenix\" \"setup\" \"--config\" \"/etc/my $$config%%\"\n"
            ),
            "{text}"
        );
    }
}
