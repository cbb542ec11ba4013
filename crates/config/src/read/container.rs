//! Reading one container.

use std::collections::BTreeMap;

use phoenix_domain::{
    AbsolutePath, AppArmor, Body, Brings, Container, Disk, FeatureName, GibiBytes, GuestSpec,
    Hostname, IdMap, MebiBytes, Nic, Origin, RawLine, Refused, Seal, Vmid, Volume, VolumeSource,
};

use super::parts::{self, NicDefaults};
use super::{Reading, given, model_server, probes};
use crate::raw::RawContainer;
use crate::raw::lenient::{ListOrText, ObjectOrText};
use crate::raw::lxc::RawVolume;
use crate::raw::shared::RawNic;
use crate::scene::{Guest, Inherits, NicAt, VolumeAt};

/// Reads one container. There is none where its origin cannot be told: everything else that is
/// wrong leaves a guest that can still be compared with the others.
pub(crate) fn container(vmid: Vmid, raw: RawContainer, mut reading: Reading<'_>) -> Option<Guest> {
    let reading = &mut reading;
    let origin = origin(reading, &raw);
    let is_clone = matches!(origin, Some(Origin::Clone { .. }));

    let name =
        reading.required(reading.guest(), raw.name.as_deref(), "name", "give it a host name");
    let name = name.and_then(|name| reading.word(reading.at("name"), name));
    let storage = reading.maybe("storage_pool", raw.storage_pool.as_deref());
    let size = raw.storage_size_gb.map(|size| GibiBytes(size.0));
    if !is_clone {
        let help = "name the Proxmox storage of the root disk";
        reading.required(reading.guest(), raw.storage_pool.as_ref(), "storage_pool", help);
        reading.required(
            reading.guest(),
            size,
            "storage_size_gb",
            "say how large the root disk is",
        );
    }
    let inherits = Inherits {
        unprivileged: is_clone && raw.unprivileged.is_none(),
        storage: is_clone && raw.storage_pool.is_none(),
        size: size.is_none(),
    };

    let (features, mut options) = features(reading, raw.features.as_ref());
    for (nth, option) in raw.pct_options.iter().flat_map(|list| &list.0).enumerate() {
        let pair = option
            .split_once('=')
            .ok_or_else(|| Refused::new(option, "a Proxmox feature", "it is written `nesting=1`"));
        let place = reading.at("pct_options").index(nth);
        if let Some((key, value)) = reading.taken(place, pair) {
            options.insert(key.trim().into(), value.trim().into());
        }
    }
    let (model_server, model_keys) = model_server::model_server(&raw);
    let (nics, nics_at) = nics(reading, &raw);
    let (volumes, volumes_at) = volumes(reading, &raw);
    let unused_origin = unused_origin(&raw);
    let gpus = raw
        .gpu_assignment
        .as_ref()
        .map(|list| list.0.iter().map(|label| label.0.as_str()).collect::<Vec<_>>().join(","));
    let gpus = gpus.and_then(|gpus| reading.word(reading.at("gpu_assignment"), &gpus));

    let mut spec = GuestSpec {
        vmid,
        name: name.or_else(|| stand_in(vmid))?,
        node: reading.maybe("node", raw.node.as_deref()),
        seal: seal(reading, &raw),
        cores: parts::small(reading, "cores", raw.cores),
        memory: raw.memory_mb.map_or(GuestSpec::DEFAULT_MEMORY, |memory| MebiBytes(memory.0)),
        root_disk: Disk {
            storage: storage.or_else(|| "local".parse().ok())?,
            size: size.unwrap_or(GibiBytes(0)),
        },
        nics,
        boot: parts::boot(reading, raw.start_at_boot, raw.boot_order, raw.boot_delay),
        features,
        parameters: given::parameters(reading, raw.feature_parameters),
        secrets: given::secrets(reading, raw.secrets),
        application_script: reading.maybe("application_script", raw.application_script.as_deref()),
        brings: Brings::default(),
        gpus: gpus.unwrap_or_default(),
        volumes,
        ports: parts::ports(reading, raw.ports.as_ref()),
        firewall: parts::firewall(reading, raw.firewall),
        checks: parts::checks(reading, raw.health_check, raw.health_checks),
        probes: Vec::new(),
        health: probes::health(reading, raw.health),
        tests: parts::tests(reading, raw.tests),
        dependencies: parts::guests(reading, "dependencies", raw.dependencies.as_ref()),
        model_server,
        route: parts::route(reading, raw.traefik_service),
        body: Body::Container(Container {
            unprivileged: raw.unprivileged.unwrap_or(true),
            swap: raw.swap_mb.map(|swap| MebiBytes(swap.0)),
            options,
            apparmor: match raw.apparmor_profile.as_deref() {
                None | Some("") => AppArmor::Generated,
                Some("unconfined") => AppArmor::Unconfined,
                Some(name) => reading
                    .word(reading.at("apparmor_profile"), name)
                    .map_or(AppArmor::Generated, AppArmor::Named),
            },
            apparmor_nesting: raw.apparmor_manages_nesting.unwrap_or(false),
            raw_lines: raw_lines(reading, raw.lxc_options.map(|list| list.0)),
            id_maps: id_maps(reading, raw.id_maps),
            portainer_role: raw.portainer_role.map(String::into_boxed_str),
        }),
        origin: origin?,
        upstreams: Vec::new(),
    };
    spec.probes = probes::probes(reading, raw.probes, &spec);
    let at = reading.guest();
    let spec = Box::new(spec);
    Some(Guest { spec, at, inherits, model_keys, nics_at, volumes_at, unused_origin, parent: None })
}

