//! A guest of a simulated host, as its file has it.

use std::collections::BTreeMap;

use phoenix_domain::{
    BootId, Brings, Change, Disk, Facets, FeatureName, FileName, GuestKey, GuestSpec, Health,
    Inheritance, Inside, Made, ModelServer, Owner, Property, Run, SeenGuest, SnapshotName,
    SpecDigest, StorageId, Vmid, Volume, VolumeSource, is_gateway,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use crate::Aside;

/// A guest of a simulated host.
///
/// There is no time, no process id and nothing random in it: a guest that was made in one go and
/// one whose making was cut short ten times are the same, byte for byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimulatedGuest {
    /// Which.
    pub guest: GuestKey,
    /// What a look at it tells; its inside is always there, even while it stands still.
    pub seen: SeenGuest,
    /// What its snapshots hold.
    pub frozen: BTreeMap<SnapshotName, Frozen>,
    /// Volumes of its own that are mounted no longer.
    pub unused: Vec<Volume>,
    /// The model it serves, where it has what serves models.
    pub model_server: Option<ModelServer>,
    /// Whether it was cleaned for its clones, and not started since.
    pub clean: bool,
    /// Services of it that are sick.
    pub broken: BTreeMap<String, Broken>,
    /// The digest of what it led to when it was told, where it is a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstreams: Option<SpecDigest>,
    /// What was brought along of what was run in it.
    #[serde(default, skip_serializing_if = "Brings::is_empty")]
    pub brings: Brings,
    /// How often it was started: the only trace of a start that had to be made again.
    pub boots: u64,
    /// How often it was repaired from within.
    #[serde(default)]
    pub repairs: u64,
    /// Where it came from, where it was set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<Aside>,
}

/// What a snapshot holds of a guest: what a clone of it begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frozen {
    /// Its properties then.
    pub properties: Vec<Property>,
    /// Its root disk then.
    pub root_disk: Disk,
    /// Its volumes then.
    pub volumes: Vec<Volume>,
    /// Its features then.
    pub features: BTreeSet<FeatureName>,
    /// Its application then.
    pub application: Option<FileName>,
    /// What was set up to serve then.
    #[serde(default)]
    pub service: Option<FeatureName>,
    /// The digest of what it led to then.
    #[serde(default)]
    pub upstreams: Option<SpecDigest>,
    /// What was brought along of what was run in it then.
    #[serde(default, skip_serializing_if = "Brings::is_empty")]
    pub brings: Brings,
}

/// What is wrong with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// How it shows.
    pub how: Sickness,
    /// What cures it.
    pub until: Cure,
}

/// How a sick service shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sickness {
    /// It takes connections and does not answer.
    Hang,
    /// It does not listen.
    Refuse,
    /// It answers with 503.
    #[serde(rename = "503")]
    Unavailable,
    /// It says that it is well, and does no work.
    Stall,
    /// It answers well, and what it should have is not there.
    Empty,
}

/// What cures a sick service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cure {
    /// Somebody who mends it.
    Hand,
    /// A start of its guest.
    Restart,
    /// A start of what it serves, or of its guest.
    Service,
    /// Setting its application up once more.
    Application,
}

/// The word under which the agent of a machine can be broken.
pub(super) const AGENT: &str = "agent";

impl SimulatedGuest {
    /// Returns what a look at it tells whoever wants this of it.
    pub(super) fn look(&self, want: &GuestSpec, facets: Facets) -> SeenGuest {
        let mut seen = self.seen.clone();
        seen.is_clean = self.clean;
        seen.boot = self.runs().then(|| BootId::new(format!("boot {}", self.boots)));
        let leads_there = self.upstreams == Some(SpecDigest::of_upstreams(&want.upstreams));
        seen.inside = match (facets, self.runs()) {
            // Nobody can look into a guest that stands still.
            (Facets::Config, _) | (Facets::Inside, false) => None,
            (Facets::Inside, true) => {
                let is_as_wanted = self.model_server == want.model_server;
                seen.inside.map(|mut inside| {
                    // As on a real host, one that leads elsewhere counts as not installed.
                    inside.features.retain(|feature| leads_there || !is_gateway(feature));
                    // So does what was brought along and is now another one.
                    let (had, wanted) = (&self.brings, &want.brings);
                    inside.features.retain(|feature| {
                        had.features.get(feature) == wanted.features.get(feature)
                    });
                    let is_same = had.script == wanted.script;
                    Inside {
                        health: self.health(),
                        service: inside.service.filter(|_| is_as_wanted),
                        application: inside.application.filter(|_| is_same),
                        ..inside
                    }
                })
            }
        };
        seen
    }

