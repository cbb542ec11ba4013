//! What the real Cloud-Init makes of a seed, in a system of its own: it runs nowhere else.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use phoenix_domain::GuestSpec;
use phoenix_hypervisor::seed::Seed;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::site::{kit, spec, text};

/// The hash of nothing anybody uses.
const HASH: &str = "$6$canarysalt$CanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCa";

/// Runs something in the system of the kit, with a folder of ours at /tmp, and no network.
fn inside(folder: &Path, script: &str) -> String {
    let root = kit().join("root");
    let line = "mount --bind \"$1\" \"$2/tmp\" && mount -t proc proc \"$2/proc\" && \
         mount --bind /dev \"$2/dev\" && exec chroot \"$2\" /bin/sh -c \"$3\"";
    #[expect(clippy::disallowed_methods, reason = "what a lab is made of")]
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", line, "sh"]);
    command.args([&text(folder), &text(&root), script]).env_clear();
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let ended = command.env("LANG", "C.UTF-8").stdin(Stdio::null()).output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(ended.status.success(), "{script}: {}\n{said}", ended.status);
    said
}

/// Specs of every kind of machine.
fn specs() -> Vec<(GuestSpec, Option<&'static str>)> {
    let nic = |address: &str, gateway: Value, mac: &str| {
        json!({ "name": null, "bridge": "vmbr0", "address": address, "gateway": gateway, "mac": mac,
            "nameservers": ["10.0.0.13", "fd00::13"] })
    };
    let several = json!([
        nic("10.0.0.45/24", json!("10.0.0.1"), "52:54:00:AA:BB:01"),
        nic("fd00::9/64", json!("fd00::1"), "52:54:00:AA:BB:02"),
        nic("192.0.2.7/32", json!("198.51.100.1"), "52:54:00:AA:BB:03"),
        nic("dhcp", Value::Null, "52:54:00:AA:BB:04"),
    ]);
    let nfs = json!([{ "source": { "nfs": { "server": "10.0.0.13", "path": "/exports/8001" } },
        "place": "/persistent-storage" }]);
    let nobody =
        json!({ "machine": { "before_features": null, "after_features": null, "user": null } });
    vec![
        (spec(&json!({})), None),
        (spec(&json!({ "nics": several, "volumes": nfs })), Some(HASH)),
        (spec(&json!({ "nics": [], "body": nobody })), None),
    ]
}

#[test]
fn cloud_init_takes_what_it_is_told_of_the_user() {
    for (spec, hash) in specs() {
        let seed =
            Seed::of(&spec, hash.map(SecretString::from).as_ref(), Some("lab.example")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("user-data"), &seed.user).unwrap();

        let said = inside(folder.path(), "cloud-init schema --config-file /tmp/user-data");

        assert!(said.contains("Valid"), "{said}\n{}", seed.user);
        assert!(!said.contains("deprecations"), "{said}");
    }
}

#[test]
fn cloud_init_refuses_what_is_wrong_so_that_its_consent_counts() {
    let seed = Seed::of(&spec(&json!({})), None, None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let wrong = seed.user.replace("\"ssh_pwauth\": false", "\"ssh_pwauth\": [1]");
    assert_ne!(wrong, seed.user);
    fs::write(folder.path().join("user-data"), wrong).unwrap();

    let said = inside(folder.path(), "cloud-init schema --config-file /tmp/user-data || true");

    assert!(said.contains("ssh_pwauth") && !said.contains("Valid cloud-config"), "{said}");
}

#[test]
fn netplan_and_the_others_take_what_they_are_told_of_the_network() {
    for (spec, _) in specs() {
        let seed = Seed::of(&spec, None, Some("lab.example")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("network"), &seed.network).unwrap();
        for kind in ["netplan", "eni", "networkd"] {
            let convert = format!(
                "cloud-init devel net-convert --network-data /tmp/network --kind yaml \
                 --directory /tmp/{kind} --distro debian --output-kind {kind} 2>&1"
            );
            inside(folder.path(), &convert);
        }
        if spec.nics.is_empty() {
            continue;
        }

        // What Ubuntu and Debian do with it: netplan itself reads it, and makes files for networkd.
        let made = inside(
            folder.path(),
            "mkdir -p /tmp/root && cp -r /tmp/netplan/etc /tmp/root/ && \
             /lib/netplan/generate --root-dir /tmp/root && cat /tmp/root/run/systemd/network/*",
        );

        let eni = inside(folder.path(), "find /tmp/eni -type f -exec cat {} +");
        // It complains of what it takes all the same.
        assert!(!made.contains("Error") && !made.contains("Problem"), "{made}");
        for nic in &spec.nics {
            let mac = nic.mac.unwrap().to_string().to_lowercase();
            assert!(made.to_lowercase().contains(&mac), "{mac}\n{made}");
            let gateway = nic.gateway.map(|gateway| gateway.to_string());
            for wanted in nic.address.ip().map(|ip| ip.to_string()).into_iter().chain(gateway) {
                assert!(made.contains(&wanted) && eni.contains(&wanted), "{wanted}\n{made}\n{eni}");
            }
        }
        assert!(made.contains("DNS=10.0.0.13") && made.contains("Domains=lab.example"), "{made}");
    }
}
