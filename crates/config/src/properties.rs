//! What holds for every configuration, not only for those somebody thought of.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Map, Value, json};

use crate::{Level, Library, Loaded, Texts, config_form, load_texts};

const HOST: &str = include_str!("../../../tests/fixtures/rules/host.json");

fn loaded(lxc: &str, vm: &str) -> Loaded {
    let library = Library::built_in().unwrap();
    let texts = Texts { hypervisor: HOST.as_bytes(), lxc: lxc.as_bytes(), vm: vm.as_bytes() };
    load_texts(&texts, &library)
}

/// A key that is there or not.
fn maybe(
    key: &'static str,
    value: impl Strategy<Value = Value>,
) -> impl Strategy<Value = Map<String, Value>> {
    prop::option::weighted(0.6, value)
        .prop_map(move |value| value.into_iter().map(|value| (key.to_owned(), value)).collect())
}

/// Features, and what is set of those that are there.
fn features() -> impl Strategy<Value = Map<String, Value>> {
    let number = prop_oneof![
        (-9_i64..9000).prop_map(Value::from),
        (0_u64..9000).prop_map(|n| json!(n.to_string())),
    ];
    let address = "[a-z0-9:.]{1,8}";
    let redis = (
        maybe("maxmemory_mb", number),
        maybe(
            "bind",
            prop_oneof![
                address.prop_map(Value::from),
                prop::collection::vec(address, 0..3).prop_map(Value::from),
                Just(json!([6379, "::1"])),
            ],
        ),
        maybe("appendonly", prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from)]),
        maybe(
            "maxmemory_policy",
            prop_oneof![Just(json!(17)), "[^\\x00]{0,8}".prop_map(Value::from)],
        ),
    );
    let redis = redis.prop_map(|(a, b, c, d)| {
        Value::Object([a, b, c, d].into_iter().flatten().collect::<Map<_, _>>())
    });
    let listed = prop::sample::subsequence(vec!["base_setup", "redis"], 0..=2);
    (listed, maybe("redis", redis)).prop_map(|(features, parameters)| {
        let mut members = Map::new();
        if features.contains(&"redis") {
            members.insert("feature_parameters".to_owned(), Value::Object(parameters));
        }
        if !features.is_empty() {
            members.insert("features".to_owned(), json!(features));
        }
        members
    })
}

/// What both kinds of guest may say, in any of its spellings.
fn shared() -> impl Strategy<Value = Map<String, Value>> {
    let numbers = prop_oneof![
        (16_u64..9000).prop_map(Value::from),
        (16_u64..9000).prop_map(|n| json!(n.to_string()))
    ];
    let parts = (
        maybe("memory_mb", numbers),
        maybe("cores", (1_u32..16).prop_map(Value::from)),
        maybe("start_at_boot", any::<bool>().prop_map(Value::from)),
        maybe("boot_order", (0_u32..9).prop_map(Value::from)),
        maybe("boot_delay", prop_oneof![Just(Value::Null), (0_u32..9).prop_map(Value::from)]),
        features(),
        maybe(
            "secrets",
            Just(json!({
                "redis_password": "secret://phoenix/prod/redis#password",
                "hf_token": "secret://phoenix/prod/hf_token",
                "none": null,
            })),
        ),
        maybe("ports", prop_oneof![Just(json!(["8000:80", 443])), Just(json!("9000"))]),
        maybe(
            "firewall",
            prop_oneof![
                Just(json!({ "enabled": false })),
                Just(json!({ "enabled": true, "rules": [
                    { "type": "in", "action": "accept", "proto": "tcp", "port": "1:65535" },
                ]})),
            ],
        ),
        maybe(
            "health_check",
            prop_oneof![
                Just(json!({ "command": "true" })),
                Just(json!([{ "name": "a", "command": "true", "retries": "7" }])),
            ],
        ),
        // Two guests hardly ever have the same route: it would be refused, rightly.
        maybe("traefik_service", "[a-z]{16}".prop_map(|name| json!({ "name": name, "port": 80 }))),
    );
    let watched = (
        maybe("probes", prop::sample::subsequence(probes(), 0..=9).prop_map(Value::from)),
        maybe(
            "health",
            prop_oneof![
                Just(json!({})),
                Just(json!({ "mode": "dry-run", "stateless": false, "start_deadline": "90" })),
            ],
        ),
    );
    (parts, watched).prop_map(|((a, b, c, d, e, f, g, h, i, j, k), (l, m))| {
        [a, b, c, d, e, f, g, h, i, j, k, l, m].into_iter().flatten().collect()
    })
}

