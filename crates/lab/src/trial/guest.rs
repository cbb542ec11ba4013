//! The containers of trials.

use phoenix_domain::{
    Body, Container, Disk, GibiBytes, GuestSpec, MebiBytes, Nic, Origin, Refused, Seal, Vmid,
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
    let origin = Origin::Template { archive: "none".into() };
    let root_disk = Disk { storage: "local".parse()?, size: GibiBytes(8) };
    let (vmid, name) = (Vmid::try_from(vmid)?, format!("try-{name}").parse()?);
    let body = Body::Container(Container::default());
    let plain = GuestSpec::plain(vmid, name, origin, root_disk, body);
    Ok(GuestSpec { memory: MebiBytes(2048), nics: vec![nic], ..plain })
}
