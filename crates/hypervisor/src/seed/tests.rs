use phoenix_domain::{
    Body, Disk, GibiBytes, Machine, MebiBytes, Nic, Origin, User, Volume, VolumeSource,
};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPi1VZrQ3V2wqZ0o2d1oZyHk7bqX0l0XG9cU1m2v4w8K phoenix@example";
/// The hash of nothing anybody uses.
const HASH: &str = "$6$canarysalt$CanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCa";

fn machine() -> GuestSpec {
    let origin = Origin::CloudImage { image: "noble-server-cloudimg-amd64.img".into() };
    let root_disk = Disk { storage: "local".parse().unwrap(), size: GibiBytes(20) };
    let body = Body::Machine(Machine {
        user: Some(user("phoenix_user", Some(KEY))),
        ..Machine::default()
    });
    let (vmid, name) = (8001_u64.try_into().unwrap(), "docker-vm-01".parse().unwrap());
    GuestSpec {
        cores: Some(2),
        memory: MebiBytes(2048),
        nics: vec![nic("10.0.0.45/24", Some("10.0.0.1"), Some("52:54:00:AA:BB:CC"))],
        ..GuestSpec::plain(vmid, name, origin, root_disk, body)
    }
}

fn user(name: &str, key: Option<&str>) -> User {
    User { name: name.into(), password_hash: None, ssh_key: key.map(Box::from) }
}

fn nic(address: &str, gateway: Option<&str>, mac: Option<&str>) -> Nic {
    Nic {
        name: None,
        bridge: "vmbr0".parse().unwrap(),
        address: address.parse().unwrap(),
        gateway: gateway.map(|gateway| gateway.parse().unwrap()),
        mac: mac.map(|mac| mac.parse().unwrap()),
        nameservers: vec!["10.0.0.13".parse().unwrap()],
    }
}

fn nfs(server: &str, path: &str, place: &str) -> Volume {
    Volume {
        source: VolumeSource::Nfs { server: server.into(), path: path.parse().unwrap() },
        place: place.parse().unwrap(),
    }
}

fn with_user(user: Option<User>) -> GuestSpec {
    let body = Body::Machine(Machine { user, ..Machine::default() });
    GuestSpec { body, ..machine() }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text.strip_prefix(FIRST_LINE).unwrap_or(text)).unwrap()
}

fn shown(seed: &Seed) -> String {
    format!("{}---\n{}---\n{}", seed.user, seed.network, seed.meta)
}

#[test]
fn a_machine_with_an_address_of_its_own() {
    let seed = Seed::of(&machine(), None, Some("phoenix.example")).unwrap();

    insta::assert_snapshot!("own_address", shown(&seed));
}

#[test]
fn a_machine_with_all_there_is() {
    let spec = GuestSpec {
        name: "docker-vm-01.lab.example".parse().unwrap(),
        nics: vec![
            nic("dhcp", None, Some("52:54:00:AA:BB:01")),
            nic("fd00::9/64", Some("fd00::1"), Some("52:54:00:AA:BB:02")),
            nic("192.0.2.7/32", Some("192.0.2.1"), Some("52:54:00:AA:BB:03")),
        ],
        volumes: vec![
            nfs("10.0.0.13", "/quickOS/vm-persistent-data/8001", "/persistent-storage"),
            nfs("fd00::13", "/exports/data/", "/srv/data"),
        ],
        ..machine()
    };

    let seed = Seed::of(&spec, Some(&HASH.into()), Some("other.example")).unwrap();

    insta::assert_snapshot!("all", shown(&seed));
}

#[test]
fn a_machine_without_a_user_has_none_of_ours() {
    let seed = Seed::of(&with_user(None), None, None).unwrap();

    let data = read(&seed.user);
    assert_eq!((data.get("users"), &data["ssh_pwauth"]), (None, &false.into()));
}

#[test]
fn the_only_interface_is_found_without_its_address_and_one_of_several_is_not() {
    let alone = GuestSpec { nics: vec![nic("dhcp", None, None)], ..machine() };
    let two = GuestSpec {
        nics: vec![nic("dhcp", None, Some("52:54:00:AA:BB:01")), nic("dhcp", None, None)],
        ..machine()
    };

    let seed = Seed::of(&alone, None, None).unwrap();
    let refused = Seed::of(&two, None, None).unwrap_err();

    assert_eq!(read(&seed.network)["ethernets"]["ens18"]["match"]["name"], "e*");
    assert_eq!(refused, SeedError::NoMac { vmid: two.vmid, nth: 1 });
}

