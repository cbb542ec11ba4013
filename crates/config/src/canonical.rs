//! Guests in the form of the configuration files: one spelling, every default written out.

use std::collections::BTreeMap;

use phoenix_domain::health::{Ask, Care, Declared, Probe};
use phoenix_domain::{
    AppArmor, Body, Check, Container, Firewall, GuestSpec, IdMap, Machine, Nic, Origin, Parameters,
    PortMapping, Seal, TestScript, TrafficDirection, Volume, VolumeSource,
};
use serde_json::{Map, Value};

use crate::raw::given::{Named, RawSetting};
use crate::raw::lenient::{Label, ListOrText, ObjectOrText, OneOrMany, Whole};
use crate::raw::lxc::{RawIdMap, RawMountPoint, RawVolume};
use crate::raw::shared::{
    RawCheck, RawFirewall, RawFirewallRule, RawHealth, RawNic, RawProbe, RawRoute, RawTest,
};
use crate::raw::vm::{RawNfsVolume, RawSnapshots, RawUser};
use crate::raw::{RawContainer, RawMachine};

/// Returns guests as the two files of guests would hold them.
pub fn config_form<'g>(guests: impl Iterator<Item = &'g GuestSpec>) -> Value {
    let (mut containers, mut machines) = (Map::new(), Vec::new());
    for guest in guests {
        let entry = Value::Object(entry(guest));
        match guest.body {
            Body::Container(_) => {
                containers.insert(guest.vmid.to_string(), entry);
            }
            Body::Machine(_) => machines.push(entry),
        }
    }
    // What is empty is left out, so that the guests of one file are that file.
    let mut document = Map::new();
    if !containers.is_empty() || machines.is_empty() {
        document.insert("lxc_configs".to_owned(), Value::Object(containers));
    }
    if !machines.is_empty() {
        document.insert("vms".to_owned(), Value::Array(machines));
    }
    Value::Object(document)
}

/// Returns one guest as its file would hold it.
pub(crate) fn entry(guest: &GuestSpec) -> Map<String, Value> {
    let raw = match &guest.body {
        Body::Container(container) => serde_json::to_value(self::container(guest, container)),
        Body::Machine(machine) => serde_json::to_value(self::machine(guest, machine)),
    };
    match raw.map(without_nulls) {
        Ok(Value::Object(entry)) => entry,
        // The raw types are objects with text keys: serde_json takes them all.
        Ok(_) | Err(_) => Map::new(),
    }
}

