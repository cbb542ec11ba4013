//! The containers of trials.

use std::collections::BTreeMap;

use phoenix_domain::{
    AppArmor, Body, Boot, Container, Disk, Firewall, GibiBytes, GpuSet, GuestSpec, MebiBytes, Nic,
    Origin, Refused, Seal, Vmid,
};

use crate::network::{Bridge, RESOLVER};

/// What all others are cloned from.
pub(super) const BASE: u64 = 900;

/// Returns the template that all others are cloned from.
pub(super) fn base(archive: &str) -> Result<GuestSpec, Refused> {
    let mut base = container(BASE, "base", 0)?;
    base.origin = Origin::Template { archive: archive.into() };
    base.seal = Some(Seal::Template { snapshot: None });
    Ok(base)
}

/// Returns the container in which one feature is tried, with nothing in it yet.
pub(super) fn of(nth: u8, feature: &str) -> Result<GuestSpec, Refused> {
    let parent = Vmid::try_from(BASE)?;
    let mut guest = container(BASE + 1 + u64::from(nth), &feature.replace('_', "-"), nth + 1)?;
    guest.origin = Origin::Clone { parent };
    Ok(guest)
}

fn container(vmid: u64, name: &str, nth: u8) -> Result<GuestSpec, Refused> {
    let bridge = Bridge::of_lab();
    let nic = Nic {
        name: Some("eth0".into()),
        bridge: bridge.name().parse()?,
        address: bridge.guest(nth + 1).parse()?,
        gateway: Some(bridge.address().into()),
        mac: None,
        nameservers: vec![RESOLVER.into()],
    };
    Ok(GuestSpec {
        vmid: Vmid::try_from(vmid)?,
        name: format!("try-{name}").parse()?,
        node: None,
        origin: Origin::Template { archive: "none".into() },
        seal: None,
        cores: None,
        memory: MebiBytes(2048),
        root_disk: Disk { storage: "local".parse()?, size: GibiBytes(8) },
        nics: vec![nic],
        boot: Boot::default(),
        features: Vec::new(),
        parameters: BTreeMap::new(),
        secrets: BTreeMap::new(),
        application_script: None,
        gpus: GpuSet::default(),
        volumes: Vec::new(),
        ports: Vec::new(),
        firewall: Firewall::default(),
        checks: Vec::new(),
        tests: BTreeMap::new(),
        dependencies: Vec::new(),
        model_server: None,
        route: None,
        upstreams: Vec::new(),
        body: Body::Container(Container {
            unprivileged: true,
            swap: None,
            options: BTreeMap::new(),
            apparmor: AppArmor::Generated,
            apparmor_nesting: false,
            raw_lines: Vec::new(),
            id_maps: Vec::new(),
            portainer_role: None,
        }),
    })
}
