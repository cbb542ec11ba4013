//! Every key of a container is changed once, in a fleet that runs.
//!
//! For each: the plan names that change and nothing else, what is started is what the plan says, and
//! the next plan is empty. What exactly is planned and started is a snapshot.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use phoenix_config::{Described, schema};
use serde_json::{Value, json};

use super::{NONE, mended};
use crate::proxmox::site::Site;

/// What comes of a key that is changed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    /// The running guest has it at once.
    Live,
    /// The guest is started anew for it.
    Restart,
    /// It concerns other programs: the guest is only marked with the spec it is made for.
    Marked,
    /// It says what is healthy, so that is looked at once more.
    Checked,
    /// Nothing: another key says it already, or it is for the health monitor alone.
    Nothing,
    /// It cannot be changed: refused, with these words, before anything is touched.
    Refused(&'static str),
}

use Then::{Checked, Live, Marked, Nothing, Refused, Restart};

/// A change of a key of a guest, and what comes of it.
struct Row {
    key: &'static str,
    guest: u64,
    to: Value,
    then: Then,
}

/// A change of a guest that runs, has a volume, a script, a firewall and a health check.
fn row(key: &'static str, to: Value, then: Then) -> Row {
    Row { key, guest: 952, to, then }
}

/// A change of a guest that serves a model.
fn model(key: &'static str, to: Value, then: Then) -> Row {
    Row { key, guest: 950, to, then }
}

/// A change of a guest that nobody stands on, and that others could be cloned from.
fn seal(key: &'static str, guest: u64, to: Value, then: Then) -> Row {
    Row { key, guest, to, then }
}

/// The rows, each on top of those before it that were not refused.
fn table() -> Vec<Row> {
    let ids = |kind| json!({ "type": kind, "host_id": 100_000, "container_id": 0, "size": 65_536 });
    let nic = |name, ip| json!({ "name": name, "bridge": "vmbr0", "ip": ip });
    let volume = |name, pool, size, place| json!([{ "name": name, "pool": pool, "size_gb": size, "mount_point": place }]);
    let volumes = "quickOS-shared-prod-data-volumes";
    let fixed = Refused("the storage of the root disk");
    vec![
        row("name", json!("qdrant-renamed"), Restart),
        row("node", json!("pve1"), Marked),
        row("memory_mb", json!(3072), Live),
        row("swap_mb", json!(256), Live),
        row("cores", json!(3), Live),
        row("template", json!("local:vztmpl/tiny.tar"), Nothing),
        row("template_file", json!("tiny.tar"), Nothing),
        row("clone_from_ctid", json!("900"), Refused("a clone of 902")),
        row("storage_pool", json!("fastData-shared-bulk-data"), fixed),
        row("storage_size_gb", json!(40), Live),
        row("storage_size_gb", json!(36), Refused("cannot shrink to 36 GiB")),
        row("network_config", nic("eth0", "10.0.0.161/24"), Live),
        row("mac_address", json!("52:54:00:00:00:F2"), Live),
        row("firewall", json!({ "enabled": false }), Live),
        row("secondary_network_config", nic("eth1", "10.0.0.162/24"), Live),
        row("features", json!(["docker", "node_exporter"]), Live),
        row("feature_parameters", json!({ "docker": { "log_max_size": "20m" } }), Checked),
        row("secrets", json!({ "docker_token": "secret://phoenix/prod/docker" }), Live),
        row("gpu_assignment", json!("1"), Restart),
        row("unprivileged", json!(false), Refused("the configuration is refused")),
        row("application_script", json!("phoenix_hypervisor_lxc_954.sh"), Live),
        row("dependencies", json!([]), Marked),
        row("start_at_boot", json!(false), Live),
        row("boot_order", json!(7), Live),
        row("boot_delay", json!(9), Live),
        row("apparmor_profile", json!("lxc-phoenix-v2"), Restart),
        row("apparmor_manages_nesting", json!(true), Restart),
        row("pct_options", json!(["nesting=1", "keyctl=1"]), Restart),
        row("lxc_options", json!(["lxc.mount.auto=sys:rw"]), Restart),
        row("id_maps", json!([ids("uid"), ids("gid")]), Restart),
        row("volumes", volume("qdrant_data", volumes, 30, "/qdrant/storage"), Live),
        row(
            "volumes",
            volume("qdrant_data", volumes, 20, "/qdrant/storage"),
            Refused("cannot shrink"),
        ),
        row("zfs_volumes", volume("more", volumes, 5, "/more"), Live),
        row("mount_points", json!([{ "host_path": "/srv/data", "container_path": "/srv" }]), Live),
        row("ports", json!(["6333:6333"]), Checked),
        row("traefik_service", json!({ "name": "qdrant", "port": 6333 }), Marked),
        row("health_check", json!({ "command": "true" }), Checked),
        row("health_checks", json!([{ "command": "test -d /opt" }]), Checked),
        row("probes", json!([{ "type": "http", "port": 6333, "path": "/readyz" }]), Nothing),
        row("health", json!({ "mode": "on", "start_deadline": 600 }), Nothing),
        row(
            "tests",
            json!({ "own": [{ "name": "one", "type": "script", "path": "own/one.sh" }] }),
            Marked,
        ),
        row("portainer_role", json!("agent"), Marked),
        // Where the arguments say something, they win over the keys below.
        model("vllm_args", json!([]), Live),
        model("vllm_model", json!("Qwen/Qwen2.5-3B-Instruct-AWQ"), Live),
        model("vllm_served_model_name", json!("small"), Live),
        model("vllm_model_type", json!("embedding"), Live),
        model("vllm_port", Value::Null, Live),
        model("vllm_gpu_memory_utilization", json!(0.5), Live),
        model("vllm_tensor_parallel_size", Value::Null, Live),
        model("vllm_max_model_len", json!(4096), Live),
        model("vllm_quantization", json!("gptq"), Live),
        model("vllm_trust_remote_code", json!(false), Live),
        model("vllm_parameters", json!({ "max_num_seqs": 4 }), Live),
        model("vllm_engine_config", json!({ "CacheConfig": { "swap_space": 1 } }), Live),
        seal("template_snapshot_name", 101, json!("ready"), Restart),
        seal("template_snapshot_name", 101, Value::Null, Live),
        seal("is_template", 106, json!(true), Restart),
    ]
}