fn container(guest: &GuestSpec, container: &Container) -> RawContainer {
    let mut nics = nics(guest);
    let model = guest.model_server.as_ref();
    let owned = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    RawContainer {
        name: Some(guest.name.to_string()),
        node: guest.node.as_ref().map(ToString::to_string),
        memory_mb: Some(Whole(guest.memory.0)),
        swap_mb: container.swap.map(|swap| Whole(swap.0)),
        cores: guest.cores.map(whole),
        template: match &guest.origin {
            Origin::Template { archive } => Some(archive.to_string()),
            Origin::Clone { .. } | Origin::CloudImage { .. } => None,
        },
        clone_from_ctid: guest.parent().map(|parent| Label(parent.to_string())),
        template_snapshot_name: snapshot(guest.seal.as_ref()),
        is_template: is_template(guest.seal.as_ref()),
        storage_pool: Some(guest.root_disk.storage.to_string()),
        storage_size_gb: Some(Whole(guest.root_disk.size.0)),
        network_config: nics.next().map(ObjectOrText::Object),
        secondary_network_config: nics.next(),
        mac_address: mac_address(guest),
        features: Some(ListOrText::List(guest.features.iter().map(ToString::to_string).collect())),
        feature_parameters: parameters(&guest.parameters),
        secrets: secrets(guest),
        gpu_assignment: Some(OneOrMany(vec![Label(guest.gpus.to_string())])),
        unprivileged: Some(container.unprivileged),
        application_script: guest.application_script.as_ref().map(ToString::to_string),
        dependencies: some(guest.dependencies.iter().map(|id| Label(id.to_string())).collect()),
        start_at_boot: Some(guest.boot.at_boot),
        boot_order: guest.boot.order.map(whole),
        boot_delay: guest.boot.delay.map(whole),
        apparmor_profile: match &container.apparmor {
            AppArmor::Generated => None,
            AppArmor::Unconfined => Some("unconfined".to_owned()),
            AppArmor::Named(name) => Some(name.to_string()),
        },
        apparmor_manages_nesting: Some(container.apparmor_nesting),
        pct_options: some(container.options.iter().map(|(k, v)| format!("{k}={v}")).collect()),
        lxc_options: some(
            container.raw_lines.iter().map(|line| format!("{}={}", line.key, line.value)).collect(),
        ),
        id_maps: list(container.id_maps.iter().map(id_map).collect()),
        volumes: list(guest.volumes.iter().filter_map(volume).collect()),
        mount_points: list(guest.volumes.iter().filter_map(mount_point).collect()),
        ports: ports(&guest.ports),
        firewall: firewall(&guest.firewall),
        health_checks: some(guest.checks.iter().map(check).collect()),
        probes: list(guest.probes.iter().map(probe).collect()),
        health: health(&guest.health),
        tests: tests(&guest.tests),
        portainer_role: owned(&container.portainer_role),
        traefik_service: route(guest),
        vllm_model: model.map(|model| model.model.to_string()),
        vllm_served_model_name: model.and_then(|model| owned(&model.served_name)),
        vllm_model_type: model.and_then(|model| owned(&model.model_type)),
        vllm_port: model.and_then(|model| model.port).map(|port| Whole(port.into())),
        vllm_args: model.map(|model| {
            model.arguments.iter().map(|argument| Label(argument.to_string())).collect()
        }),
        ..RawContainer::default()
    }
}

fn machine(guest: &GuestSpec, machine: &Machine) -> RawMachine {
    RawMachine {
        vmid: Some(Label(guest.vmid.to_string())),
        name: Some(guest.name.to_string()),
        node: guest.node.as_ref().map(ToString::to_string),
        is_template: is_template(guest.seal.as_ref()),
        template_image: match &guest.origin {
            Origin::CloudImage { image } => Some(image.to_string()),
            Origin::Clone { .. } | Origin::Template { .. } => None,
        },
        clone_from_vmid: guest.parent().map(|parent| Label(parent.to_string())),
        template_snapshot_name: snapshot(guest.seal.as_ref()),
        cores: guest.cores.map(whole),
        memory_mb: Some(Whole(guest.memory.0)),
        disk_size_gb: Some(Whole(guest.root_disk.size.0)),
        storage_pool: Some(guest.root_disk.storage.to_string()),
        network_config: nics(guest).next(),
        mac_address: mac_address(guest),
        user_config: machine.user.as_ref().map(|user| RawUser {
            username: Some(user.name.to_string()),
            password_hash: user.password_hash.as_ref().map(ToString::to_string),
            ssh_public_key: user.ssh_key.as_deref().map(str::to_owned),
        }),
        start_at_boot: Some(guest.boot.at_boot),
        boot_order: guest.boot.order.map(whole),
        boot_delay: guest.boot.delay.map(whole),
        features: Some(OneOrMany(guest.features.iter().map(ToString::to_string).collect())),
        feature_parameters: parameters(&guest.parameters),
        secrets: secrets(guest),
        dependencies: some(guest.dependencies.iter().map(|id| Label(id.to_string())).collect()),
        volumes: list(guest.volumes.iter().filter_map(nfs_volume).collect()),
        snapshots: (machine.before_features.is_some() || machine.after_features.is_some()).then(
            || RawSnapshots {
                pre_features: machine.before_features.as_ref().map(ToString::to_string),
                post_features: machine.after_features.as_ref().map(ToString::to_string),
            },
        ),
        ports: ports(&guest.ports),
        firewall: firewall(&guest.firewall),
        health_checks: some(guest.checks.iter().map(check).collect()),
        probes: list(guest.probes.iter().map(probe).collect()),
        health: health(&guest.health),
        traefik_service: route(guest),
        ..RawMachine::default()
    }
}

