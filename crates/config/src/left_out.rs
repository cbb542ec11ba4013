//! What of the host's file would be no part of the host: a value that cannot be makes its item vanish.
//!
//! The rules tell each such value with what is wrong with it. This looks at what became of the file
//! as a whole, so that what no rule thought of is refused as well, and not left undone in silence.

use crate::code::{Code, code};
use crate::finding::Finding;
use crate::host_spec::HostSpec;
use crate::place::Place;
use crate::raw::RawHypervisor;
use crate::raw::hypervisor::{RawAdministrator, RawHostFirewall, RawInterface, RawSamba};

pub(crate) static LEFT_OUT: Code = code!("0917", Error, "a part of the host would be left out");

/// Returns a finding for each item of the file that the host does not have.
pub(crate) fn left_out(raw: &RawHypervisor, host: &HostSpec) -> Vec<Finding> {
    let mut places = Vec::new();
    let mut want = |is_whole: bool, place: fn() -> Place| {
        if !is_whole {
            places.push(place());
        }
    };
    let is_said = |text: Option<&String>| text.is_some_and(|text| !text.trim().is_empty());
    let network = raw.network.as_ref();

    let outer = network.and_then(|network| network.interfaces.as_ref());
    if let Some(outer) = outer.filter(|outer| **outer != RawInterface::default()) {
        let made = host.bridge.as_ref();
        let resolvers = outer.dns_nameservers.as_ref().map_or(0, |list| list.0.len());
        want(made.is_some(), || Place::of_host("network").key("interfaces"));
        want(made.is_none_or(|made| made.gateway.is_some() == outer.gateway.is_some()), || {
            Place::of_host("network").key("interfaces").key("gateway")
        });
        want(made.is_none_or(|made| made.resolvers.len() == resolvers), || {
            Place::of_host("network").key("interfaces").key("dns_nameservers")
        });
    }
    let inner = network.and_then(|network| network.internal_bridge.as_ref());
    let has_inner = inner.is_some_and(|inner| inner.name.is_some() || inner.subnet.is_some());
    want(has_inner == host.inner.is_some(), || Place::of_host("network").key("internal_bridge"));
    let sdn = raw.sdn.as_deref().unwrap_or_default();
    let is_whole = sdn.len() == host.sdn.len()
        && sdn.iter().zip(&host.sdn).all(|(raw, made)| {
            raw.dhcp_ranges.as_ref().map_or(0, |ranges| ranges.0.len()) == made.dhcp.len()
                && raw.dns_server.is_some() == made.resolver.is_some()
        });
    want(is_whole, || Place::of_host("sdn"));
    let firewall = raw.firewall.as_ref();
    let is_meant = firewall.is_some_and(|firewall| *firewall != RawHostFirewall::default());
    want(is_meant == host.firewall.is_some(), || Place::of_host("firewall"));

    let users = raw.users.as_ref().filter(|user| **user != RawAdministrator::default());
    let has_name = users.is_some_and(|user| is_said(user.username.as_ref()));
    want(has_name == host.administrator.is_some(), || Place::of_host("users"));
    let has_password = users.and_then(|user| user.password_hash.as_deref());
    let has_password =
        has_password.is_some_and(|hash| !hash.trim().is_empty() && hash != "NOT_SET");
    let password = host.administrator.as_ref().and_then(|user| user.password.as_ref());
    want(has_password == password.is_some(), || Place::of_host("users").key("password_hash"));
    want(raw.proxmox_repository.is_some() == host.repository.is_some(), || {
        Place::of_host("proxmox_repository")
    });

    let exports = raw.nfs.as_ref().and_then(|nfs| nfs.exports.as_ref()).map_or(0, Vec::len);
    want(exports == host.exports.as_ref().map_or(0, Vec::len), || {
        Place::of_host("nfs").key("exports")
    });
    let samba = raw.samba.as_ref().filter(|samba| **samba != RawSamba::default());
    want(samba.is_some() == host.samba.is_some(), || Place::of_host("samba"));
    let shares = samba.and_then(|samba| samba.shares.as_ref()).map_or(0, Vec::len);
    want(host.samba.as_ref().is_none_or(|samba| samba.shares.len() == shares), || {
        Place::of_host("samba").key("shares")
    });
    if let Some(zfs) = &raw.zfs {
        let pools = zfs.pools.as_deref().unwrap_or_default();
        want(pools.len() == host.pools.len(), || Place::of_host("zfs").key("pools"));
        let datasets = zfs.datasets.as_deref().unwrap_or_default();
        let is_whole = datasets.len() == host.datasets.len()
            && datasets
                .iter()
                .zip(&host.datasets)
                .all(|(raw, made)| raw.proxmox_storage_type.is_some() == made.storage.is_some());
        want(is_whole, || Place::of_host("zfs").key("datasets"));
    }
    let is_driver = raw.nvidia_driver.as_ref().is_some_and(|driver| driver.install == Some(true));
    want(is_driver == host.nvidia.is_some(), || Place::of_host("nvidia_driver"));

    places.into_iter().map(told).collect()
}

