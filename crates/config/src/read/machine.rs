//! Reading one virtual machine.

use phoenix_domain::{
    Body, BridgeName, Brings, Disk, FeatureName, GibiBytes, GpuSet, GuestSpec, Hostname,
    ImageSource, LoginName, Machine, MebiBytes, Origin, Seal, StorageId, User, Vmid, Volume,
    VolumeSource,
};

use super::parts::{self, NicDefaults};
use super::{Reading, given, probes};
use crate::finding::Finding;
use crate::place::{File, Place};
use crate::raw::RawMachine;
use crate::raw::lenient::OneOrMany;
use crate::raw::vm::{RawNfsVolume, RawUser, RawVmDefaults};
use crate::scene::{Guest, Inherits, VolumeAt};

/// What a machine has that does not say otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    cores: Option<u32>,
    memory: Option<MebiBytes>,
    size: Option<GibiBytes>,
    storage: Option<StorageId>,
    bridge: Option<BridgeName>,
}

impl Defaults {
    /// Reads `vm_defaults`.
    pub(crate) fn read(raw: Option<&RawVmDefaults>, findings: &mut Vec<Finding>) -> Self {
        let Some(raw) = raw else { return Self::default() };
        let at = Place::file(File::Vm).key("vm_defaults");
        let mut reading = Reading::new(at, findings);
        Self {
            cores: parts::small(&mut reading, "cores", raw.cores),
            memory: raw.memory_mb.map(|memory| MebiBytes(memory.0)),
            size: raw.disk_size_gb.map(|size| GibiBytes(size.0)),
            storage: reading.maybe("storage_pool", raw.storage_pool.as_deref()),
            bridge: reading.maybe("network_bridge", raw.network_bridge.as_deref()),
        }
    }
}

/// Reads one machine. There is none where its origin cannot be told.
pub(crate) fn machine(
    vmid: Vmid,
    raw: RawMachine,
    defaults: &Defaults,
    mut reading: Reading<'_>,
) -> Option<Guest> {
    let reading = &mut reading;
    let origin = origin(reading, &raw);
    let is_clone = matches!(origin, Some(Origin::Clone { .. }));

    let name =
        reading.required(reading.guest(), raw.name.as_deref(), "name", "give it a host name");
    let name = name.and_then(|name| reading.word(reading.at("name"), name));
    let own_storage = reading.maybe("storage_pool", raw.storage_pool.as_deref());
    let storage = own_storage.or_else(|| defaults.storage.clone());
    let size = raw.disk_size_gb.map(|size| GibiBytes(size.0)).or(defaults.size);
    let inherits = Inherits {
        unprivileged: false,
        storage: is_clone && storage.is_none(),
        size: size.is_none(),
    };
    if !is_clone {
        let help = "name the Proxmox storage of the root disk, here or in `vm_defaults`";
        reading.required(reading.guest(), storage.as_ref(), "storage_pool", help);
        let help = "say how large the root disk is, here or in `vm_defaults`";
        reading.required(reading.guest(), size, "disk_size_gb", help);
    }
    let bridge = reading.maybe("network_bridge", raw.network_bridge.as_deref());
    let bridge = bridge.or_else(|| defaults.bridge.clone());
    let nics = raw.network_config.as_ref().and_then(|nic| {
        let defaults =
            NicDefaults { name: None, bridge: bridge.as_ref(), mac: raw.mac_address.as_deref() };
        let read = parts::nic(reading, &reading.at("network_config"), nic, &defaults)?;
        Some((read, parts::nic_at("network_config", nic)))
    });
    let (nics, nics_at) = nics.into_iter().unzip();
    let has_image = raw.template_image.as_ref().is_some_and(|image| !image.is_empty());
    let unused_origin = (is_clone && has_image).then_some("template_image");
    let snapshot = reading.maybe("template_snapshot_name", raw.template_snapshot_name.as_deref());
    let features = features(reading, raw.features.as_ref());
    let (volumes, volumes_at) = volumes(reading, raw.volumes.as_deref().unwrap_or_default());
    let snapshots = raw.snapshots.unwrap_or_default();
    let mut taken = |key: &'static str, name: Option<String>| {
        let place = reading.at("snapshots").key(key);
        name.and_then(|name| reading.word(place, &name))
    };
    let before_features = taken("pre_features", snapshots.pre_features);
    let after_features = taken("post_features", snapshots.post_features);

    let mut spec = GuestSpec {
        vmid,
        name: name.or_else(|| stand_in(vmid))?,
        node: reading.maybe("node", raw.node.as_deref()),
        seal: match (raw.is_template, snapshot) {
            (Some(true), snapshot) => Some(Seal::Template { snapshot }),
            (_, Some(snapshot)) => Some(Seal::Snapshot(snapshot)),
            (_, None) => None,
        },
        cores: parts::small(reading, "cores", raw.cores).or(defaults.cores).or(Some(1)),
        memory: raw
            .memory_mb
            .map(|memory| MebiBytes(memory.0))
            .or(defaults.memory)
            .unwrap_or(GuestSpec::DEFAULT_MEMORY),
        root_disk: Disk {
            storage: storage.or_else(|| "local".parse().ok())?,
            size: size.unwrap_or(GibiBytes(0)),
        },
        nics,
        boot: parts::boot(reading, raw.start_at_boot, raw.boot_order, raw.boot_delay),
        features,
        parameters: given::parameters(reading, raw.feature_parameters),
        secrets: given::secrets(reading, raw.secrets),
        application_script: None,
        brings: Brings::default(),
        gpus: GpuSet::default(),
        volumes,
        ports: parts::ports(reading, raw.ports.as_ref()),
        firewall: parts::firewall(reading, raw.firewall),
        checks: parts::checks(reading, raw.health_check, raw.health_checks),
        probes: Vec::new(),
        health: probes::health(reading, raw.health),
        tests: std::collections::BTreeMap::new(),
        dependencies: parts::guests(reading, "dependencies", raw.dependencies.as_ref()),
        model_server: None,
        route: parts::route(reading, raw.traefik_service),
        body: Body::Machine(Machine {
            user: raw.user_config.and_then(|user| user_of(reading, user)),
            before_features,
            after_features,
        }),
        origin: origin?,
        upstreams: Vec::new(),
    };
    spec.probes = probes::probes(reading, raw.probes, &spec);
    let at = reading.guest();
    let spec = Box::new(spec);
    Some(Guest {
        spec,
        at,
        inherits,
        model_keys: None,
        nics_at,
        volumes_at,
        unused_origin,
        parent: None,
    })
}