/// Returns the interfaces. The address of the first one's hardware has a key beside them.
fn nics(guest: &GuestSpec) -> impl Iterator<Item = RawNic> {
    guest.nics.iter().enumerate().map(|(nth, one)| match nth {
        0 => RawNic { hwaddr: None, ..nic(one) },
        _ => nic(one),
    })
}

fn mac_address(guest: &GuestSpec) -> Option<String> {
    guest.nics.first()?.mac.map(|mac| mac.to_string())
}

fn nic(nic: &Nic) -> RawNic {
    RawNic {
        name: nic.name.as_deref().map(str::to_owned),
        bridge: Some(nic.bridge.to_string()),
        ip: Some(nic.address.to_string()),
        gw: nic.gateway.map(|gateway| gateway.to_string()),
        hwaddr: nic.mac.map(|mac| mac.to_string()),
        nameservers: some(nic.nameservers.iter().map(ToString::to_string).collect()),
    }
}

fn volume(volume: &Volume) -> Option<RawVolume> {
    match &volume.source {
        VolumeSource::Storage { name, storage, size } => Some(RawVolume {
            name: Some(name.to_string()),
            pool: Some(storage.to_string()),
            size_gb: Some(Whole(size.0)),
            mount_point: Some(volume.place.to_string()),
        }),
        VolumeSource::Host { .. } | VolumeSource::Nfs { .. } => None,
    }
}

fn mount_point(volume: &Volume) -> Option<RawMountPoint> {
    match &volume.source {
        VolumeSource::Host { path, owner, group } => Some(RawMountPoint {
            host_path: Some(path.to_string()),
            container_path: Some(volume.place.to_string()),
            owner_uid: owner.map(whole),
            owner_gid: group.map(whole),
        }),
        VolumeSource::Storage { .. } | VolumeSource::Nfs { .. } => None,
    }
}

fn nfs_volume(volume: &Volume) -> Option<RawNfsVolume> {
    match &volume.source {
        VolumeSource::Nfs { server, path } => Some(RawNfsVolume {
            kind: Some("nfs".to_owned()),
            name: None,
            server: Some(server.to_string()),
            path: Some(path.to_string()),
            mount_point: Some(volume.place.to_string()),
        }),
        VolumeSource::Storage { .. } | VolumeSource::Host { .. } => None,
    }
}

fn id_map(map: &IdMap) -> RawIdMap {
    RawIdMap {
        kind: Some(if map.group { "gid" } else { "uid" }.to_owned()),
        host_id: Some(whole(map.outside)),
        container_id: Some(whole(map.inside)),
        size: Some(whole(map.count)),
    }
}

fn ports(ports: &[PortMapping]) -> Option<OneOrMany<Label>> {
    some(ports.iter().map(|port| Label(format!("{}:{}", port.outside, port.inside))).collect())
}

fn firewall(firewall: &Firewall) -> Option<RawFirewall> {
    if *firewall == Firewall::default() {
        return None;
    }
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    let rules = firewall.rules.iter().map(|rule| RawFirewallRule {
        direction: Some(match rule.direction {
            TrafficDirection::In => "in".to_owned(),
            TrafficDirection::Out => "out".to_owned(),
        }),
        action: Some(match rule.action {
            phoenix_domain::FirewallAction::Accept => "ACCEPT".to_owned(),
            phoenix_domain::FirewallAction::Drop => "DROP".to_owned(),
            phoenix_domain::FirewallAction::Reject => "REJECT".to_owned(),
        }),
        source: text(&rule.source),
        dest: text(&rule.dest),
        proto: text(&rule.proto),
        port: text(&rule.port).map(Label),
        iface: text(&rule.iface),
        comment: text(&rule.comment),
    });
    Some(RawFirewall { enabled: Some(firewall.enabled), rules: list(rules.collect()) })
}

fn check(check: &Check) -> RawCheck {
    RawCheck {
        name: check.name.as_deref().map(str::to_owned),
        command: Some(check.command.to_string()),
        retries: Some(whole(check.retries)),
        interval: Some(whole(check.interval)),
    }
}

