//! Everything a rule may look at: the guests as they were read, the host, the library.

use ipnet::IpNet;
use phoenix_domain::{
    Address, FeatureName, GibiBytes, GuestSpec, Kind, Nic, StorageId, Vmid, VolumeSource,
};
use phoenix_hooks::RawWebhooks;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::folder::Folder;
use crate::host::Host;
use crate::inventory::Inventory;
use crate::library::Library;
use crate::place::{File, Place};
use crate::raw::{RawHypervisor, RawLxcHead};
use crate::sources::Sources;

/// Everything a rule may look at.
///
/// Nothing here has been compared with anything yet: a guest's parent may be missing, two guests
/// may have one id, and a chain of parents may be a circle.
pub(crate) struct Scene<'a> {
    /// The guests of all files, in the order in which they are written.
    pub(crate) guests: &'a [Guest],
    /// Where each id stands first among the guests.
    pub(crate) by_id: FxHashMap<Vmid, usize>,
    /// Ids of guests that could not be read; nothing can be said of them but that they are there.
    pub(crate) unreadable: &'a FxHashSet<Vmid>,
    /// The host's file, as written.
    pub(crate) hypervisor: &'a RawHypervisor,
    /// What the host's file says of webhooks.
    pub(crate) webhooks: Option<&'a RawWebhooks>,
    /// The containers' file besides the containers, as written.
    pub(crate) lxc_head: &'a RawLxcHead,
    /// The host's file in words that can be compared.
    pub(crate) host: &'a Host,
    /// The features there are.
    pub(crate) library: &'a Library,
    /// Facts of the host, where they are known.
    pub(crate) inventory: Option<&'a Inventory>,
    /// The folder of the files.
    pub(crate) folder: &'a Folder,
    /// The texts, for what only they say.
    pub(crate) sources: &'a Sources,
    /// Keys that no type asks for, by place.
    pub(crate) ignored: &'a [Ignored],
}

/// A guest as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    /// What is wanted of it.
    pub(crate) spec: Box<GuestSpec>,
    /// Where it stands.
    pub(crate) at: Place,
    /// What it takes from its parent because it does not say.
    pub(crate) inherits: Inherits,
    /// What the single keys of its model server say.
    pub(crate) model_keys: Option<Box<ModelKeys>>,
    /// Where each of its interfaces is written, in their order.
    pub(crate) nics_at: Vec<NicAt>,
    /// Where each of its volumes is written, in their order.
    pub(crate) volumes_at: Vec<VolumeAt>,
    /// Which of the guests it is cloned from, once all are read.
    pub(crate) parent: Option<usize>,
    /// A key that names an archive or image it is not made from, because another key wins.
    pub(crate) unused_origin: Option<&'static str>,
}

/// What a clone takes from its parent because it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inherits {
    /// Whether root inside is an ordinary user outside.
    pub(crate) unprivileged: bool,
    /// The storage of the root disk.
    pub(crate) storage: bool,
    /// The size of the root disk; true as well for one that is no clone and should have said.
    pub(crate) size: bool,
}

/// The keys of a model server that repeat what its arguments say.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelKeys {
    /// `vllm_gpu_memory_utilization`.
    pub(crate) gpu_share: Option<f64>,
    /// `vllm_tensor_parallel_size`.
    pub(crate) tensor_parallel: Option<u64>,
    /// `vllm_max_model_len`.
    pub(crate) max_model_len: Option<u64>,
    /// `vllm_quantization`.
    pub(crate) quantization: Option<String>,
    /// `vllm_served_model_name`.
    pub(crate) served_name: Option<String>,
}

/// A disk that a guest wants out of a storage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WantedDisk<'a> {
    /// The storage.
    pub(crate) storage: &'a StorageId,
    /// The size.
    pub(crate) size: GibiBytes,
    /// Which of the guest's volumes it is; the root disk is none.
    pub(crate) volume: Option<usize>,
}

/// Where an interface is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NicAt {
    /// The key of the guest.
    pub(crate) key: &'static str,
    /// Whether its bridge is written there and not beside it.
    pub(crate) holds_bridge: bool,
    /// Whether its MAC address is written there and not beside it.
    pub(crate) holds_mac: bool,
}

/// Where a volume is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VolumeAt {
    /// In a list of the guest.
    Guest {
        /// Which list.
        key: &'static str,
        /// Its position.
        nth: usize,
    },
    /// In `shared_volumes` of the host's file.
    Shared {
        /// Under which name.
        name: String,
        /// As which container.
        mount: String,
    },
}

/// A key that no type asks for.
#[derive(Clone, Debug)]
pub(crate) struct Ignored {
    /// Where it stands.
    pub(crate) place: Place,
}

impl Ignored {
    /// Takes note of a key at a place.
    pub(crate) fn at(place: Place) -> Self {
        Self { place }
    }
}

