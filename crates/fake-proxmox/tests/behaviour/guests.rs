//! What is seen of a container that runs: its files, its mounts, what is started in it.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use phoenix_fake_proxmox::Dhcp;

use crate::node::{ARCHIVE, Node, end, node, node_with, settings, until};

fn running(node: &Node) {
    node.done(&[
        "create",
        "100",
        ARCHIVE,
        "--rootfs=labdir:1",
        "--hostname=web",
        "--net0=name=eth0,bridge=vmbr0,ip=10.77.0.100/24,gw=10.77.0.1,hwaddr=BC:24:11:00:00:01",
    ]);
    node.done(&["start", "100"]);
}

fn read(node: &Node, path: &str) -> String {
    fs::read_to_string(node.world.at(path)).unwrap()
}

#[test]
fn a_container_that_runs_has_the_files_of_a_process_and_a_stopped_one_has_none() {
    let node = node();
    running(&node);
    let pid = node.world.pid(100).unwrap();
    let proc = |file: &str| read(&node, &format!("/proc/{pid}/{file}"));

    assert!(pid > 4_194_304, "no process of this machine has such a number");
    assert!(read(&node, "/proc/net/unix").contains("@/var/lib/lxc/100/command\n"));
    assert_eq!(read(&node, "/sys/fs/cgroup/lxc/100/ns/cgroup.procs"), format!("{pid}\n"));
    assert!(proc("status").contains(&format!("NSpid:\t{pid}\t1\n")));
    assert_eq!(proc("attr/current"), "lxc-100_</var/lib/lxc> (enforce)\n");
    assert_eq!(proc("uid_map"), "         0     100000      65536\n");
    assert!(proc("net/fib_trie").contains("|-- 10.77.0.100\n           /32 host LOCAL\n"));
    assert!(proc("net/route").contains("eth0\t00000000\t01004D0A\t0003"));
    assert!(
        proc("net/if_inet6").contains("fe80000000000000be2411fffe000001 02 40 20 80     eth0\n")
    );
    let since: u64 =
        proc("stat").rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().parse().unwrap();
    let boot: f64 =
        fs::read_to_string("/proc/uptime").unwrap().split(' ').next().unwrap().parse().unwrap();
    let now = std::time::Duration::from_secs_f64(boot).as_millis() / 10;
    assert!(u128::from(since) <= now + 1 && u128::from(since) + 6000 > now, "{since} of {now}");
    let hostname = node.world.at(&format!("/proc/{pid}/root/etc/hostname"));
    assert_eq!(fs::read_to_string(hostname).unwrap(), "web\n");

    node.done(&["stop", "100"]);

    assert!(!node.world.at(&format!("/proc/{pid}")).exists());
    assert!(!node.world.at("/sys/fs/cgroup/lxc/100").exists());
    assert!(!node.world.is_running(100));
    node.done(&["start", "100"]);
    assert_ne!(node.world.pid(100), Some(pid), "a number is never used again");
    node.done(&["stop", "100"]);
}

#[test]
fn a_container_gets_an_address_or_does_not() {
    for (dhcp, has) in [(Dhcp::Network("10.77.0.".into()), true), (Dhcp::Never, false)] {
        let node = node_with(&phoenix_fake_proxmox::Settings { dhcp, ..settings() });
        let net = "--net0=name=eth0,bridge=vmbr0,ip=dhcp";
        node.done(&["create", "100", ARCHIVE, "--rootfs=labdir:1", net]);
        node.done(&["start", "100"]);
        let pid = node.world.pid(100).unwrap();

        let trie = read(&node, &format!("/proc/{pid}/net/fib_trie"));

        assert_eq!(trie.contains("10.77.0.102\n           /32 host LOCAL"), has, "{trie}");
    }
}