/// Returns the name Proxmox gives a container that has none.
fn stand_in(vmid: Vmid) -> Option<Hostname> {
    format!("CT{vmid}").parse().ok()
}

fn origin(reading: &mut Reading<'_>, raw: &RawContainer) -> Option<Origin> {
    if let Some(parent) = &raw.clone_from_ctid {
        let parent = reading.word(reading.at("clone_from_ctid"), parent.0.trim())?;
        return Some(Origin::Clone { parent });
    }
    let archive = raw.template.clone().or_else(|| raw.template_file.clone());
    let archive = reading.required(
        reading.guest(),
        archive.filter(|archive| !archive.is_empty()),
        "template",
        "say what the container is made from: `template` (an archive) or `clone_from_ctid`",
    )?;
    Some(Origin::Template { archive: archive.into_boxed_str() })
}

/// Returns the first key that [`origin`] does not come to, because one before it wins.
fn unused_origin(raw: &RawContainer) -> Option<&'static str> {
    let is_clone = raw.clone_from_ctid.is_some();
    let is_written = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    match (is_written(&raw.template), is_written(&raw.template_file)) {
        (true, _) if is_clone => Some("template"),
        (true, true) => Some("template_file"),
        (false, true) if is_clone => Some("template_file"),
        (true | false, false) | (false, true) => None,
    }
}

fn seal(reading: &mut Reading<'_>, raw: &RawContainer) -> Option<Seal> {
    let snapshot = reading.maybe("template_snapshot_name", raw.template_snapshot_name.as_deref());
    if raw.is_template == Some(true) {
        return Some(Seal::Template { snapshot });
    }
    snapshot.map(Seal::Snapshot)
}

fn features(
    reading: &mut Reading<'_>,
    raw: Option<&ListOrText>,
) -> (Vec<FeatureName>, BTreeMap<Box<str>, Box<str>>) {
    let mut options = BTreeMap::new();
    let mut names: Vec<(Option<usize>, &str)> = Vec::new();
    match raw {
        None => {}
        Some(ListOrText::List(list)) => {
            names.extend(list.iter().enumerate().map(|(nth, name)| (Some(nth), name.as_str())));
        }
        Some(ListOrText::Text(text)) => {
            for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
                match word.split_once('=') {
                    Some((key, value)) => {
                        options.insert(key.trim().into(), value.trim().into());
                    }
                    None => names.push((None, word)),
                }
            }
            if !options.is_empty() {
                let list: Vec<_> = options.iter().map(|(k, v)| format!("\"{k}={v}\"")).collect();
                reading.translated(
                    reading.at("features"),
                    "Proxmox features as a text in `features` are an older spelling",
                    format!("write `\"pct_options\": [{}]`", list.join(", ")),
                );
            }
        }
    }
    let mut features = Vec::with_capacity(names.len());
    for (nth, name) in names {
        let place = reading.at("features");
        let place = match nth {
            Some(nth) => place.index(nth),
            None => place,
        };
        features.extend(reading.word::<FeatureName>(place, name));
    }
    (features, options)
}

fn nics(reading: &mut Reading<'_>, raw: &RawContainer) -> (Vec<Nic>, Vec<NicAt>) {
    let first = match &raw.network_config {
        None => None,
        Some(ObjectOrText::Object(nic)) => Some(nic.clone()),
        Some(ObjectOrText::Text(text)) => {
            reading.translated(
                reading.at("network_config"),
                "a network as one text is an older spelling",
                "write an object with `name`, `bridge`, `ip`, `gw` and `nameservers`".to_owned(),
            );
            let mut parts = text.split(',').map(|part| part.trim().to_owned());
            Some(RawNic {
                ip: parts.next(),
                gw: parts.next(),
                nameservers: parts.next().map(|part| crate::raw::lenient::OneOrMany(vec![part])),
                ..RawNic::default()
            })
        }
    };
    let mac = raw.mac_address.as_deref();
    let written = [
        ("network_config", first.as_ref(), "eth0", mac),
        ("secondary_network_config", raw.secondary_network_config.as_ref(), "eth1", None),
    ];
    let count = written.iter().filter(|(_, raw, _, _)| raw.is_some()).count();
    let (mut nics, mut places) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (key, raw, name, mac) in written {
        let Some(raw) = raw else { continue };
        let defaults = NicDefaults { name: Some(name), bridge: None, mac };
        if let Some(nic) = parts::nic(reading, &reading.at(key), raw, &defaults) {
            nics.push(nic);
            places.push(parts::nic_at(key, raw));
        }
    }
    (nics, places)
}