impl Scene<'_> {
    /// Returns the guest with this id; the first, where several have it.
    pub(crate) fn guest(&self, vmid: Vmid) -> Option<&Guest> {
        self.by_id.get(&vmid).and_then(|nth| self.guests.get(*nth))
    }

    /// Returns the guest whose nth entry of a file this is, where it could be read.
    pub(crate) fn guest_at(&self, file: File, entry: usize) -> Option<&Guest> {
        let position = |guest: &Guest| (guest.at.file, guest.at.entry);
        let nth = self.guests.binary_search_by_key(&(file, Some(entry)), position).ok()?;
        self.guests.get(nth)
    }

    /// Says whether there is a guest with this id, readable or not.
    pub(crate) fn knows(&self, vmid: Vmid) -> bool {
        self.by_id.contains_key(&vmid) || self.unreadable.contains(&vmid)
    }

    /// Returns the guest's parent, where it has one that can be read.
    pub(crate) fn parent(&self, guest: &Guest) -> Option<&Guest> {
        guest.parent.and_then(|nth| self.guests.get(nth))
    }

    /// Returns the guest's parent, the parent's parent and so on. A circle ends it.
    pub(crate) fn lineage<'s>(&'s self, guest: &'s Guest) -> impl Iterator<Item = &'s Guest> {
        // Templates stand on each other a few levels deep; a circle would go on for ever.
        const DEEPEST: usize = 64;
        std::iter::successors(self.parent(guest), |guest| self.parent(guest))
            .take(DEEPEST)
            .take_while(move |ancestor| ancestor.spec.vmid != guest.spec.vmid)
    }

    /// Says whether all the guest stands on by cloning is known, down to an archive or image.
    pub(crate) fn knows_lineage(&self, guest: &Guest) -> bool {
        self.lineage(guest).last().unwrap_or(guest).spec.parent().is_none()
    }

    /// Returns the nearest ancestor that brings a feature with it.
    pub(crate) fn inherits_feature(&self, guest: &Guest, feature: &FeatureName) -> Option<&Guest> {
        let nearest =
            self.lineage(guest).find(|ancestor| ancestor.spec.features.contains(feature))?;
        self.guest(nearest.spec.vmid)
    }

    /// Returns the features of the guest and of all it is cloned from.
    pub(crate) fn features<'s>(
        &'s self,
        guest: &'s Guest,
    ) -> impl Iterator<Item = &'s FeatureName> {
        std::iter::once(guest).chain(self.lineage(guest)).flat_map(|guest| &guest.spec.features)
    }

    /// Returns the ids from which guests are cloned.
    pub(crate) fn parents(&self) -> FxHashSet<Vmid> {
        self.guests.iter().filter_map(|guest| guest.spec.parent()).collect()
    }

    /// Returns the facts of the host that a guest lives on, where they are known.
    pub(crate) fn facts_for(&self, guest: &Guest) -> Option<&Inventory> {
        let facts = self.inventory?;
        match (&guest.spec.node, &facts.node) {
            (Some(node), Some(known)) if node.as_str() != known => None,
            (Some(_) | None, Some(_) | None) => Some(facts),
        }
    }
}

impl Guest {
    /// Returns the place of one of its keys.
    pub(crate) fn at(&self, key: &'static str) -> Place {
        self.at.clone().key(key)
    }

    /// Returns its addresses that are known beforehand, each with its interface and its position.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (usize, &Nic, IpNet)> {
        self.spec.nics.iter().enumerate().filter_map(|(nth, nic)| match nic.address {
            Address::Static(address) => Some((nth, nic, address)),
            Address::Dhcp => None,
        })
    }

    /// Returns the place where one of its interfaces is written.
    pub(crate) fn nic_at(&self, nth: usize) -> Place {
        self.nics_at.get(nth).map_or_else(|| self.at.clone(), |nic| self.at(nic.key))
    }

    /// Returns the place where the bridge of one of its interfaces is written.
    pub(crate) fn bridge_at(&self, nth: usize) -> Place {
        match self.nics_at.get(nth) {
            Some(NicAt { key, holds_bridge: true, .. }) => self.at(key).key("bridge"),
            Some(NicAt { key, .. }) => match self.spec.kind() {
                Kind::Container => self.at(key),
                Kind::Machine => self.at("network_bridge"),
            },
            None => self.at.clone(),
        }
    }

    /// Returns the place where the MAC address of one of its interfaces is written.
    pub(crate) fn mac_at(&self, nth: usize) -> Place {
        match self.nics_at.get(nth) {
            Some(NicAt { key, holds_mac: true, .. }) => self.at(key).key("hwaddr"),
            Some(_) | None => self.at("mac_address"),
        }
    }

    /// Returns the place of the size of its root disk.
    pub(crate) fn size_at(&self) -> Place {
        match self.spec.kind() {
            Kind::Container => self.at("storage_size_gb"),
            Kind::Machine => self.at("disk_size_gb"),
        }
    }

    /// Returns the place where one of its volumes is written.
    pub(crate) fn volume_at(&self, nth: usize) -> Place {
        match self.volumes_at.get(nth) {
            Some(VolumeAt::Guest { key, nth }) => self.at(key).index(*nth),
            Some(VolumeAt::Shared { name, mount }) => Place::file(File::Hypervisor)
                .key("shared_volumes")
                .key(name.clone())
                .key("mounts")
                .key(mount.clone()),
            None => self.at.clone(),
        }
    }

    /// Returns the disks it wants, the root disk first.
    pub(crate) fn disks(&self) -> impl Iterator<Item = WantedDisk<'_>> {
        let root = &self.spec.root_disk;
        let root = WantedDisk { storage: &root.storage, size: root.size, volume: None };
        let volumes =
            self.spec.volumes.iter().enumerate().filter_map(|(nth, volume)| match &volume.source {
                VolumeSource::Storage { storage, size, .. } => {
                    Some(WantedDisk { storage, size: *size, volume: Some(nth) })
                }
                VolumeSource::Host { .. } | VolumeSource::Nfs { .. } => None,
            });
        std::iter::once(root).chain(volumes)
    }

    /// Returns the place where the storage of one of its disks is written.
    pub(crate) fn storage_at(&self, disk: &WantedDisk<'_>) -> Place {
        match disk.volume {
            Some(nth) => self.volume_at(nth).key("pool"),
            None => self.at("storage_pool"),
        }
    }

    /// Says how people call it: `guest 950 (vllm-qwen)`.
    pub(crate) fn called(&self) -> String {
        format!("guest {} ({})", self.spec.vmid, self.spec.name)
    }
}
