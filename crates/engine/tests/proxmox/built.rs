//! What is built, and at what cost.

use phoenix_domain::{Goal, GuestSpec, Nic, Run};
use phoenix_testkit::guest;
use phoenix_testkit::pve::ARCHIVE;

use crate::host::{Site, site};

fn on_net(mut spec: GuestSpec, address: &str) -> GuestSpec {
    spec.nics = vec![Nic {
        name: Some("eth0".into()),
        bridge: "vmbr0".parse().unwrap(),
        address: address.parse().unwrap(),
        gateway: None,
        mac: None,
        nameservers: Vec::new(),
    }];
    spec
}

fn parent() -> GuestSpec {
    let spec = guest(900).archive(ARCHIVE).storage("fast").disk(8).seal("ready");
    on_net(spec.build(), "10.0.0.100/24")
}

fn child() -> GuestSpec {
    let spec = guest(950)
        .of(900)
        .storage("fast")
        .disk(8)
        .memory(2048)
        .cores(2)
        .features(&["docker", "vllm"])
        .application("app.sh");
    on_net(spec.build(), "dhcp")
}

fn library(site: &Site) {
    for feature in ["docker", "vllm"] {
        site.pve.feature(feature);
    }
    site.pve.script("app.sh", "#!/bin/sh\nset -eu\necho \"$PHOENIX_GUEST\" > /opt/application\n");
}

#[tokio::test]
async fn a_clone_with_two_features_and_a_script_takes_six_starts_of_pct_or_fewer() {
    let site = site();
    library(&site);
    site.arrive(&parent()).await;
    let before = site.mark();

    site.arrive(&child()).await;

    let started = site.since(before);
    let of_pct = started.iter().filter(|line| line.starts_with("pct ")).count();
    assert!(of_pct <= 6, "{started:#?}");
    let inside = started.iter().filter(|line| line.starts_with("lxc-attach ")).count();
    assert_eq!(inside, 3, "one a feature and one for the script: {started:#?}");
    assert_eq!(of_pct, 3, "clone, set, start: {started:#?}");
    let root = site.pve.world.volume("fast:subvol-950-disk-0").unwrap().unwrap();
    let read = |path| std::fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(read("opt/installed"), "docker\nvllm\n");
    assert_eq!(read("opt/application"), "950\n");
    assert!(std::fs::read_dir(root.join("tmp")).unwrap().next().is_none(), "nothing stays");
}

#[tokio::test]
async fn a_guest_as_wanted_costs_no_process() {
    let site = site();
    library(&site);
    for want in [parent(), child()] {
        site.arrive(&want).await;
    }
    let before = site.mark();

    for want in [parent(), child()] {
        assert_eq!(site.arrive(&want).await, 0);
        assert!(site.foretell(&want, Goal::Present).await.changes.is_empty());
    }

    assert_eq!(site.since(before), [""; 0]);
}

#[tokio::test]
async fn an_address_given_by_dhcp_is_found() {
    let site = site();
    library(&site);
    site.arrive(&parent()).await;
    site.arrive(&child()).await;

    let seen = site.look(&child()).await.guest.unwrap();

    assert_eq!(seen.run, Run::Running);
    let addresses: Vec<_> = seen.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses.len(), 1, "{addresses:?}");
    assert!(addresses[0].starts_with("10.77.0."), "{addresses:?}");
}

#[tokio::test]
async fn what_a_clone_inherits_and_should_not_have_is_removed() {
    let site = site();
    let mut parent = on_net(
        guest(900).archive(ARCHIVE).storage("fast").disk(8).gpus("0,1").cores(4).build(),
        "10.0.0.100/24",
    );
    parent.seal = guest(900).seal("ready").build().seal;
    if let phoenix_domain::Body::Container(container) = &mut parent.body {
        container.raw_lines =
            vec![phoenix_domain::RawLine { key: "lxc.cap.drop".into(), value: "sys_rawio".into() }];
        container.options = [("nesting".into(), "1".into())].into();
    }
    site.arrive(&parent).await;
    let child = on_net(guest(950).of(900).storage("fast").disk(8).gpus("1").build(), "dhcp");

    site.arrive(&child).await;

    let conf = site.pve.world.conf(950).unwrap().unwrap();
    assert!(conf.contains("/dev/nvidia1") && !conf.contains("/dev/nvidia0"), "{conf}");
    assert!(!conf.contains("sys_rawio") && !conf.contains("nesting"), "{conf}");
    assert!(!conf.contains("cores") && !conf.contains("10.0.0.100"), "{conf}");
    assert!(site.pve.world.conf(900).unwrap().unwrap().contains("sys_rawio"));
}