fn told(place: Place) -> Finding {
    let message = "something here makes no part of the host, and setup would leave it out";
    Finding::new(&LEFT_OUT, place, message).help(
        "compare it with `phoenix schema hypervisor`; this is a mistake of ours too: a rule should \
         have said what is wrong with it; please report it",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Level, Library, Texts, load_texts};

    const EVERY_KEY: &str =
        include_str!("../../../tests/fixtures/every_key/phoenix_hypervisor_config.json");

    /// Returns a host that has something of everything.
    fn whole() -> Value {
        let mut host: Value = serde_json::from_str(EVERY_KEY).unwrap();
        // They need guests.
        host.as_object_mut().unwrap().remove("shared_volumes");
        host
    }

    fn levels(host: &Value, library: &Library) -> Vec<(Level, String)> {
        let host = host.to_string();
        let none = b"{}";
        let texts = Texts { hypervisor: host.as_bytes(), lxc: none, vm: none };
        let loaded = load_texts(&texts, library);
        let told = loaded.findings.iter();
        told.map(|finding| (finding.level(), format!("{} {}", finding.code, finding.message)))
            .collect()
    }

    /// Puts a value at every place of a document that is not an object, in turns.
    fn each_broken(document: &Value, with: &Value, see: &mut dyn FnMut(&str, &Value)) {
        let mut ways = vec![String::new()];
        while let Some(way) = ways.pop() {
            let Some(value) = document.pointer(&way) else { continue };
            match value {
                Value::Object(members) => {
                    ways.extend(members.keys().map(|key| format!("{way}/{key}")));
                }
                Value::Array(list) => {
                    ways.extend((0..list.len()).map(|nth| format!("{way}/{nth}")));
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    let mut broken = document.clone();
                    *broken.pointer_mut(&way).unwrap() = with.clone();
                    see(&way, &broken);
                }
            }
        }
    }

    #[test]
    fn nothing_of_a_whole_host_is_left_out() {
        let told = levels(&whole(), &Library::built_in().unwrap());

        let errors: Vec<_> = told.into_iter().filter(|(level, _)| *level == Level::Error).collect();

        assert!(errors.is_empty(), "{errors:#?}");
    }

    /// Whatever one value is: either the host still has all its items, or a rule says what is wrong.
    #[test]
    fn no_value_makes_an_item_vanish_in_silence() {
        let (host, library) = (whole(), Library::built_in().unwrap());
        for with in [json!("DENY"), json!(" "), json!(null)] {
            each_broken(&host, &with, &mut |way, broken| {
                let told = levels(broken, &library);
                let unexplained: Vec<_> =
                    told.iter().filter(|(_, text)| text.starts_with("PHX0917")).collect();
                assert!(unexplained.is_empty(), "{way} = {with}: {told:#?}");
            });
        }
    }
}