fn volumes(reading: &mut Reading<'_>, raw: &RawContainer) -> (Vec<Volume>, Vec<VolumeAt>) {
    let count = |list: &Option<Vec<RawVolume>>| list.as_ref().map_or(0, Vec::len);
    let mounts = raw.mount_points.as_ref().map_or(0, Vec::len);
    let count = count(&raw.volumes) + count(&raw.zfs_volumes) + mounts;
    let (mut volumes, mut places) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (key, list) in [("volumes", &raw.volumes), ("zfs_volumes", &raw.zfs_volumes)] {
        for (nth, volume) in list.iter().flatten().enumerate() {
            if let Some(volume) = storage_volume(reading, key, nth, volume) {
                volumes.push(volume);
                places.push(VolumeAt::Guest { key, nth });
            }
        }
    }
    for (nth, mount) in raw.mount_points.iter().flatten().enumerate() {
        let place = reading.at("mount_points").index(nth);
        let mut path = |value: &Option<String>, key: &'static str| -> Option<AbsolutePath> {
            let help = "a mount has a `host_path` and a `container_path`";
            let text = reading.required(place.clone(), value.clone(), key, help)?;
            reading.word(place.clone().key(key), &text)
        };
        let host = path(&mount.host_path, "host_path");
        let inside = path(&mount.container_path, "container_path");
        if let (Some(host), Some(inside)) = (host, inside) {
            let id =
                |id: Option<crate::raw::lenient::Whole>| id.and_then(|id| u32::try_from(id.0).ok());
            let source = VolumeSource::Host {
                path: host,
                owner: id(mount.owner_uid),
                group: id(mount.owner_gid),
            };
            volumes.push(Volume { source, place: inside });
            places.push(VolumeAt::Guest { key: "mount_points", nth });
        }
    }
    (volumes, places)
}

fn storage_volume(
    reading: &mut Reading<'_>,
    key: &'static str,
    nth: usize,
    raw: &RawVolume,
) -> Option<Volume> {
    let place = reading.at(key).index(nth);
    let help = "a volume has a `name`, a `pool`, a `size_gb` and a `mount_point`";
    let name = reading.required(place.clone(), raw.name.as_deref(), "name", help);
    let pool = reading.required(place.clone(), raw.pool.as_deref(), "pool", help);
    let size = reading.required(place.clone(), raw.size_gb, "size_gb", help);
    let inside = reading.required(place.clone(), raw.mount_point.as_deref(), "mount_point", help);
    let name = name.and_then(|name| reading.word(place.clone().key("name"), name));
    let storage = pool.and_then(|pool| reading.word(place.clone().key("pool"), pool));
    let inside = inside.and_then(|inside| reading.word(place.key("mount_point"), inside));
    let source = VolumeSource::Storage { name: name?, storage: storage?, size: GibiBytes(size?.0) };
    Some(Volume { source, place: inside? })
}

fn raw_lines(reading: &mut Reading<'_>, raw: Option<Vec<String>>) -> Vec<RawLine> {
    let raw = raw.unwrap_or_default();
    let mut lines = Vec::with_capacity(raw.len());
    for (nth, text) in raw.into_iter().enumerate() {
        // `key: value` is how Proxmox itself writes the line.
        let pair = match (text.find('='), text.find(": ")) {
            (Some(equals), Some(colon)) if colon < equals => text.split_once(": "),
            (None, Some(_)) => text.split_once(": "),
            (_, _) => text.split_once('='),
        };
        let line = pair.map(|(key, value)| (key.trim(), value.trim())).filter(|(key, value)| {
            !key.is_empty() && !value.is_empty() && !key.contains(char::is_whitespace)
        });
        let place = reading.at("lxc_options").index(nth);
        match line {
            Some((key, value)) => lines.push(RawLine { key: key.into(), value: value.into() }),
            None => reading.refuse(
                place,
                "this is no line of an LXC config",
                "a raw line is written `lxc.key=value`; the value may have blanks in it",
            ),
        }
    }
    lines
}

fn id_maps(reading: &mut Reading<'_>, raw: Option<Vec<crate::raw::lxc::RawIdMap>>) -> Vec<IdMap> {
    let mut maps = Vec::new();
    for (nth, map) in raw.into_iter().flatten().enumerate() {
        let number = |whole: Option<crate::raw::lenient::Whole>| {
            whole.and_then(|whole| u32::try_from(whole.0).ok())
        };
        let group = match map.kind.as_deref() {
            Some("gid") => Some(true),
            Some("uid") => Some(false),
            Some(_) | None => None,
        };
        let numbers = (number(map.container_id), number(map.host_id), number(map.size));
        match (group, numbers) {
            (Some(group), (Some(inside), Some(outside), Some(count))) => {
                maps.push(IdMap { group, inside, outside, count });
            }
            (_, _) => reading.refuse(
                reading.at("id_maps").index(nth),
                "this is no map of ids",
                "a map has a `type` (`uid` or `gid`), a `container_id`, a `host_id` and a `size`",
            ),
        }
    }
    maps
}
