//! The containers of Docker in a guest: what Docker says of them, and what that means.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::loops::Loops;
use super::{Found, Reason};

/// What Docker says in a guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", content = "of", rename_all = "kebab-case")]
pub enum Docker {
    /// It was not asked.
    #[default]
    Unasked,
    /// There is none.
    Absent,
    /// It does not answer.
    Silent,
    /// It has more containers than could be told of.
    Cut,
    /// It has these containers, those that stand still among them.
    Has(Vec<DockerContainer>),
}

/// A container of Docker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DockerContainer {
    /// Its name.
    pub name: Box<str>,
    /// What it does.
    pub state: DockerState,
    /// How often Docker has started it again.
    pub restarts: u32,
}

/// What a container of Docker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DockerState {
    /// It runs, and nothing is known against it.
    Running,
    /// It runs, and fails its own check.
    Unhealthy,
    /// It has ended, and Docker is about to start it again.
    Restarting,
    /// It stands still.
    Exited,
}

/// The starts of containers that were seen so far.
#[derive(Clone, Debug, Default)]
pub struct DockerStarts(BTreeMap<Box<str>, Loops>);

impl DockerStarts {
    /// Says what it means that Docker says this, and why. Those that are named have to run; where
    /// none is, one that stands still is nobody's loss.
    pub fn read(
        &mut self,
        named: &[Box<str>],
        docker: &Docker,
        at: DateTime<Utc>,
    ) -> (Found, String) {
        let said = |found, why: &str| (found, why.to_owned());
        let containers = match docker {
            Docker::Has(containers) => containers,
            Docker::Unasked => {
                let why = "the worker does not ask Docker: use the same version on both sides";
                return said(Found::Unasked(Reason::ProbeConfig), why);
            }
            Docker::Cut => {
                let why = "Docker has more containers than the worker can tell of";
                return said(Found::Unasked(Reason::ProbeConfig), why);
            }
            Docker::Absent => {
                return said(Found::Unasked(Reason::ProbeConfig), "there is no Docker in it");
            }
            Docker::Silent => {
                return said(Found::Failing(Reason::Unresponsive), "Docker does not answer");
            }
        };
        self.0.retain(|name, _| containers.iter().any(|container| container.name == *name));
        for container in containers {
            let loops = self.0.entry(container.name.clone()).or_default();
            loops.count(container.restarts, at);
        }
        if let Some(name) = named.iter().find(|name| containers.iter().all(|it| it.name != **name))
        {
            return (Found::Failing(Reason::Exited), format!("there is no container {name}"));
        }
        let is_meant =
            |container: &&DockerContainer| named.is_empty() || named.contains(&container.name);
        let mut bad = containers.iter().filter(is_meant).filter_map(|container| {
            let is_looping = self.0.get(&container.name).is_some_and(|loops| loops.are_many(at));
            let (reason, what) = match container.state {
                DockerState::Exited if named.is_empty() => return None,
                DockerState::Running | DockerState::Unhealthy | DockerState::Restarting
                    if is_looping =>
                {
                    (Reason::CrashLoop, "is started again and again")
                }
                DockerState::Running => return None,
                DockerState::Unhealthy => (Reason::CheckFailed, "fails its own check"),
                DockerState::Restarting => (Reason::Exited, "has ended and is started again"),
                DockerState::Exited => (Reason::Exited, "has ended"),
            };
            Some((Found::Failing(reason), format!("the container {} {what}", container.name)))
        });
        bad.next().unwrap_or_else(|| {
            let running = containers.iter().filter(|one| one.state == DockerState::Running);
            (Found::Serving, format!("{} containers run", running.count()))
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn container(name: &str, state: DockerState, restarts: u32) -> DockerContainer {
        DockerContainer { name: name.into(), state, restarts }
    }

    #[test]
    fn what_docker_says_of_containers_is_understood() {
        use DockerState::{Exited, Restarting, Running, Unhealthy};
        let has = |name, state| Docker::Has(vec![container(name, state, 7)]);
        let (any, web): (&[Box<str>], &[Box<str>]) = (&[], &["web".into()]);
        let failing = Found::Failing;
        for (named, docker, found) in [
            (any, Docker::Unasked, Found::Unasked(Reason::ProbeConfig)),
            (any, Docker::Cut, Found::Unasked(Reason::ProbeConfig)),
            (any, Docker::Absent, Found::Unasked(Reason::ProbeConfig)),
            (any, Docker::Silent, failing(Reason::Unresponsive)),
            (any, Docker::Has(vec![]), Found::Serving),
            (web, Docker::Has(vec![]), failing(Reason::Exited)),
            (web, has("other", Running), failing(Reason::Exited)),
            (web, has("web", Running), Found::Serving),
            (web, has("web", Exited), failing(Reason::Exited)),
            (any, has("web", Exited), Found::Serving),
            (any, has("web", Unhealthy), failing(Reason::CheckFailed)),
            (any, has("web", Restarting), failing(Reason::Exited)),
        ] {
            let read = DockerStarts::default().read(named, &docker, DateTime::UNIX_EPOCH);
            assert_eq!(read.0, found, "{named:?} {docker:?}: {}", read.1);
        }
    }

    #[test]
    fn a_container_that_is_started_again_and_again_loops_though_each_look_finds_it_running() {
        let mut starts = DockerStarts::default();
        let found: Vec<_> = (0..4)
            .map(|restarts| {
                let others = container("others", DockerState::Exited, 9);
                let docker =
                    Docker::Has(vec![others, container("web", DockerState::Running, restarts)]);
                let at = DateTime::UNIX_EPOCH + TimeDelta::minutes(i64::from(restarts));
                starts.read(&[], &docker, at).0
            })
            .collect();

        let well = Found::Serving;
        let loops = Found::Failing(Reason::CrashLoop);
        assert_eq!(found, [well.clone(), well.clone(), well, loops]);
    }
}