    /// Says how what it offers does.
    pub(super) fn health(&self) -> Health {
        let sick = self.broken.iter().find(|(service, _)| *service != AGENT);
        match (self.runs(), sick) {
            (false, _) => Health::Ailing("it does not run".to_owned()),
            (true, None) => Health::Healthy,
            (true, Some((service, broken))) => {
                Health::Ailing(format!("{service} {}", broken.how.shows()))
            }
        }
    }

    /// Says whether it runs.
    pub(super) fn runs(&self) -> bool {
        match self.seen.run {
            Run::Stopped => false,
            Run::Running | Run::RunningStale => true,
        }
    }

    /// Returns what others can be cloned from: a snapshot made for that, or itself as a template.
    pub(super) fn to_clone(&self) -> Option<Frozen> {
        let is_made = self.seen.made == Made::Whole;
        if is_made && self.seen.template.is_some() {
            return Some(self.freeze());
        }
        let made_for_it = self.seen.snapshots.iter().find(|(_, contents)| contents.is_some());
        made_for_it.filter(|_| is_made).and_then(|(name, _)| self.frozen.get(name)).cloned()
    }

    /// Returns what a clone of it begins with, where one can be made.
    pub(super) fn inheritance(&self) -> Option<Inheritance> {
        self.to_clone().map(|frozen| Inheritance {
            properties: frozen.properties,
            unprivileged: self.seen.unprivileged,
            root_disk: frozen.root_disk.size,
            volumes: frozen.volumes,
        })
    }

    /// Returns what a snapshot of it holds.
    pub(super) fn freeze(&self) -> Frozen {
        let SeenGuest { properties, root_disk, volumes, .. } = self.seen.clone();
        let Inside { features, application, service, .. } =
            self.seen.inside.clone().unwrap_or_else(blank);
        let (upstreams, brings) = (self.upstreams.clone(), self.brings.clone());
        Frozen { properties, root_disk, volumes, features, application, service, upstreams, brings }
    }

    /// Makes it what it was, and still; its volumes are as they are. Says whether there is such a
    /// snapshot.
    pub(super) fn roll_back(&mut self, name: &SnapshotName) -> bool {
        let Some(was) = self.frozen.get(name).cloned() else { return false };
        self.halt();
        (self.seen.properties, self.seen.root_disk) = (was.properties, was.root_disk);
        (self.upstreams, self.brings) = (was.upstreams, was.brings);
        self.broken.clear();
        let inside = self.inside();
        (inside.features, inside.application) = (was.features, was.application);
        (inside.service, inside.outdated) = (was.service, BTreeSet::new());
        true
    }

    /// Returns its inside; made where a hand outside has left none.
    pub(super) fn inside(&mut self) -> &mut Inside {
        self.seen.inside.get_or_insert_with(blank)
    }

    /// Returns how much of a storage it takes up, in GiB.
    pub(super) fn takes(&self, storage: &StorageId) -> u64 {
        let disk = &self.seen.root_disk;
        let root = if disk.storage == *storage { disk.size.0 } else { 0 };
        self.seen.volumes.iter().chain(&self.unused).fold(root, |sum, volume| {
            sum.saturating_add(match &volume.source {
                VolumeSource::Storage { storage: on, size, .. } if on == storage => size.0,
                VolumeSource::Storage { .. }
                | VolumeSource::Host { .. }
                | VolumeSource::Nfs { .. } => 0,
            })
        })
    }

    /// Makes it run, or run anew.
    pub(super) fn boot(&mut self) {
        self.boots += 1;
        self.seen.run = Run::Running;
        self.clean = false;
        self.inside().agent_answers = false;
        self.cure(&[Cure::Restart, Cure::Service]);
    }

    /// Cures what these cure.
    pub(super) fn cure(&mut self, cures: &[Cure]) {
        self.broken.retain(|_, broken| !cures.contains(&broken.until));
    }