#[test]
fn no_key_is_forgotten() {
    let schema = schema(Described::Lxc);
    let keys = schema.pointer("/properties/lxc_configs/additionalProperties/properties").unwrap();
    let keys: BTreeSet<_> = keys.as_object().unwrap().keys().map(String::as_str).collect();

    let tried: BTreeSet<_> = table().into_iter().map(|row| row.key).collect();

    assert_eq!(tried, keys);
}

/// What a plan says of one guest.
#[derive(Default)]
struct Planned {
    impacts: BTreeSet<String>,
    changes: Vec<String>,
    commands: Vec<String>,
}

/// Returns what is planned for a guest; nothing may be planned for any other.
fn planned(plan: &Value, of: u64) -> Planned {
    let mut planned = Planned::default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for guest in plan["order"].as_array().unwrap() {
        let changes = guest["ahead"]["changes"].as_array().unwrap();
        assert!(guest["vmid"] == of || changes.is_empty(), "{guest:#}");
        for change in changes {
            planned.impacts.insert(text(&change["impact"]));
            planned.changes.push(text(&change["change"]));
            planned.commands.extend(change["commands"].as_array().unwrap().iter().map(text));
        }
    }
    planned
}

/// Returns what people would recognize of a process: what it runs in a guest is long.
fn short(line: &str) -> &str {
    line.split_once(" --clear-env").map_or(line, |(attach, _)| attach)
}

fn of_node(lines: &[String]) -> Vec<String> {
    let is = |line: &&String| line.starts_with("pct ") || line.starts_with("apparmor_parser ");
    let digest = |line: &String| match line.split_once("Phoenix contents ") {
        Some((before, _)) => format!("{before}…"),
        None => line.clone(),
    };
    lines.iter().filter(is).map(digest).collect()
}