fn features(reading: &mut Reading<'_>, raw: Option<&OneOrMany<String>>) -> Vec<FeatureName> {
    let named = raw.iter().flat_map(|list| &list.0).enumerate();
    named.filter_map(|(nth, name)| reading.word(reading.at("features").index(nth), name)).collect()
}

/// Returns the name Proxmox gives a machine that has none.
fn stand_in(vmid: Vmid) -> Option<Hostname> {
    format!("VM{vmid}").parse().ok()
}

fn origin(reading: &mut Reading<'_>, raw: &RawMachine) -> Option<Origin> {
    if let Some(parent) = &raw.clone_from_vmid {
        let parent = reading.word(reading.at("clone_from_vmid"), parent.0.trim())?;
        return Some(Origin::Clone { parent });
    }
    let image = reading.required(
        reading.guest(),
        raw.template_image.clone().filter(|image| !image.is_empty()),
        "template_image",
        "say what the machine is made from: `template_image` (a cloud image) or `clone_from_vmid`",
    )?;
    // What cannot be had is told, and the rest of the machine is looked at all the same.
    let _told: Option<ImageSource> = reading.word(reading.at("template_image"), &image);
    Some(Origin::CloudImage { image: image.into_boxed_str() })
}

fn user_of(reading: &mut Reading<'_>, raw: RawUser) -> Option<User> {
    let at = reading.at("user_config");
    let help = "give the user a login name";
    let name = reading.required(at.clone(), raw.username, "username", help)?;
    // Nobody could log in as somebody whom Linux does not know; the rest is looked at all the same.
    let _told: Option<LoginName> = reading.word(at.clone().key("username"), &name);
    let secret = raw.password_hash.as_deref();
    Some(User {
        name: name.into_boxed_str(),
        password_hash: secret.and_then(|text| reading.secret(at.key("password_hash"), text)),
        ssh_key: raw.ssh_public_key.filter(|key| !key.is_empty()).map(String::into_boxed_str),
    })
}

fn volumes(reading: &mut Reading<'_>, raw: &[RawNfsVolume]) -> (Vec<Volume>, Vec<VolumeAt>) {
    let mut volumes = Vec::new();
    let mut places = Vec::new();
    for (nth, volume) in raw.iter().enumerate() {
        let place = reading.at("volumes").index(nth);
        if volume.kind.as_deref().is_some_and(|kind| kind != "nfs") {
            let rule = "machines mount directories of NFS servers: `\"type\": \"nfs\"`";
            reading.refuse(place.key("type"), "this kind of volume is unknown", rule);
            continue;
        }
        let help = "a volume of a machine has a `server`, a `path` and a `mount_point`";
        let server = reading.required(place.clone(), volume.server.clone(), "server", help);
        let path = reading.required(place.clone(), volume.path.as_deref(), "path", help);
        let inside =
            reading.required(place.clone(), volume.mount_point.as_deref(), "mount_point", help);
        let path = path.and_then(|path| reading.word(place.clone().key("path"), path));
        let inside = inside.and_then(|inside| reading.word(place.key("mount_point"), inside));
        if let (Some(server), Some(path), Some(inside)) = (server, path, inside) {
            let source = VolumeSource::Nfs { server: server.into_boxed_str(), path };
            volumes.push(Volume { source, place: inside });
            places.push(VolumeAt::Guest { key: "volumes", nth });
        }
    }
    (volumes, places)
}