/// A probe of each type, in one of its spellings.
fn probes() -> Vec<Value> {
    vec![
        json!({ "type": "vllm", "model": "m", "start_deadline": "600" }),
        json!({ "type": "qdrant", "port": "6333", "collections": "docs" }),
        json!({ "type": "ollama", "name": "small", "models": ["a", "b"] }),
        json!({ "type": "llamacpp", "port": 8080 }),
        json!({ "type": "http", "path": "/x", "status": 204, "contains": "ok" }),
        json!({ "type": "tcp", "port": 22, "off": false }),
        json!({ "type": "docker", "containers": ["web"] }),
        json!({ "type": "nginx", "off": true }),
        json!({ "name": "inside", "off": true }),
    ]
}

fn container() -> impl Strategy<Value = Map<String, Value>> {
    let parts = (
        maybe("swap_mb", (0_u32..512).prop_map(Value::from)),
        maybe("unprivileged", Just(json!(true))),
        maybe("template_snapshot_name", Just(json!("ready"))),
        maybe(
            "pct_options",
            prop_oneof![Just(json!(["nesting=1", "keyctl=1"])), Just(json!(["mount=nfs;cifs"]))],
        ),
        maybe(
            "lxc_options",
            Just(json!(["lxc.mount.entry=/dev/fuse dev/fuse none bind,create=file"])),
        ),
        maybe(
            "id_maps",
            Just(json!([{ "type": "gid", "host_id": 33, "container_id": 33, "size": 1 }])),
        ),
        maybe(
            "volumes",
            Just(json!([{ "name": "d", "pool": "tank-lxc", "size_gb": 2, "mount_point": "/d" }])),
        ),
        maybe(
            "zfs_volumes",
            Just(
                json!([{ "name": "z", "pool": "tank-lxc", "size_gb": "2", "mount_point": "/z/" }]),
            ),
        ),
        maybe(
            "tests",
            Just(json!({ "suite": [{ "name": "t", "type": "script", "path": "a/b.sh" }] })),
        ),
        maybe("portainer_role", Just(json!("agent"))),
        maybe(
            "vllm_engine_config",
            Just(json!({ "ModelConfig": { "model": "m", "dtype": "auto", "max_model_len": 8 } })),
        ),
    );
    (shared(), parts).prop_map(|(shared, (a, b, c, d, e, f, g, h, i, j, k))| {
        [shared, a, b, c, d, e, f, g, h, i, j, k].into_iter().flatten().collect()
    })
}

fn machine() -> impl Strategy<Value = Map<String, Value>> {
    let parts = (
        maybe("snapshots", Just(json!({ "pre-features": "before", "post_features": "after" }))),
        maybe(
            "user_config",
            Just(
                json!({ "username": "u", "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ" }),
            ),
        ),
        maybe(
            "volumes",
            Just(
                json!([{ "type": "nfs", "server": "10.0.0.13", "path": "/x", "mount_point": "/y" }]),
            ),
        ),
        maybe("template_snapshot_name", Just(json!("initial"))),
    );
    (shared(), parts)
        .prop_map(|(shared, (a, b, c, d))| [shared, a, b, c, d].into_iter().flatten().collect())
}

/// Both files of guests: some with addresses, some cloned from the first.
fn files() -> impl Strategy<Value = (Value, Value)> {
    (prop::collection::vec(container(), 1..4), prop::collection::vec(machine(), 0..3)).prop_map(
        |(containers, machines)| {
            let mut lxc = Map::new();
            for (nth, mut container) in containers.into_iter().enumerate() {
                container.insert("name".into(), json!(format!("ct-{nth}")));
                if nth == 0 {
                    container.insert("template".into(), json!("debian.tar.zst"));
                    container.insert("storage_pool".into(), json!("tank-lxc"));
                    container.insert("storage_size_gb".into(), json!("8"));
                    container.insert("template_snapshot_name".into(), json!("ready"));
                } else {
                    container.insert("clone_from_ctid".into(), json!(900));
                }
                let network = if nth % 2 == 0 {
                    json!({ "ip": format!("10.0.0.{}/24", 100 + nth), "gw": "10.0.0.1", "nameservers": "10.0.0.1 1.1.1.1" })
                } else {
                    json!(format!("10.0.0.{}/24,10.0.0.1,8.8.8.8", 100 + nth))
                };
                container.insert("network_config".into(), network);
                lxc.insert((900 + nth).to_string(), Value::Object(container));
            }
            let vms: Vec<Value> = machines
                .into_iter()
                .enumerate()
                .map(|(nth, mut machine)| {
                    machine.insert("vmid".into(), json!(8000 + nth));
                    machine.insert("name".into(), json!(format!("vm-{nth}")));
                    machine.insert("template_image".into(), json!("/srv/noble.img"));
                    machine.insert("network_config".into(), json!({ "ip": "dhcp" }));
                    Value::Object(machine)
                })
                .collect();
            let defaults = json!({ "cores": 2, "storage_pool": "tank-vm", "disk_size_gb": 8 });
            (json!({ "lxc_configs": lxc }), json!({ "vm_defaults": defaults, "vms": vms }))
        },
    )
}

