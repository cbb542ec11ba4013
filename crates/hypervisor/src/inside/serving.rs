//! What runs what a guest serves, as its own supervisor tells it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use phoenix_domain::FeatureName;
use phoenix_domain::health::Process;

use super::receipt::RECEIPTS;
use super::way::Errand;
use super::{CHECK, Room};
use crate::library::quoted;
use crate::repair::Service;
use crate::veil::Veil;
use crate::{Hand, HostError};

/// How long that may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Tells a line each: the feature, who supervises it, its states, and what it has read and written.
const TELL: &str = r#"
unit() {
	[ -f "$R/feature-$1" ] || return 0
	said=$(systemctl show --property=ActiveState --property=SubState --property=Result --property=MainPID "$2") || return 0
	get() { printf '%s\n' "$said" | sed -n "s/^$1=//p"; }
	pid=$(get MainPID)
	stir=$(awk '/^[rw]char/ { n += $2 } END { printf "%d", n }' "/proc/${pid:-0}/io" 2>/dev/null)
	echo "$1 unit $(get ActiveState) $(get SubState) $(get Result) ${stir:-0}"
}
container() {
	[ -f "$R/feature-$1" ] || return 0
	state=$(docker inspect --format '{{.State.Status}}' "$2" 2>/dev/null) || state=gone
	echo "$1 container $state - - 0"
}
"#;

impl Room<'_> {
    /// Returns what its supervisor says of each service that is in the guest.
    pub(crate) async fn processes(
        &self,
        hand: &Hand,
    ) -> Result<BTreeMap<FeatureName, Process>, HostError> {
        let mut script = format!("R={RECEIPTS}\n{TELL}");
        for (feature, service) in self.library.services()? {
            let (kind, name) = match &service {
                Service::Unit(name) => ("unit", name),
                Service::Container(name) => ("container", name),
            };
            let _written = writeln!(script, "{kind} {feature} {}", quoted(name));
        }
        let what = format!("looking at the services of {}", self.want.vmid);
        let errand = Errand {
            what: &what,
            script: CHECK,
            input: script.as_bytes(),
            limit: LIMIT,
            veil: Veil::default(),
        };
        let ended = self.way.run(errand, hand).await?;
        Ok(ended.stdout.lines().filter_map(read).collect())
    }
}

/// Reads what is told of one service.
fn read(line: &str) -> Option<(FeatureName, Process)> {
    let words: Vec<_> = line.split(' ').collect();
    let [feature, supervisor, active, sub, result, stir] = words.as_slice() else { return None };
    let alive = Process::Alive { stir: stir.parse().unwrap_or_default() };
    let process = match (*supervisor, *active) {
        ("unit", "activating") if *sub == "auto-restart" => Process::Restarting,
        ("unit", "active" | "reloading" | "activating") | ("container", "running" | "paused") => {
            alive
        }
        ("unit", _) if *result == "start-limit-hit" => Process::GivenUp,
        ("container", "restarting") => Process::Restarting,
        _ => Process::Gone,
    };
    Some((feature.parse().ok()?, process))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_supervisor_says_is_understood() {
        let said = |words: &str| read(&format!("vllm {words}")).map(|(_, process)| process);
        for (words, process) in [
            ("unit active running success 4096", Process::Alive { stir: 4096 }),
            ("unit activating start success 7", Process::Alive { stir: 7 }),
            ("unit activating auto-restart exit-code 0", Process::Restarting),
            ("unit failed failed start-limit-hit 0", Process::GivenUp),
            ("unit failed failed exit-code 0", Process::Gone),
            ("unit inactive dead success 0", Process::Gone),
            ("container running - - 0", Process::Alive { stir: 0 }),
            ("container restarting - - 0", Process::Restarting),
            ("container gone - - 0", Process::Gone),
        ] {
            assert_eq!(said(words), Some(process), "{words}");
        }
        assert_eq!(said("unit"), None);
    }
}