    /// Notes out of which pack a feature was installed, where it was brought along.
    pub(super) fn installed_by(&mut self, feature: &FeatureName, brings: &Brings) {
        self.brings.features.remove(feature);
        let pack = brings.features.get(feature).cloned();
        self.brings.features.extend(pack.map(|pack| (feature.clone(), pack)));
    }

    /// Notes that it was repaired once more.
    pub(super) fn repair(&mut self) {
        self.repairs += 1;
        let name = BootId::new(format!("repair {}", self.repairs));
        self.inside().repaired = Some(name);
    }

    /// Returns it as it is under another number, nobody's and without what is kept for its old one.
    pub(super) fn set_aside(mut self, under: Vmid, aside: Aside) -> Self {
        self.guest.vmid = under;
        self.aside = Some(aside);
        self.seen.owner = Owner::Somebody;
        self.seen.volumes.clear();
        self.unused.clear();
        for property in &mut self.seen.properties {
            if let Property::Boot(boot) = property {
                boot.at_boot = false;
            }
        }
        self
    }

    /// Makes it stand still.
    pub(super) fn halt(&mut self) {
        self.seen.run = Run::Stopped;
        self.seen.addresses.clear();
        self.inside().agent_answers = false;
    }

    /// Says whether what it holds as a snapshot or template is this.
    pub(super) fn hold(&mut self, name: &SnapshotName, contents: Option<&SpecDigest>) {
        let frozen = self.freeze();
        self.frozen.insert(name.clone(), frozen);
        self.seen.snapshots.insert(name.clone(), contents.cloned());
    }
}

impl Sickness {
    /// Says how it shows.
    pub fn shows(self) -> &'static str {
        match self {
            Self::Hang => "hangs",
            Self::Stall => "does no work",
            Self::Refuse => "refuses connections",
            Self::Unavailable => "answers 503",
            Self::Empty => "has lost what it had",
        }
    }
}

/// Returns a guest of which only the number is taken.
pub(super) fn half_made(
    guest: GuestKey,
    root_disk: Disk,
    unprivileged: Option<bool>,
) -> SimulatedGuest {
    SimulatedGuest {
        guest,
        seen: SeenGuest {
            owner: Owner::Phoenix,
            made: Made::Half,
            run: Run::Stopped,
            boot: None,
            addresses: Vec::new(),
            properties: Vec::new(),
            unprivileged,
            root_disk,
            volumes: Vec::new(),
            snapshots: BTreeMap::new(),
            template: None,
            parent: None,
            is_protected: false,
            is_rigid: false,
            is_clean: false,
            freezes_volumes: false,
            inside: Some(blank()),
        },
        frozen: BTreeMap::new(),
        unused: Vec::new(),
        model_server: None,
        clean: false,
        broken: BTreeMap::new(),
        upstreams: None,
        brings: Brings::default(),
        boots: 0,
        repairs: 0,
        aside: None,
    }
}

fn blank() -> Inside {
    Inside {
        features: BTreeSet::new(),
        outdated: BTreeSet::new(),
        service: None,
        application: None,
        repaired: None,
        agent_answers: false,
        health: Health::Healthy,
    }
}

/// Says whether a change leaves something behind on the host.
pub(super) fn has_effect(change: &Change) -> bool {
    match change {
        Change::AwaitHealthy => false,
        Change::Create { .. }
        | Change::RemoveHalfMade
        | Change::SetProperties { .. }
        | Change::Attach { .. }
        | Change::Detach { .. }
        | Change::GrowVolume { .. }
        | Change::GrowRootDisk { .. }
        | Change::Start
        | Change::Restart
        | Change::Stop
        | Change::AwaitAgent
        | Change::InstallFeature { .. }
        | Change::SetUpService { .. }
        | Change::RunApplicationScript { .. }
        | Change::RestartServices
        | Change::ForgetApplication
        | Change::TakeSnapshot { .. }
        | Change::RemoveSnapshot { .. }
        | Change::RollBack { .. }
        | Change::CleanForTemplate
        | Change::ConvertToTemplate { .. }
        | Change::Adopt
        | Change::SetAside { .. }
        | Change::Destroy { .. } => true,
    }
}