/// Tries a change that is refused, and returns how.
async fn refused(site: &Site, guest: u64, by: &str) -> String {
    let id = guest.to_string();
    let (mark, before) = (site.pve.mark(), site.remains());
    let plan = site.phoenix(&["plan", &id, "--host", "pve1"]).await;
    let submitted = site.phoenix(&["submit", &id, "--host", "pve1"]).await;
    assert!(plan.code != 0 && submitted.code != 0, "{plan:?} {submitted:?}");
    assert_eq!(site.pve.commands(mark), NONE);
    assert_eq!(site.remains(), before, "something was touched");
    let told = format!("{}{}", plan.out, plan.err);
    let line = told.lines().find(|line| line.contains(by));
    format!("  refused: {}\n", line.unwrap_or_else(|| panic!("{by} is not in {told}")).trim())
}

/// Makes a change, and returns what was planned and started for it.
async fn made(site: &Site, row: &Row) -> String {
    let (id, key) = (row.guest.to_string(), row.key);
    let mark = site.pve.mark();
    let plan = site.json(&["plan", &id, "--host", "pve1"]).await;
    let planned = planned(&plan, row.guest);
    assert_eq!(site.pve.commands(mark), NONE, "{key}: planning starts nothing");
    site.ok(&["submit", &id, "--host", "pve1"]).await;
    let root = site.pve.world.root().to_str().unwrap();
    let started: Vec<_> =
        site.pve.commands(mark).iter().map(|line| line.replace(root, "")).collect();
    let next = site.ok(&["plan", &id, "--host", "pve1", "--exit-code"]).await;
    assert!(next.out.ends_with("no changes; nothing was run\n"), "{key}: {next:?}");

    let marked = vec![format!("edit /etc/pve/lxc/{id}.conf: our mark")];
    let checked = format!("lxc-attach -n {id}");
    let shown: Vec<_> = started.iter().map(|line| short(line)).collect();
    let impacts: Vec<_> = planned.impacts.iter().map(String::as_str).collect();
    match row.then {
        Live => assert_eq!(impacts, ["live"], "{key}"),
        Restart => assert!(impacts.contains(&"restart"), "{key}: {impacts:?}"),
        Marked => assert_eq!((&planned.commands, &shown[..]), (&marked, &[][..]), "{key}"),
        Checked => {
            assert_eq!((&planned.commands, &shown[..]), (&marked, &[&*checked][..]), "{key}");
        }
        Nothing => assert!(planned.changes.is_empty() && shown.is_empty(), "{key}: {shown:?}"),
        Refused(_) => unreachable!("it was refused"),
    }
    assert_eq!(of_node(&planned.commands), of_node(&started), "{key}");
    let is_power = |line: &&String| line.contains(" shutdown ") || line.contains(" start ");
    let calls = of_node(&started).iter().filter(|line| !is_power(line)).count();
    assert!(calls <= 1, "{key}: {started:?}");

    let mut text = String::new();
    for (what, lines) in [("plan", planned.changes), ("edit", planned.commands)] {
        for line in lines.iter().filter(|line| what == "plan" || !line.starts_with("pct ")) {
            writeln!(text, "  {what}: {line}").unwrap();
        }
    }
    for line in started.iter().map(|line| short(line)) {
        let line = line.split_once("Phoenix contents ").map_or(line, |(before, _)| before);
        writeln!(text, "  started: {}", line.trim_end()).unwrap();
    }
    text
}

#[tokio::test]
async fn a_key_that_is_changed_is_planned_alone_made_once_and_then_as_wanted() {
    let site = mended().await;
    let _worker = site.worker();
    site.ok(&["submit", "952", "950", "101", "106", "--host", "pve1"]).await;
    let mut text = String::new();
    for row in table() {
        let id = row.guest.to_string();
        let mut before = Value::Null;
        site.change(|guests| before = std::mem::replace(&mut guests[&id][row.key], row.to.clone()));
        assert_ne!(before, row.to, "{}", row.key);
        writeln!(text, "{} of {id}: {:?}", row.key, row.then).unwrap();
        if let Refused(by) = row.then {
            text.push_str(&refused(&site, row.guest, by).await);
            site.change(|guests| guests[&id][row.key] = before);
            site.ok(&["submit", &id, "--host", "pve1"]).await;
        } else {
            text.push_str(&made(&site, &row).await);
        }
    }

    insta::assert_snapshot!(text);
    let codes: Vec<_> = site.failures().await;
    assert!(
        codes.iter().all(|failure| failure.contains("shrink") || failure.contains("cannot become")),
        "{codes:?}"
    );
}
