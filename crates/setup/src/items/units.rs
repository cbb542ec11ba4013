//! Services of the host.

use crate::change::{Act, HostChange, Run};
use crate::host::Host;
use crate::item::{Check, Refusal};

/// Says whether systemd runs here; in a system that only lies there services start with it.
pub(super) fn is_booted(host: &Host) -> bool {
    host.exists("/run/systemd/system")
}

/// Returns the change after which a service runs, and starts with the host.
pub(super) fn want(host: &Host, unit: &str, why: &str) -> Result<Option<HostChange>, Refusal> {
    let is = |question: &str| Ok(host.ask(&["systemctl", question, "--quiet", unit])?.is_good());
    let is_right = is("is-enabled")? && (!is_booted(host) || is("is-active")?);
    let words: &[&str] = if is_booted(host) {
        &["systemctl", "enable", "--now", unit]
    } else {
        &["systemctl", "enable", unit]
    };
    Ok((!is_right).then(|| HostChange::live(Act::Run(Run::of(words.iter().copied())), why)))
}

/// Returns what is run so that a service heeds what was written, where it runs.
pub(super) fn heed(host: &Host, argv: &[&str]) -> Vec<Run> {
    if is_booted(host) { vec![Run::of(argv.iter().copied())] } else { Vec::new() }
}

/// Looks whether a service runs.
pub(super) fn runs(host: &Host, unit: &str) -> Check {
    let asked = host.ask(&["systemctl", "is-active", unit]);
    Check::of(
        format!("{unit} runs"),
        asked.map(|answer| {
            let state = answer.out.trim();
            (state != "active")
                .then(|| if state.is_empty() { answer.said() } else { format!("it is {state}") })
        }),
    )
}