/// Turns the members of every object around.
fn reversed(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .rev()
                .map(|(key, value)| format!("{}:{}", json!(key), reversed(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(reversed).collect();
            format!("[{}]", elements.join(","))
        }
        single @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            single.to_string()
        }
    }
}

fn messages(loaded: &Loaded) -> Vec<(u16, String)> {
    let mut messages: Vec<_> = loaded
        .findings
        .iter()
        .map(|finding| (finding.code.number, finding.message.clone()))
        .collect();
    messages.sort();
    messages
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_shown_of_a_fleet_is_read_as_the_same_fleet((lxc, vm) in files()) {
        let first = loaded(&lxc.to_string(), &vm.to_string());
        let errors: Vec<_> =
            first.findings.iter().filter(|finding| finding.level() == Level::Error).collect();
        prop_assert!(errors.is_empty(), "{errors:#?}");
        let fleet = first.fleet.unwrap();

        let shown = config_form(fleet.guests());
        let lxc = json!({ "lxc_configs": shown["lxc_configs"] });
        let vm = json!({ "vms": shown["vms"] });
        let second = loaded(&lxc.to_string(), &vm.to_string());

        prop_assert_eq!(Some(fleet), second.fleet);
    }

    #[test]
    fn the_order_of_keys_does_not_matter((lxc, vm) in files()) {
        let first = loaded(&lxc.to_string(), &vm.to_string());
        let second = loaded(&reversed(&lxc), &reversed(&vm));
        prop_assert_eq!(messages(&first), messages(&second));
        prop_assert_eq!(first.fleet, second.fleet);
    }

    #[test]
    fn no_value_in_any_place_stops_the_checks(
        (lxc, vm) in files(),
        at in any::<prop::sample::Index>(),
        odd in prop::sample::select(vec![
            "null", "true", "-1", "2.5", "1e400", "99999999999999999999", "\"\"", "\"x y\"",
            "[]", "[null]", "{}", "[[[[]]]]", "{\"a\":1,\"a\":2}", "\"\\u0000\"", "\"ä\"", "@", "",
        ]),
    ) {
        // A value stands behind each colon; one of them becomes something else.
        let text = lxc.to_string();
        let colons: Vec<_> = text.match_indices("\":").map(|(at, _)| at + 2).collect();
        let start = colons[at.index(colons.len())];
        let value = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        let mut value = value;
        value.next();
        let end = start + value.byte_offset();
        let text = format!("{}{odd}{}", &text[..start], &text[end..]);

        let checked = loaded(&text, &vm.to_string());

        let shown = crate::as_text(&checked, false);
        prop_assert_eq!(shown.is_empty(), checked.findings.is_empty());
        prop_assert_eq!(checked.fleet.is_none(), checked.count(Level::Error) > 0);
    }

    #[test]
    fn no_bytes_stop_the_checks(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let library = Library::built_in().unwrap();
        for nth in 0..3 {
            let pick = |file| if nth == file { bytes.as_slice() } else { b"{}" };
            let texts = Texts { hypervisor: pick(0), lxc: pick(1), vm: pick(2) };
            let checked = load_texts(&texts, &library);
            prop_assert!(crate::as_json(&checked).is_ok());
        }
    }
}

/// Every value that the types take is one that the schema takes, so that an editor never marks what
/// we accept.
#[test]
fn the_schema_takes_what_the_types_take() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let lxc_schema = jsonschema::validator_for(&crate::schema(crate::Described::Lxc)).unwrap();
    let vm_schema = jsonschema::validator_for(&crate::schema(crate::Described::Vm)).unwrap();
    for _ in 0..200 {
        let (lxc, vm) = files().new_tree(&mut runner).unwrap().current();
        for (schema, file) in [(&lxc_schema, &lxc), (&vm_schema, &vm)] {
            let errors: Vec<_> = schema.iter_errors(file).map(|err| err.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
    }
}
