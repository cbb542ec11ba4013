//! What runs what a guest serves, as its own supervisor tells it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use phoenix_domain::health::{Ask, Declared, Docker, DockerContainer, DockerState, Process};
use phoenix_domain::{FeatureName, GuestSpec};

use super::receipt::RECEIPTS;
use super::way::Errand;
use super::{CHECK, Room};
use crate::library::quoted;
use crate::repair::Service;
use crate::veil::Veil;
use crate::{Hand, HostError};

/// How long that may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Tells a line each: the feature, who supervises it, its states, what it has read and written, and
/// how often it was started again.
const TELL: &str = r#"
unit() {
	[ -f "$R/feature-$1" ] || return 0
	said=$(systemctl show --property=ActiveState --property=SubState --property=Result --property=MainPID --property=NRestarts "$2") || return 0
	get() { printf '%s\n' "$said" | sed -n "s/^$1=//p"; }
	pid=$(get MainPID)
	again=$(get NRestarts)
	stir=$(awk '/^[rw]char/ { n += $2 } END { printf "%d", n }' "/proc/${pid:-0}/io" 2>/dev/null)
	echo "$1 unit $(get ActiveState) $(get SubState) $(get Result) ${stir:-0} ${again:-0}"
}
container() {
	[ -f "$R/feature-$1" ] || return 0
	state=$(docker inspect --format '{{.State.Status}} - - 0 {{.RestartCount}}' "$2" 2>/dev/null) || state='gone - - 0 0'
	echo "$1 container $state"
}
"#;

/// Tells a line for each container of Docker: its name, its state, what its own check says, and how
/// often Docker has started it again. The last one says how many there are: of what is told in a guest
/// only the end is kept. No feature has such a name.
const TELL_DOCKER: &str = r#"
docker_says() {
	command -v docker >/dev/null || { echo '=docker absent'; return 0; }
	ids=$(timeout 8 docker ps --all --quiet 2>/dev/null) || { echo '=docker silent'; return 0; }
	[ -z "$ids" ] || timeout 8 docker inspect --format '=docker {{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}} {{.RestartCount}}' $ids 2>/dev/null
	echo "=docker has $(echo $ids | wc -w)"
}
docker_says
"#;

/// What runs what a guest serves.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Serving {
    /// By the feature that serves it.
    pub(crate) processes: BTreeMap<FeatureName, Process>,
    /// What Docker says, where a probe of the guest wants to know.
    pub(crate) docker: Docker,
}

impl Room<'_> {
    /// Returns what its supervisor says of each service that is in the guest.
    pub(crate) async fn serving(&self, hand: &Hand) -> Result<Serving, HostError> {
        let docker_says = if asks_docker(self.want) { TELL_DOCKER } else { "" };
        let mut script = format!("R={RECEIPTS}\n{TELL}{docker_says}");
        for (feature, service) in self.library.services(self.want)? {
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
        Ok(Serving {
            processes: ended.stdout.lines().filter_map(read).collect(),
            docker: docker(&ended.stdout),
        })
    }
}

/// Says whether a probe of the guest wants to know what Docker says.
fn asks_docker(want: &GuestSpec) -> bool {
    want.probes.iter().any(|declared| match declared {
        Declared::Asked(probe) => matches!(probe.ask, Ask::Docker { .. }),
        Declared::Off(_) => false,
    })
}

/// Reads what is told of Docker.
fn docker(told: &str) -> Docker {
    let mut lines: Vec<_> = told.lines().filter_map(|line| line.strip_prefix("=docker ")).collect();
    let Some(last) = lines.pop() else { return Docker::Unasked };
    let containers: Vec<_> = lines.into_iter().filter_map(container).collect();
    match last.split_once(' ') {
        Some(("has", count)) if count.trim().parse() == Ok(containers.len()) => {
            Docker::Has(containers)
        }
        Some(_) => Docker::Cut,
        None if last == "absent" => Docker::Absent,
        None => Docker::Silent,
    }
}

fn container(line: &str) -> Option<DockerContainer> {
    let words: Vec<_> = line.split(' ').collect();
    let [name, state, check, restarts] = words.as_slice() else { return None };
    Some(DockerContainer {
        name: name.trim_start_matches('/').into(),
        state: match (*state, *check) {
            ("running", "unhealthy") => DockerState::Unhealthy,
            ("running", _) => DockerState::Running,
            ("restarting", _) => DockerState::Restarting,
            _ => DockerState::Exited,
        },
        restarts: restarts.parse().unwrap_or_default(),
    })
}

