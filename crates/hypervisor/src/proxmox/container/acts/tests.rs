//! Every command line there is, as it would be run.

use std::fmt::Write as _;

use phoenix_domain::{
    Boot, Check, Firewall, FirewallAction, FirewallRule, GibiBytes, GuestSpec, IdMap, MebiBytes,
    NodeName, RawLine, SpecDigest, TrafficDirection,
};
use phoenix_testkit::guest;

use super::*;
use crate::proxmox::acts::{self, Shown};

/// A guest that asks for everything there is to be asked for.
fn everything() -> GuestSpec {
    let mut spec = guest(950)
        .of(920)
        .name("vllm-chat")
        .cores(6)
        .disk(128)
        .volume("data", "/data", 20)
        .features(&["docker", "vllm"])
        .application("vllm.sh")
        .build();
    spec.memory = MebiBytes(72_000);
    spec.gpus = "0".parse().unwrap();
    spec.boot = Boot { at_boot: true, order: Some(3), delay: Some(5) };
    spec.nics = vec![Nic {
        name: Some("eth0".into()),
        bridge: "vmbr0".parse().unwrap(),
        address: "10.0.0.150/24".parse().unwrap(),
        gateway: Some("10.0.0.1".parse().unwrap()),
        mac: Some("52:54:00:00:00:B0".parse().unwrap()),
        nameservers: vec!["10.0.0.2".parse().unwrap(), "10.0.0.3".parse().unwrap()],
    }];
    spec.firewall = Firewall {
        enabled: true,
        rules: vec![FirewallRule {
            direction: TrafficDirection::In,
            action: FirewallAction::Accept,
            source: Some("10.0.0.153".into()),
            dest: None,
            proto: Some("tcp".into()),
            port: Some("8000".into()),
            iface: None,
            comment: None,
        }],
    };
    spec.checks = vec![Check {
        name: None,
        command: "curl -fs http://localhost:8000/health".into(),
        retries: 5,
        interval: 5,
    }];
    spec.volumes.push(Volume {
        source: VolumeSource::Host {
            path: "/srv/models".parse().unwrap(),
            owner: Some(1000),
            group: None,
        },
        place: "/models".parse().unwrap(),
    });
    if let phoenix_domain::Body::Container(container) = &mut spec.body {
        container.swap = Some(MebiBytes(0));
        container.options = [("nesting".into(), "1".into()), ("keyctl".into(), "1".into())].into();
        container.apparmor = AppArmor::Named("lxc-gpu".parse().unwrap());
        container.raw_lines = vec![RawLine {
            key: "lxc.mount.entry".into(),
            value: "/dev/fuse dev/fuse none bind,create=file".into(),
        }];
        container.id_maps = vec![IdMap { group: false, inside: 0, outside: 100_000, count: 65536 }];
    }
    spec
}

fn home() -> NodeName {
    "home".parse().unwrap()
}

fn conf(text: &str) -> Conf {
    Conf::read(text)
}

/// Shows what changes come to, one after the other, each on what the one before has left.
fn shown(want: &GuestSpec, conf: &Conf, parent: Option<&Conf>, changes: &[Change]) -> String {
    let mut conf = conf.clone();
    let mut text = String::new();
    for change in changes {
        let home = home();
        let common = Common { cell: &home, want, conf: &conf, parent };
        let ground = Ground { common, container: want.container().unwrap(), kept: &[] };
        let acts = ground.acts(change);
        writeln!(text, "{change}").unwrap();
        for act in &acts {
            writeln!(text, "    {}", Shown(act, want.into())).unwrap();
        }
        conf = acts::after(&conf, parent, &acts, common.whose(), false);
    }
    text.replace(SpecDigest::of(want).digits(), "DIGEST")
        .replace(want.contents().digits(), "CONTENTS")
}

fn create(want: &GuestSpec) -> Change {
    let properties = want.properties().into_iter();
    let is_at_once = |property: &Property| {
        want.parent().is_none() || matches!(property, Property::Name(_) | Property::Spec(_))
    };
    Change::Create {
        origin: want.origin.clone(),
        root_disk: want.root_disk.clone(),
        unprivileged: Some(true),
        properties: properties.filter(is_at_once).collect(),
    }
}

const PARENT: &str = "#Managed by Phoenix, cell home, guest 920, spec 0\narch: amd64\nhostname: template\nmemory: 512\n\
    dev0: /dev/nvidia0,mode=0666\ndev1: /dev/nvidia1,mode=0666\ndev2: /dev/nvidiactl,mode=0666\n\
    dev3: /dev/nvidia-uvm,mode=0666\ndev4: /dev/nvidia-uvm-tools,mode=0666\n\
    net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:60:F3:21,ip=dhcp,type=veth\nnet1: name=eth1,bridge=vmbr1,ip=dhcp\n\
    onboot: 1\nnameserver: 10.0.0.9\nrootfs: local:subvol-920-disk-0,size=32G\nstartup: order=9\nswap: 512\n\
    tags: phoenix\nunprivileged: 1\nlxc.cap.drop: sys_rawio\n";

