//! What was done in a container, read from its files. No process is started for that.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use phoenix_domain::{FeatureName, GuestSpec, Health};

use super::receipt::{LONGEST, RECEIPTS, Receipt};
use crate::HostError;
use crate::kernel::{Init, Inside};
use crate::library::Library;
use crate::recipe::Recipe;
use crate::vault::Opened;

/// What a look into a container goes by.
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
    pub(crate) fn look(&self, init: &Init) -> Result<Option<phoenix_domain::Inside>, HostError> {
        let root = match Inside::open(self.proc, init) {
            Ok(root) => root,
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(HostError::Unreachable { err }),
        };
        let (mut features, mut outdated) = (BTreeSet::new(), BTreeSet::new());
        for feature in &self.want.features {
            // Without a recipe nothing can be compared; whoever has to install it says so.
            let Ok(recipe) = self.library.feature(self.proc, self.want, feature) else { continue };
            match read(&root, &recipe.receipt)? {
                Some(receipt) if receipt.is_of(&recipe, self.secrets) => {
                    features.insert(feature.clone());
                }
                Some(receipt) if !receipt.is_of_version(&recipe.version()) => {
                    outdated.insert(feature.clone());
                }
                Some(_) | None => {}
            }
        }
        outdated.extend(self.inherited(&root)?);
        let mut service = None;
        if let Some(feature) = self.want.server()
            && let Ok(recipe) = self.library.service(self.want, &feature)
            && self.was_run(&root, &recipe)?
        {
            service = Some(feature);
        }
        let mut application = None;
        if let Some(script) = &self.want.application_script
            && let Ok(recipe) = self.library.script(self.want, script)
            && self.was_run(&root, &recipe)?
        {
            application = Some(script.clone());
        }
        let health = if self.is_healthy {
            Health::Healthy
        } else {
            Health::Ailing("it was not checked since it was started".to_owned())
        };
        Ok(Some(phoenix_domain::Inside {
            features,
            outdated,
            service,
            application,
            // A container needs no agent: it is entered through the kernel.
            agent_answers: true,
            health,
        }))
    }

    /// Returns the features it was cloned with whose recipe was another one then.
    fn inherited(&self, root: &Inside) -> Result<BTreeSet<FeatureName>, HostError> {
        let mut outdated = BTreeSet::new();
        for feature in installed(root)? {
            if self.want.features.contains(&feature) {
                continue;
            }
            let Some(version) = self.library.version(&feature)? else { continue };
            let receipt = read(root, &format!("feature-{feature}"))?;
            if !receipt.is_some_and(|receipt| receipt.is_of_version(&version)) {
                outdated.insert(feature);
            }
        }
        Ok(outdated)
    }

    fn was_run(&self, root: &Inside, recipe: &Recipe) -> Result<bool, HostError> {
        let receipt = read(root, &recipe.receipt)?;
        Ok(receipt.is_some_and(|receipt| receipt.is_of(recipe, self.secrets)))
    }
}

/// Returns the features that have left a receipt in a container.
pub(super) fn installed(root: &Inside) -> Result<Vec<FeatureName>, HostError> {
    let names = root.names(RECEIPTS).map_err(|err| HostError::Unreachable { err })?;
    Ok(names.iter().filter_map(|name| name.strip_prefix("feature-")?.parse().ok()).collect())
}

fn read(root: &Inside, name: &str) -> Result<Option<Receipt>, HostError> {
    let text = root.text(&format!("{RECEIPTS}/{name}"), LONGEST);
    let text = text.map_err(|err| HostError::Unreachable { err })?;
    Ok(text.and_then(|text| Receipt::read(&text)))
}