#[test]
fn lxc_attach_runs_a_command_like_a_shell_would_tell() {
    let node = node();
    running(&node);
    let attach = |words: &[&str]| {
        let mut all = vec!["-n", "100"];
        all.extend(words);
        node.command("lxc-attach", &all).env("SECRET", "1").output().map(Into::into).unwrap()
    };

    let answer: crate::node::Answer = attach(&["--clear-env", "-v", "A=b", "--", "env"]);
    let mut lines: Vec<&str> = answer.stdout.lines().collect();
    lines.sort_unstable();
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(lines, ["A=b", path, "TERM=linux", "container=lxc"]);
    assert!(attach(&["--", "env"]).stdout.contains("SECRET=1\n"));
    assert_eq!(attach(&["--", "sh", "-c", "exit 7"]).exit, 7);
    assert_eq!(attach(&["--", "sh", "-c", "kill -9 $$"]).exit, 137);
    assert_eq!(attach(&["--", "/nope"]).exit, 127);
    assert_eq!(attach(&["hostname"]).stdout, "web\n");

    let mut cat = node.command("lxc-attach", &["-n", "100", "--", "cat"]);
    let mut cat = cat.stdin(Stdio::piped()).spawn().unwrap();
    cat.stdin.take().unwrap().write_all(b"words").unwrap();
    assert_eq!(end(cat).stdout, "words");

    node.done(&["stop", "100"]);
    assert_eq!(attach(&["--", "true"]).exit, 1);
}

#[test]
fn what_is_mounted_is_seen_inside_and_nowhere_else() {
    let node = node();
    running(&node);
    let shared = node.world.at("/srv/models");
    fs::create_dir_all(&shared).unwrap();
    fs::write(shared.join("m"), "model").unwrap();

    node.done(&["set", "100", "--mp0", "labdir:1,mp=/data"]);
    node.done(&["set", "100", "--mp1", "/srv/models,mp=/models,ro=1"]);
    node.done(&["exec", "100", "--", "sh", "-c", "echo hi > /data/x"]);

    let volume = node.world.volume("labdir:100/vm-100-disk-1.raw").unwrap().unwrap();
    assert_eq!(fs::read_to_string(volume.join("x")).unwrap(), "hi\n");
    assert_eq!(node.done(&["exec", "100", "--", "cat", "/models/m"]).stdout, "model");
    assert_ne!(node.pct(&["exec", "100", "--", "touch", "/models/n"]).exit, 0);
    let root = node.world.volume("labdir:100/vm-100-disk-0.raw").unwrap().unwrap();
    assert_eq!(fs::read_dir(root.join("data")).unwrap().count(), 0);
    node.done(&["stop", "100"]);
}

#[test]
fn a_file_arrives_with_its_owner_and_its_mode() {
    let node = node();
    running(&node);
    let source = node.world.root().join("script");
    fs::write(&source, "#!/bin/sh\n").unwrap();
    let source = source.to_str().unwrap();
    let stat =
        |path: &str| node.done(&["exec", "100", "--", "stat", "-c", "%a %u %g", path]).stdout;

    node.done(&["push", "100", source, "/root/plain"]);
    node.done(&[
        "push",
        "100",
        source,
        "/root/own",
        "--perms=0750",
        "--user=33",
        "--group=www-data",
    ]);

    assert_eq!(stat("/root/plain"), "644 0 0\n");
    assert_eq!(stat("/root/own"), "750 33 33\n");
    let back = node.world.root().join("back");
    node.done(&["pull", "100", "/root/own", back.to_str().unwrap(), "--perms", "0600"]);
    assert_eq!(fs::read_to_string(&back).unwrap(), "#!/bin/sh\n");
    node.done(&["stop", "100"]);
}