#[test]
fn a_clone_of_a_snapshot_becomes_its_own() {
    let want = everything();
    let contents = want.contents();
    let parent = format!("{PARENT}\n[ready]\n#{}\n{PARENT}", mark::contents_line(&contents));
    let changes = [
        create(&want),
        Change::SetProperties { to: want.properties() },
        Change::Attach { volume: want.volumes[0].clone() },
        Change::Attach { volume: want.volumes[1].clone() },
        Change::GrowRootDisk { to: GibiBytes(128) },
        Change::Start,
        Change::InstallFeature { feature: "docker".parse().unwrap() },
        Change::RunApplicationScript { script: "vllm.sh".parse().unwrap() },
        Change::AwaitHealthy,
        Change::TakeSnapshot { name: "ready".parse().unwrap(), contents: Some(contents) },
    ];
    insta::assert_snapshot!(shown(&want, &Conf::default(), Some(&conf(&parent)), &changes));
}

#[test]
fn a_guest_out_of_an_archive_is_made_with_all_it_has() {
    let mut want = everything();
    want.origin = Origin::Template { archive: "local:vztmpl/debian.tar.zst".into() };
    let changes = [create(&want), Change::ConvertToTemplate { contents: want.contents() }];
    insta::assert_snapshot!(shown(&want, &Conf::default(), None, &changes));
}

#[test]
fn a_linked_clone_is_where_its_parent_is_and_any_other_is_full() {
    let template = conf(&format!("{PARENT}template: 1\n"));
    let want = guest(950).of(920).build();
    let elsewhere = guest(950).of(920).storage("tank").build();
    let text = [&want, &elsewhere]
        .map(|want| shown(want, &Conf::default(), Some(&template), &[create(want)]))
        .join("\n");
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_not_wanted_any_more_goes() {
    let mut want = guest(950).build();
    want.nics.clear();
    let had = format!(
        "{PARENT}cores: 4\nfeatures: nesting=1\nmp0: local:subvol-950-disk-1,mp=/data,size=8G\n\
         mp2: /srv/models,mp=/models\nunused0: local:subvol-950-disk-3\n"
    );
    let data = Volume {
        source: VolumeSource::Storage {
            name: "data".parse().unwrap(),
            storage: "local".parse().unwrap(),
            size: GibiBytes(8),
        },
        place: "/data".parse().unwrap(),
    };
    let changes = [
        Change::SetProperties { to: want.properties() },
        Change::GrowVolume { place: "/data".parse().unwrap(), to: GibiBytes(16) },
        Change::Detach { place: "/models".parse().unwrap() },
        Change::Stop,
        Change::Restart,
        Change::RemoveSnapshot { name: "ready".parse().unwrap() },
        Change::Adopt,
        Change::RemoveHalfMade,
    ];
    let mut text = shown(&want, &conf(&had), None, &changes);
    for volumes in [vec![], vec![data]] {
        text.push_str(&shown(&want, &conf(&had), None, &[Change::Destroy { volumes }]));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_guest_that_is_as_wanted_costs_no_option() {
    let want = everything();
    let cell = home();
    let ground = |conf| {
        let common = Common { cell: &cell, want: &want, conf, parent: None };
        Ground { common, container: want.container().unwrap(), kept: &[] }
    };
    let parent = conf(PARENT);
    let set = Change::SetProperties { to: want.properties() };
    let acts = ground(&parent).acts(&set);
    let once = acts::after(&parent, None, &acts, ground(&parent).common.whose(), false);

    let again = ground(&once).acts(&Change::SetProperties {
        to: want
            .properties()
            .into_iter()
            .filter(|property| {
                !matches!(
                    property,
                    // What is set whatever it was: the caller only asks for what differs.
                    Property::Name(_)
                        | Property::Memory(_)
                        | Property::Swap(_)
                        | Property::Spec(_)
                        | Property::Firewall(_)
                        | Property::Confinement { .. }
                        | Property::Options(_)
                        | Property::Cores(_)
                )
            })
            .collect(),
    });

    // A place in the order is set whole.
    let is_startup = |act: &Act| matches!(act, Act::Tool(_, words) if words.iter().all(|word| word != "--net0" && word != "--delete" && !word.starts_with("--dev")));
    assert!(again.iter().all(is_startup), "{again:?}");
}