#[test]
fn a_password_that_is_no_hash_is_refused_and_not_shown() {
    for canary in ["canary-password", "$1$canarysa$canarycanarycanarycana", "$6$canary-password"] {
        let refused = Seed::of(&machine(), Some(&canary.into()), None).unwrap_err();

        let said = format!("{refused} {refused:?} {:?}", refused.advice());
        assert!(matches!(refused, SeedError::NoHash { .. }), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn a_hash_stands_in_the_user_data_and_is_shown_nowhere() {
    let seed = Seed::of(&machine(), Some(&HASH.into()), None).unwrap();

    let data = read(&seed.user);
    assert_eq!(data["users"][0]["passwd"], HASH);
    assert_eq!(data["users"][0]["lock_passwd"], false);
    assert_eq!(data["ssh_pwauth"], true);
    assert!(!format!("{seed:?} {}", seed.instance()).contains("Canary"));
    assert!(!seed.network.contains("Canary") && !seed.meta.contains("Canary"));
}

#[test]
fn what_is_no_public_key_is_refused_and_not_shown() {
    for key in [
        "",
        "YOUR_SSH_PUBLIC_KEY canary",
        "ssh-rsa canary",
        "ssh-ed25519 AAAAB3NzaC1yc2EAAAADAQAB canary",
        "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA\nssh-rsa canary",
    ] {
        let spec = with_user(Some(user("phoenix_user", Some(key))));

        let refused = Seed::of(&spec, None, None).unwrap_err();

        assert!(matches!(refused, SeedError::NoKey { .. }), "{key}");
        assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused}");
    }
}

#[test]
fn root_and_what_is_no_name_are_no_users() {
    for name in ["", "root", "Phoenix", "a b", "-x", "a:b", "0x", &"a".repeat(33)] {
        let refused = Seed::of(&with_user(Some(user(name, None))), None, None).unwrap_err();

        assert!(matches!(refused, SeedError::NoUser { .. }), "{name}");
    }
}

#[test]
fn a_mount_with_a_blank_in_it_is_refused() {
    let spec = GuestSpec { volumes: vec![nfs("10.0.0.13", "/a b", "/data")], ..machine() };

    let refused = Seed::of(&spec, None, None).unwrap_err();

    assert_eq!(refused, SeedError::NoMount { vmid: spec.vmid, place: "/data".to_owned() });
}

#[test]
fn a_container_has_no_seed() {
    let mut spec = machine();
    spec.body = serde_json::from_value(serde_json::json!({ "container": {
        "unprivileged": true, "swap": null, "options": {}, "apparmor": "generated",
        "apparmor_nesting": false, "raw_lines": [], "id_maps": [], "portainer_role": null
    }}))
    .unwrap();

    let refused = Seed::of(&spec, None, None);

    assert_eq!(refused.unwrap_err(), SeedError::NoMachine { vmid: spec.vmid });
}

fn any_nic() -> impl Strategy<Value = Nic> {
    let address = prop_oneof![
        Just("dhcp".to_owned()),
        (any::<[u8; 4]>(), 0_u8..=32)
            .prop_map(|(ip, prefix)| { format!("{}/{prefix}", std::net::Ipv4Addr::from(ip)) }),
        (any::<[u8; 16]>(), 0_u8..=128)
            .prop_map(|(ip, prefix)| { format!("{}/{prefix}", std::net::Ipv6Addr::from(ip)) }),
    ];
    let gateway = proptest::option::of(any::<std::net::IpAddr>());
    let servers = proptest::collection::vec(any::<std::net::IpAddr>(), 0..3);
    (address, gateway, servers, any::<[u8; 5]>()).prop_map(
        |(address, gateway, nameservers, mac)| {
            let mac: Vec<_> = mac.iter().map(|byte| format!("{byte:02X}")).collect();
            let mac = format!("52:{}", mac.join(":"));
            Nic { gateway, nameservers, ..nic(&address, None, Some(&mac)) }
        },
    )
}

prop_compose! {
    fn any_machine()(
        name in "[a-z][a-z0-9-]{0,20}[a-z0-9]",
        nics in proptest::collection::vec(any_nic(), 0..4),
        user in proptest::option::of("[a-z_][a-z0-9_-]{0,31}"),
        volumes in proptest::collection::vec(("[a-z0-9.:]{1,20}", "/[!-+.-~]{0,20}", "/[!-+.-~]{0,20}"), 0..3),
    ) -> GuestSpec {
        let volumes = volumes.iter().filter_map(|(server, path, place)| Some(Volume {
            source: VolumeSource::Nfs { server: server.as_str().into(), path: path.parse().ok()? },
            place: place.parse().ok()?,
        })).collect();
        let user = user.filter(|name| name != "root").map(|name| super::tests::user(&name, Some(KEY)));
        GuestSpec { name: name.parse().unwrap(), nics, volumes, ..with_user(user) }
    }
}

proptest! {
    #[test]
    fn any_machine_has_a_seed_that_can_be_read_and_is_the_same_each_time(spec in any_machine()) {
        let seed = Seed::of(&spec, None, Some("example.org")).unwrap();

        let begins = seed.user.starts_with(FIRST_LINE);
        prop_assert!(begins);
        prop_assert_eq!(&read(&seed.user)["hostname"], spec.name.as_str());
        prop_assert_eq!(read(&seed.network)["ethernets"].as_object().unwrap().len(), spec.nics.len());
        prop_assert_eq!(&read(&seed.meta)["instance-id"], seed.instance());
        prop_assert_eq!(&Seed::of(&spec, None, Some("example.org")).unwrap(), &seed);
    }

    #[test]
    fn it_is_another_instance_exactly_where_something_else_is_told(
        one in any_machine(), other in any_machine(), is_same in any::<bool>(),
    ) {
        let other = if is_same { one.clone() } else { other };
        let (one, other) = (Seed::of(&one, None, None).unwrap(), Seed::of(&other, None, None).unwrap());

        let is_alike = one.user == other.user && one.network == other.network;
        prop_assert_eq!(one.instance() == other.instance(), is_alike);
    }
}