#[tokio::test]
async fn a_guest_that_is_not_ours_is_not_touched_until_it_is_adopted() {
    let site = site();
    let want = on_net(guest(950).archive(ARCHIVE).storage("fast").disk(8).build(), "dhcp");
    site.arrive(&want).await;
    let conf = site.pve.world.conf(950).unwrap().unwrap();
    let theirs: Vec<_> = conf.lines().filter(|line| !line.starts_with('#')).collect();
    site.pve.world.write_conf(950, &format!("{}\n", theirs.join("\n"))).unwrap();
    let before = site.mark();

    let more = on_net(guest(950).archive(ARCHIVE).storage("fast").disk(8).cores(2).build(), "dhcp");
    let outcome = site.walk(&more).await;
    assert!(format!("{outcome:?}").contains("NotOurs"), "{outcome:?}");
    assert_eq!(site.since(before), [""; 0]);

    let outcome = site.walk_to(&more, Goal::Adopted, 0).await;
    assert!(format!("{outcome:?}").contains("Arrived"), "{outcome:?}");
    assert_eq!(site.pve.world.value(950, "cores").unwrap().as_deref(), Some("2"));
    assert_eq!(site.arrive(&more).await, 0);
}

#[tokio::test]
async fn a_volume_outlives_its_guest_and_is_found_again() {
    let site = site();
    let build = || guest(950).archive(ARCHIVE).storage("fast").disk(8).volume("data", "/data", 4);
    let mut want = on_net(build().build(), "dhcp");
    if let phoenix_domain::VolumeSource::Storage { storage, .. } = &mut want.volumes[0].source {
        *storage = "bulk".parse().unwrap();
    }
    site.arrive(&want).await;
    let [volume] =
        &site.volumes().into_iter().filter(|id| id.starts_with("bulk:")).collect::<Vec<_>>()[..]
    else {
        unreachable!()
    };
    let folder = site.pve.world.volume(volume).unwrap().unwrap();
    std::fs::write(folder.join("precious"), "kept").unwrap();

    let gone = Goal::Absent { volumes: phoenix_domain::Fate::Kept };
    let outcome = site.walk_to(&want, gone, 0).await;
    assert!(format!("{outcome:?}").contains("Arrived"), "{outcome:?}");
    assert!(site.pve.world.conf(950).unwrap().is_none());
    assert!(site.volumes().contains(volume), "{:?}", site.volumes());

    site.arrive(&want).await;
    let mounted = site.pve.world.value(950, "mp0").unwrap().unwrap();
    assert!(mounted.starts_with(volume.as_str()), "{mounted}");
    assert!(folder.join("precious").exists());

    let given_up = Goal::Absent { volumes: phoenix_domain::Fate::Destroyed };
    site.walk_to(&want, given_up, 0).await;
    assert!(site.volumes().is_empty(), "{:?}", site.volumes());
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused_before_anything_is_touched() {
    let site = site();
    let build = || guest(950).archive(ARCHIVE).storage("fast");
    site.arrive(&on_net(build().disk(8).build(), "dhcp")).await;
    let before = site.mark();
    for other in [
        build().disk(4).cores(3).build(),
        build().disk(8).cores(3).privileged().build(),
        guest(950).archive(ARCHIVE).storage("bulk").disk(8).cores(3).build(),
    ] {
        let outcome = site.walk(&on_net(other, "dhcp")).await;
        assert!(format!("{outcome:?}").contains("Refused"), "{outcome:?}");
    }
    assert_eq!(site.since(before), [""; 0]);
}

#[tokio::test]
async fn what_is_missing_on_the_host_is_said_before_anything_is_touched() {
    let site = site();
    let build = || guest(950).archive(ARCHIVE).storage("fast").disk(8);
    let lacks_archive = on_net(guest(951).archive("/srv/gone.tar.zst").build(), "dhcp");
    let outcome = site.walk(&lacks_archive).await;
    assert!(format!("{outcome:?}").contains("no such file"), "{outcome:?}");

    site.arrive(&on_net(build().build(), "dhcp")).await;
    let before = site.mark();
    for other in [build().features(&["nowhere"]), build().application("nowhere.sh")] {
        let want = on_net(other.cores(3).build(), "dhcp");
        let outcome = site.walk(&want).await;
        assert!(format!("{outcome:?}").contains("is in none of the folders"), "{outcome:?}");
    }
    assert_eq!(site.since(before), [""; 0]);
}

#[tokio::test]
async fn a_guest_that_the_host_protects_is_not_even_stopped() {
    let site = site();
    let want = on_net(guest(950).archive(ARCHIVE).storage("fast").disk(8).build(), "dhcp");
    site.arrive(&want).await;
    let conf = site.pve.world.conf(950).unwrap().unwrap();
    site.pve.world.write_conf(950, &format!("{conf}protection: 1\n")).unwrap();
    let before = site.mark();

    let gone = Goal::Absent { volumes: phoenix_domain::Fate::Kept };
    let outcome = site.walk_to(&want, gone, 0).await;

    assert!(format!("{outcome:?}").contains("Protected"), "{outcome:?}");
    assert_eq!(site.since(before), [""; 0]);
}

#[tokio::test]
async fn a_volume_that_is_wanted_at_another_place_moves_there_with_what_is_in_it() {
    let site = site();
    let at = |place| {
        let spec = guest(950).archive(ARCHIVE).storage("fast").disk(8).volume("data", place, 4);
        let mut spec = on_net(spec.build(), "dhcp");
        if let phoenix_domain::VolumeSource::Storage { storage, .. } = &mut spec.volumes[0].source {
            *storage = "bulk".parse().unwrap();
        }
        spec
    };
    site.arrive(&at("/old")).await;
    let before = site.volumes();

    let foretold = site.foretell(&at("/new"), Goal::Present).await;
    let mark = site.mark();
    site.arrive(&at("/new")).await;

    assert_eq!(site.volumes(), before, "none is made and none goes");
    let mounted = site.pve.world.value(950, "mp0").unwrap().unwrap();
    assert!(mounted.contains("mp=/new"), "{mounted}");
    for command in site.since(mark) {
        assert!(foretold.commands.contains(&command), "{command}: {:#?}", foretold.commands);
    }
    assert_eq!(site.arrive(&at("/new")).await, 0);
}

#[tokio::test]
async fn a_worker_does_not_begin_on_another_node_than_it_was_told() {
    let site = site();
    let mut node = site.pve.node();
    node.name = "pve9".parse().unwrap();

    let refused = phoenix_hypervisor::proxmox::Proxmox::open(&node).unwrap_err().to_string();

    assert!(refused.contains("it is the node pve, not pve9"), "{refused}");
    node.root = site.pve.dir().join("nothing");
    let refused = phoenix_hypervisor::proxmox::Proxmox::open(&node).unwrap_err().to_string();
    assert!(
        refused.contains("etc/pve/lxc") && refused.contains("is it a Proxmox VE node"),
        "{refused}"
    );
}

#[tokio::test]
async fn no_link_on_the_way_has_a_file_of_the_host_given_away() {
    let site = site();
    let mut want = on_net(guest(950).archive(ARCHIVE).storage("fast").disk(8).build(), "dhcp");
    want.volumes = vec![phoenix_domain::Volume {
        source: phoenix_domain::VolumeSource::Host {
            path: "/srv/shared/models".parse().unwrap(),
            owner: Some(1000),
            group: None,
        },
        place: "/models".parse().unwrap(),
    }];
    let precious = site.pve.world.at("/precious");
    std::fs::create_dir_all(precious.join("models")).unwrap();
    std::fs::create_dir_all(site.pve.world.at("/srv")).unwrap();
    std::os::unix::fs::symlink(&precious, site.pve.world.at("/srv/shared")).unwrap();
    let owner = |path: &std::path::Path| {
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(path).unwrap())
    };
    let before = owner(&precious.join("models"));

    let outcome = site.walk(&want).await;

    assert!(format!("{outcome:?}").contains("symbolic link in its path"), "{outcome:?}");
    assert_eq!(owner(&precious.join("models")), before);
}

#[tokio::test]
async fn a_raw_line_with_a_line_break_in_it_is_not_two_lines() {
    let site = site();
    let mut want = on_net(guest(950).archive(ARCHIVE).storage("fast").disk(8).build(), "dhcp");
    if let phoenix_domain::Body::Container(container) = &mut want.body {
        container.raw_lines = vec![phoenix_domain::RawLine {
            key: "lxc.tty.max".into(),
            value: "2\nmp9: /etc,mp=/host-etc".into(),
        }];
    }

    let outcome = site.walk(&want).await;

    assert!(format!("{outcome:?}").contains("line break"), "{outcome:?}");
    assert_eq!(site.pve.world.value(950, "mp9").unwrap(), None);
}
