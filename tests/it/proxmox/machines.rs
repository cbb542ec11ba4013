//! The virtual machines of the quick start, by a worker of its own on a made-up node.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use phoenix_testkit::worker::Worker;
use serde_json::json;

use super::shared;
use super::site::Site;

const NONE: [&str; 0] = [];
/// Where the image of the tests is.
const IMAGE: &str = "/srv/images/tiny.img";
/// The hash of a password that stands in no file but the one of secrets and the seed.
const HASH: &str = "$6$cAnArYsAlT$ebq1Dq1GDcud/gmau8hEBLYpi4esurzCn0YQFtu1IIufxquVvdg0Vs9XWR1GnszDdbKGe56tJGXC1DkxliB9b1";

pub(super) async fn quickstart() -> (Site, PathBuf) {
    let site = Site::of("examples/quickstart").await;
    shared::features(&site.pve);
    site.pve.archive(
        "/var/lib/bulk-library/template/cache/ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    );
    site.pve.image(IMAGE);
    let mut machines = site.file("phoenix_vm_configs.json");
    machines["vms"][0]["template_image"] = IMAGE.into();
    // What it depends on takes no part in this.
    machines["vms"][1]["dependencies"] = json!([]);
    site.write("phoenix_vm_configs.json", &machines);
    let secrets = site.pve.dir().join("machines.json");
    let own =
        json!({ "phoenix/prod/vm_ops_password_hash": HASH, "phoenix/prod/docker_hub": "made up" });
    fs::write(&secrets, own.to_string()).unwrap();
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o600)).unwrap();
    (site, secrets)
}

pub(super) fn worker(site: &Site, name: &str, secrets: &Path) -> Worker {
    let secrets = secrets.to_str().unwrap();
    site.worker_with(name, &["--drift-every", "0", "--secrets-file", secrets])
}

/// Returns a file in the root disk of a machine.
pub(super) fn inside(site: &Site, vmid: u32, path: &str) -> PathBuf {
    let volumes = site.pve.world.volumes().unwrap();
    let is_its = |id: &str| id.contains(&format!("-{vmid}-disk-"));
    let disk = volumes.into_iter().find(|volume| is_its(&volume.id)).unwrap();
    disk.folder.join("root").join(path)
}

#[tokio::test]
async fn a_template_and_its_clone_are_built_and_a_second_time_no_process_is_started() {
    let (site, secrets) = quickstart().await;
    let mut worker = worker(&site, "a", &secrets);

    let submitted = site.ok(&["submit", "8001"]).await;

    assert!(
        submitted.out.ends_with(": 1 completed; brought along: 1 completed\n"),
        "{submitted:?}"
    );
    let config = site.pve.machine(8001).unwrap();
    for line in ["cores: 4", "memory: 8192", "onboot: 1", "startup: order=3,up=10"] {
        assert!(config.lines().any(|has| has == line), "{line}: {config}");
    }
    assert!(site.pve.machine(8000).unwrap().contains("template: 1"));
    let installed = fs::read_to_string(inside(&site, 8001, "opt/installed")).unwrap();
    assert_eq!(installed, "base_setup\ndocker\n");
    assert_eq!(site.failures().await, NONE);
    let status = site.ok(&["status"]).await;
    assert!(status.out.contains("192.168.50.81"), "{status:?}");

    let mark = site.pve.mark();
    let again = site.ok(&["submit", "8001"]).await;
    assert!(again.out.contains("nothing to ask for"), "{again:?}");
    let plan = site.ok(&["plan", "8001", "--exit-code"]).await;
    assert!(plan.out.ends_with("no changes; nothing was run\n"), "{plan:?}");
    site.insist().await;
    assert_eq!(site.pve.commands(mark), NONE);

    // The hash is where the machine reads it, and nowhere else.
    worker.kill();
    let seed = site.pve.world.volume("local:snippets/phoenix-8001-user.yaml").unwrap();
    let seed =
        seed.unwrap_or_else(|| site.pve.world.at("/var/lib/vz/snippets/phoenix-8001-user.yaml"));
    let metadata = fs::metadata(&seed).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&seed).unwrap().contains(HASH));
    let said = format!("{}{}{submitted:?}{plan:?}", worker.log(), site.pve.commands(0).join("\n"));
    assert!(!said.contains(HASH), "{said}");
    for guest in site.inner.bus.states().await.unwrap().into_keys() {
        for (_, event) in site.inner.bus.history(guest).await.unwrap() {
            assert!(!format!("{event:?}").contains(HASH));
        }
    }
}

#[tokio::test]
async fn a_feature_that_runs_while_its_worker_is_killed_is_followed_and_not_run_again() {
    let (site, secrets) = quickstart().await;
    let script = "#!/bin/sh\nset -eu\necho docker >>/opt/began\nmkfifo /opt/gate\n\
                  read -r word </opt/gate\necho \"$word\" >>/opt/ended\necho it has ended\n";
    site.pve.write("features", "docker/install.sh", script);
    let mut first = worker(&site, "a", &secrets);
    let submitted = site.ok(&["submit", "8001", "--detach"]).await;
    assert_eq!(submitted.code, 0);
    let is_there = |path: &Path| fs::metadata(path).is_ok_and(|gate| gate.file_type().is_fifo());
    let gate = loop {
        let volumes = site.pve.world.volumes().unwrap();
        let disk = volumes.into_iter().find(|volume| volume.id.contains("-8001-disk-"));
        let gate = disk.map(|disk| disk.folder.join("root/opt/gate"));
        match gate {
            Some(gate) if is_there(&gate) => break gate,
            Some(_) | None => tokio::task::yield_now().await,
        }
    };

    first.kill();
    first.is_killed().await;
    let _second = worker(&site, "b", &secrets);
    site.until_it_answers().await;
    tokio::task::spawn_blocking(move || {
        fs::OpenOptions::new().write(true).open(gate).unwrap().write_all(b"go\n").unwrap();
    })
    .await
    .unwrap();
    site.ok(&["submit", "8001"]).await;

    for name in ["opt/began", "opt/ended"] {
        let lines = fs::read_to_string(inside(&site, 8001, name)).unwrap();
        assert_eq!(lines.lines().count(), 1, "{name}: {lines}");
    }
}