/// Reads what is told of one service.
fn read(line: &str) -> Option<(FeatureName, Process)> {
    let words: Vec<_> = line.split(' ').collect();
    let [feature, supervisor, active, sub, result, stir, restarts] = words.as_slice() else {
        return None;
    };
    let restarts = restarts.parse().unwrap_or_default();
    let alive = Process::Alive { stir: stir.parse().unwrap_or_default(), restarts };
    let process = match (*supervisor, *active) {
        ("unit", "activating") if *sub == "auto-restart" => Process::Restarting { restarts },
        ("unit", "active" | "reloading" | "activating") | ("container", "running" | "paused") => {
            alive
        }
        ("unit", _) if *result == "start-limit-hit" => Process::GivenUp,
        ("container", "restarting") => Process::Restarting { restarts },
        _ => Process::Gone,
    };
    Some((feature.parse().ok()?, process))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::command::Command;

    #[test]
    fn what_a_supervisor_says_is_understood() {
        let said = |words: &str| read(&format!("vllm {words}")).map(|(_, process)| process);
        let alive = |stir, restarts| Process::Alive { stir, restarts };
        for (words, process) in [
            ("unit active running success 4096 2", alive(4096, 2)),
            ("unit activating start success 7 0", alive(7, 0)),
            ("unit activating auto-restart exit-code 0 4", Process::Restarting { restarts: 4 }),
            ("unit failed failed start-limit-hit 0 5", Process::GivenUp),
            ("unit failed failed exit-code 0 0", Process::Gone),
            ("unit inactive dead success 0 0", Process::Gone),
            ("container running - - 0 3", alive(0, 3)),
            ("container restarting - - 0 9", Process::Restarting { restarts: 9 }),
            ("container gone - - 0 0", Process::Gone),
        ] {
            assert_eq!(said(words), Some(process), "{words}");
        }
        assert_eq!(said("unit"), None);
    }

    #[test]
    fn what_docker_says_is_understood() {
        let web = |state, restarts| {
            Docker::Has(vec![DockerContainer { name: "web".into(), state, restarts }])
        };
        for (told, wanted) in [
            ("vllm unit active running success 0 0\n", Docker::Unasked),
            ("=docker absent\n", Docker::Absent),
            ("=docker silent\nvllm unit active running success 0 0\n", Docker::Silent),
            ("=docker has 0\n", Docker::Has(vec![])),
            ("=docker /web running - 0\n=docker has 1\n", web(DockerState::Running, 0)),
            ("=docker /web running starting 1\n=docker has 1\n", web(DockerState::Running, 1)),
            ("=docker /web running unhealthy 0\n=docker has 1\n", web(DockerState::Unhealthy, 0)),
            ("=docker /web restarting - 12\n=docker has 1\n", web(DockerState::Restarting, 12)),
            ("=docker /web exited - 0\n=docker has 1\n", web(DockerState::Exited, 0)),
            ("cker /db running - 0\n=docker /web running - 0\n=docker has 2\n", Docker::Cut),
        ] {
            assert_eq!(docker(told), wanted, "{told}");
        }
    }

    #[tokio::test]
    async fn a_shell_tells_it_as_it_is_read() {
        let dir = tempfile::TempDir::new().unwrap();
        let program = |name: &str, text: &str| {
            use std::os::unix::fs::PermissionsExt as _;
            let path = dir.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        };
        std::fs::write(dir.path().join("feature-vllm"), "").unwrap();
        program(
            "systemctl",
            "printf 'ActiveState=activating\\nSubState=start\\nResult=success\\nMainPID=0\\nNRestarts=7\\n'",
        );
        program("docker", "case $1 in ps) echo 1 ;; *) echo '=docker /web running - 3' ;; esac");
        let script = format!(
            "export PATH={0}:/usr/bin:/bin\nR={0}\n{TELL}{TELL_DOCKER}unit vllm vllm\n",
            dir.path().display()
        );

        let shell = Command::new(Path::new("/bin/sh"), LIMIT).plain("-c").plain(script);
        let told = shell.run(&Hand::default()).await.unwrap().stdout;

        let processes: Vec<_> = told.lines().filter_map(read).map(|(_, is)| is).collect();
        assert_eq!(processes, [Process::Alive { stir: 0, restarts: 7 }]);
        let Docker::Has(containers) = docker(&told) else { panic!("{told}") };
        assert_eq!((&*containers[0].name, containers[0].restarts), ("web", 3));
    }
}
