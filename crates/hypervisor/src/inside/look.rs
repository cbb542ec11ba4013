//! What was done in a guest, judged by the receipts it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use phoenix_domain::{BootId, FeatureName, GuestSpec, Health};
use tokio::time::sleep;

use super::receipt::{LONGEST, RECEIPTS, Receipt};
use crate::HostError;
use crate::agent::{Agent, AgentError};
use crate::kernel::{Init, Inside};
use crate::library::Library;
use crate::recipe::{REPAIR, Recipe};
use crate::vault::Opened;

/// How long a machine has for telling them.
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon it is asked whether it has, and how often at most.
const SOON: Duration = Duration::from_millis(10);
const LATER: Duration = Duration::from_millis(200);
/// What stands before each of them.
const MARK: &str = "== ";
/// What tells them in a machine, and first of all whether it has come up.
const TELL: &str = "if [ -e /run/cloud-init/disabled ]; then echo up; \
    elif [ -e /run/cloud-init ] || [ -e /usr/bin/cloud-init ]; then \
    if [ -s /run/cloud-init/result.json ] && ! grep -q '\"errors\": *\\[[^]]' /run/cloud-init/result.json; \
    then echo up; else echo working; fi; else echo up; fi; \
    cd /var/lib/phoenix/receipts 2>/dev/null || exit 0; \
    for one in *; do case $one in *.*) ;; *) [ -f \"$one\" ] && \
    { echo \"== $one\"; head -c 16384 \"$one\"; } ;; esac; done";

/// The receipts in a guest, by their names.
#[derive(Debug, Default)]
pub(crate) struct Receipts(BTreeMap<String, String>);

/// What a look into a guest goes by.
pub(crate) struct Looking<'l> {
    /// The process file system of the host.
    pub(crate) proc: &'l Path,
    /// What is wanted of the guest.
    pub(crate) want: &'l GuestSpec,
    /// What is brought into guests.
    pub(crate) library: &'l Library,
    /// Its secrets, as far as they are known.
    pub(crate) secrets: &'l Opened,
    /// Whether it was found healthy since it was started.
    pub(crate) is_healthy: bool,
}

impl Looking<'_> {
    /// Looks into a container that runs; nothing where it has ended since it was found.
    pub(crate) fn enter(&self, init: &Init) -> Result<Option<phoenix_domain::Inside>, HostError> {
        let root = match Inside::open(self.proc, init) {
            Ok(root) => root,
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(HostError::Unreachable { err }),
        };
        self.look(&Receipts::of_container(&root)?).map(Some)
    }

    /// Judges what a guest holds by what has left its receipt there.
    pub(crate) fn look(&self, receipts: &Receipts) -> Result<phoenix_domain::Inside, HostError> {
        let (mut features, mut outdated) = (BTreeSet::new(), BTreeSet::new());
        for feature in &self.want.features {
            // Without a recipe nothing can be compared; whoever has to install it says so.
            let Ok(recipe) = self.library.feature(self.proc, self.want, feature) else { continue };
            match receipts.read(&recipe.receipt) {
                Some(receipt) if receipt.is_of(&recipe, self.secrets) => {
                    features.insert(feature.clone());
                }
                Some(receipt) if !receipt.is_of_version(&recipe.version()) => {
                    outdated.insert(feature.clone());
                }
                Some(_) | None => {}
            }
        }
        outdated.extend(self.inherited(receipts)?);
        let mut service = None;
        if let Some(feature) = self.want.server()
            && let Ok(recipe) = self.library.service(self.want, &feature)
            && self.was_run(receipts, &recipe)
        {
            service = Some(feature);
        }
        let mut application = None;
        if let Some(script) = &self.want.application_script
            && let Ok(recipe) = self.library.script(self.want, script)
            && self.was_run(receipts, &recipe)
        {
            application = Some(script.clone());
        }
        let health = if self.is_healthy {
            Health::Healthy
        } else {
            Health::Ailing("it was not checked since it was started".to_owned())
        };
        Ok(phoenix_domain::Inside {
            features,
            outdated,
            service,
            application,
            repaired: receipts.repair(),
            // A container needs no agent: it is entered through the kernel.
            agent_answers: true,
            health,
        })
    }

    /// Returns the features it was cloned with whose recipe was another one then.
    fn inherited(&self, receipts: &Receipts) -> Result<BTreeSet<FeatureName>, HostError> {
        let mut outdated = BTreeSet::new();
        for feature in receipts.features() {
            if self.want.features.contains(&feature) {
                continue;
            }
            let Some(version) = self.library.version(self.want, &feature)? else { continue };
            let receipt = receipts.read(&format!("feature-{feature}"));
            if !receipt.is_some_and(|receipt| receipt.is_of_version(&version)) {
                outdated.insert(feature);
            }
        }
        Ok(outdated)
    }

    fn was_run(&self, receipts: &Receipts, recipe: &Recipe) -> bool {
        let receipt = receipts.read(&recipe.receipt);
        receipt.is_some_and(|receipt| receipt.is_of(recipe, self.secrets))
    }
}