#[test]
fn what_was_started_inside_ends_with_the_container() {
    let node = node();
    running(&node);
    let child = node.spawn(&["exec", "100", "--", "sh", "-c", "sleep 1000 & echo up; wait"]);
    let root = node.world.volume("labdir:100/vm-100-disk-0.raw").unwrap().unwrap();
    let inside = || {
        use std::os::unix::fs::MetadataExt as _;
        let known = fs::metadata(&root).unwrap().ino();
        let is_it = |entry: &fs::DirEntry| {
            fs::metadata(entry.path().join("root")).is_ok_and(|root| root.ino() == known)
        };
        fs::read_dir("/proc").unwrap().flatten().filter(is_it).count()
    };
    until("both run", || inside() == 2);

    node.done(&["stop", "100"]);

    assert_eq!(end(child).exit, 137);
    until("both are gone", || inside() == 0);
}

#[test]
fn a_start_looks_at_what_the_host_gives() {
    let node = node();
    node.create("100", "labdir");
    let conf = node.conf(100).unwrap();
    let start = |lines: &str| {
        node.world.write_conf(100, &format!("{conf}{lines}")).unwrap();
        node.pct(&["start", "100"])
    };

    let users = start("lxc.idmap: u 0 200000 65536\nlxc.idmap: g 0 200000 65536\n");
    let profile = start("lxc.apparmor.profile: my-profile\n");
    let mount = start("lxc.mount.entry: /srv/none mnt/none none bind,create=dir 0 0\n");

    for failed in [users, profile, mount] {
        assert_eq!(failed.exit, 255, "{failed:?}");
        assert_eq!(failed.stderr, "startup for container '100' failed\n");
        assert!(failed.stdout.contains("__lxc_start: 2107 Failed to spawn container \"100\"\n"));
    }
    fs::write(node.world.at("/etc/subuid"), "root:200000:65536\n").unwrap();
    fs::write(node.world.at("/etc/subgid"), "root:200000:65536\n").unwrap();
    fs::write(node.world.at("/etc/apparmor.d/my"), "profile my-profile {\n}\n").unwrap();
    assert_eq!(node.run("apparmor_parser", &["-r", "/etc/apparmor.d/my"]).exit, 0);
    let fine = start(
        "lxc.idmap: u 0 200000 65536\nlxc.idmap: g 0 200000 65536\nlxc.apparmor.profile: my-profile\n",
    );
    assert_eq!(fine.exit, 0, "{fine:?}");
    let pid = node.world.pid(100).unwrap();
    assert_eq!(read(&node, &format!("/proc/{pid}/attr/current")), "my-profile (enforce)\n");
    assert_eq!(read(&node, &format!("/proc/{pid}/uid_map")), "         0     200000      65536\n");
    node.done(&["stop", "100"]);
}

#[test]
fn what_waits_for_a_start_is_applied_by_it() {
    let node = node();
    running(&node);

    node.done(&["set", "100", "--features", "nesting=1,keyctl=1"]);

    assert_eq!(node.world.value(100, "features").unwrap(), None);
    assert!(node.conf(100).unwrap().contains("\n[pve:pending]\nfeatures: nesting=1,keyctl=1\n"));
    node.done(&["reboot", "100"]);
    assert_eq!(node.world.value(100, "features").unwrap().as_deref(), Some("nesting=1,keyctl=1"));
    assert!(!node.conf(100).unwrap().contains("pve:pending"));
    node.done(&["stop", "100"]);
}

#[test]
fn an_interface_without_an_address_gets_a_new_one_every_time() {
    let node = node();
    node.create("100", "labdir");
    let net = || {
        node.done(&["set", "100", "--net0", "name=eth0,bridge=vmbr0,ip=dhcp"]);
        node.world.value(100, "net0").unwrap().unwrap()
    };

    let (first, second) = (net(), net());

    assert!(first.starts_with("name=eth0,bridge=vmbr0,hwaddr=BC:24:11:"), "{first}");
    assert_ne!(first, second);
    node.done(&["set", "100", "--net0", &second]);
    assert_eq!(node.world.value(100, "net0").unwrap(), Some(second));
}