fn probe(declared: &Declared) -> RawProbe {
    let Probe { name, ask, start_deadline, key } = match declared {
        Declared::Off(name) => {
            return RawProbe {
                name: Some(name.to_string()),
                off: Some(true),
                ..Default::default()
            };
        }
        Declared::Asked(probe) => probe,
    };
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    let texts = |texts: &[Box<str>]| some(texts.iter().map(ToString::to_string).collect());
    let raw = RawProbe {
        kind: Some(ask.kind().to_owned()),
        name: Some(name.to_string()),
        port: ask.port().map(|port| Whole(port.into())),
        start_deadline: start_deadline.map(whole),
        key: text(key),
        ..RawProbe::default()
    };
    match ask {
        Ask::Vllm { model, .. } | Ask::LlamaCpp { model, .. } => {
            RawProbe { model: text(model), ..raw }
        }
        Ask::Qdrant { collections, .. } => RawProbe { collections: texts(collections), ..raw },
        Ask::Ollama { models, .. } => RawProbe { models: texts(models), ..raw },
        Ask::Http { path, status, contains, .. } => RawProbe {
            path: Some(path.to_string()),
            status: status.map(|status| Whole(status.into())),
            contains: text(contains),
            ..raw
        },
        Ask::Nginx { path, .. } => RawProbe { path: Some(path.to_string()), ..raw },
        Ask::Docker { containers } => RawProbe { containers: texts(containers), ..raw },
        Ask::Tcp { .. } | Ask::Postgresql { .. } | Ask::Redis { .. } | Ask::Inside => raw,
    }
}

fn health(care: &Care) -> Option<RawHealth> {
    (!care.is_usual()).then(|| RawHealth {
        mode: care.mode.map(|mode| mode.name().to_owned()),
        stateless: care.stateless,
        start_deadline: care.start_deadline.map(whole),
    })
}

fn tests(suites: &BTreeMap<Box<str>, Vec<TestScript>>) -> Option<BTreeMap<String, Vec<RawTest>>> {
    let suites: BTreeMap<_, _> = suites
        .iter()
        .map(|(suite, scripts)| {
            let scripts = scripts.iter().map(|script| RawTest {
                name: Some(script.name.to_string()),
                kind: Some("script".to_owned()),
                path: Some(script.path.to_string()),
            });
            (suite.to_string(), scripts.collect())
        })
        .collect();
    (!suites.is_empty()).then_some(suites)
}

fn parameters(parameters: &Parameters) -> Option<Named<Named<RawSetting>>> {
    let of_feature = parameters.iter().map(|(feature, settings)| {
        let settings = settings.iter();
        let settings = settings.map(|(name, value)| (name.to_string(), RawSetting(value.clone())));
        (feature.to_string(), settings.collect())
    });
    (!parameters.is_empty()).then(|| of_feature.collect())
}

fn secrets(guest: &GuestSpec) -> Option<Named<String>> {
    let secrets = &guest.secrets;
    let written = secrets.iter().map(|(name, kept)| (name.to_string(), kept.to_string()));
    (!secrets.is_empty()).then(|| written.collect())
}

fn route(guest: &GuestSpec) -> Option<RawRoute> {
    guest.route.as_ref().map(|route| RawRoute {
        name: Some(route.name.to_string()),
        port: Some(Whole(route.port.into())),
        scheme: route.scheme.as_deref().map(str::to_owned),
    })
}

fn snapshot(seal: Option<&Seal>) -> Option<String> {
    match seal? {
        Seal::Snapshot(name) => Some(name.to_string()),
        Seal::Template { snapshot } => snapshot.as_ref().map(ToString::to_string),
    }
}

fn is_template(seal: Option<&Seal>) -> Option<bool> {
    match seal? {
        Seal::Snapshot(_) => None,
        Seal::Template { .. } => Some(true),
    }
}

fn whole(number: u32) -> Whole {
    Whole(number.into())
}

fn some<T>(list: Vec<T>) -> Option<OneOrMany<T>> {
    (!list.is_empty()).then_some(OneOrMany(list))
}

fn list<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        Value::Array(elements) => Value::Array(elements.into_iter().map(without_nulls).collect()),
        single @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => single,
    }
}