impl Receipts {
    /// Reads those of a container from its files. No process is started for that.
    pub(crate) fn of_container(root: &Inside) -> Result<Self, HostError> {
        let unreachable = |err| HostError::Unreachable { err };
        let mut texts = BTreeMap::new();
        for name in root.names(RECEIPTS).map_err(unreachable)? {
            // What was set of a feature stands beside its receipt.
            if name.contains('.') {
                continue;
            }
            let text = root.text(&format!("{RECEIPTS}/{name}"), LONGEST).map_err(unreachable)?;
            texts.extend(text.map(|text| (name, text)));
        }
        Ok(Self(texts))
    }

    /// Has the agent of a machine tell them, and whether the machine has come up: whether Cloud-Init
    /// has done what it has to do.
    pub(crate) async fn of_machine(agent: &Agent) -> Result<(Self, bool), AgentError> {
        let pid = agent.exec("/bin/sh", &["-c", TELL], &[]).await?;
        let begun = Instant::now();
        let mut pause = SOON;
        let told = loop {
            match agent.ended(pid).await? {
                Some(ended) => break String::from_utf8_lossy(&ended.stdout).into_owned(),
                None if begun.elapsed() >= PATIENCE => {
                    return Err(AgentError::Silent { command: "guest-exec", limit: PATIENCE });
                }
                None => sleep(pause).await,
            }
            pause = (pause * 2).min(LATER);
        };
        Ok(Self::told(&told))
    }

    fn told(text: &str) -> (Self, bool) {
        let mut parts = text.split(MARK);
        let is_up = parts.next().is_some_and(|first| first.trim() == "up");
        let texts = parts.filter_map(|part| {
            let (name, text) = part.split_once('\n')?;
            Some((name.to_owned(), text.to_owned()))
        });
        (Self(texts.collect()), is_up)
    }

    /// Returns the features that have left one.
    pub(super) fn features(&self) -> impl Iterator<Item = FeatureName> {
        self.0.keys().filter_map(|name| name.strip_prefix("feature-")?.parse().ok())
    }

    /// Returns what tells the last repair from every other one.
    fn repair(&self) -> Option<BootId> {
        self.0.get(REPAIR).map(|text| BootId::new(text.clone()))
    }

    fn read(&self, name: &str) -> Option<Receipt> {
        Receipt::read(self.0.get(name)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_tells_is_taken_apart() {
        let (receipts, is_up) =
            Receipts::told("up\n== feature-redis\nabc\nfiles d\n== application\nx\n");
        assert!(is_up);
        assert_eq!(receipts.features().map(|name| name.to_string()).collect::<Vec<_>>(), ["redis"]);
        assert_eq!(receipts.0.get("feature-redis").map(String::as_str), Some("abc\nfiles d\n"));
        assert!(!Receipts::told("").1 && !Receipts::told("working\n").1);
    }
}
