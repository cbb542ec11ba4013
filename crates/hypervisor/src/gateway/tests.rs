use std::collections::BTreeMap;
use std::net::IpAddr;

use phoenix_domain::{GuestSpec, ModelServer, Route};
use phoenix_testkit::guest;
use proptest::prelude::*;

use super::*;

fn route(name: &str, port: u16, scheme: Option<&str>) -> Route {
    Route { name: name.into(), port, scheme: scheme.map(Into::into) }
}

fn model(kind: &str) -> ModelServer {
    ModelServer {
        model: "m".into(),
        served_name: None,
        model_type: Some(kind.into()),
        port: Some(8000),
        arguments: Vec::new(),
    }
}

/// Returns an upstream; a number below 256 is the end of its address.
fn upstream(vmid: u64, name: &str, end: Option<u8>, fill: impl FnOnce(&mut GuestSpec)) -> Upstream {
    let mut spec = guest(vmid).name(name).build();
    fill(&mut spec);
    let address: Vec<IpAddr> = end.map(|end| [10, 0, 0, end].into()).into_iter().collect();
    let features = spec.features.clone();
    Upstream::of(&spec, &address, features).unwrap()
}

fn fleet() -> Vec<Upstream> {
    vec![
        upstream(950, "vllm-chat", Some(150), |spec| {
            spec.model_server = Some(model("chat"));
            spec.route = Some(route("chat", 8000, None));
        }),
        upstream(951, "vllm-embedding", Some(151), |spec| {
            spec.model_server = Some(model("embedding"));
        }),
        upstream(954, "n8n", Some(154), |spec| spec.route = Some(route("flows", 5678, None))),
        upstream(955, "ollama", None, |spec| {
            spec.route = Some(route("ollama", 11434, None));
            spec.features = vec!["ollama".parse().unwrap()];
        }),
        upstream(956, "portainer", Some(156), |spec| {
            spec.route = Some(route("portainer", 9443, Some("https")));
        }),
        upstream(957, "pg", Some(157), |spec| spec.route = Some(route("pg", 5432, Some("tcp")))),
        upstream(958, "redis", None, |spec| spec.route = Some(route("redis", 6379, Some("tcp")))),
        upstream(959, "other-n8n", Some(159), |spec| spec.route = Some(route("FLOWS", 1, None))),
        upstream(960, "web", Some(160), |spec| spec.route = Some(route("web", 443, Some("tcp")))),
    ]
}

fn rendered(upstreams: &[Upstream]) -> BTreeMap<String, String> {
    files(upstreams, |feature| feature.as_str() == "ollama").into_iter().collect()
}

#[test]
fn a_fleet_becomes_these_files() {
    let files = rendered(&fleet());

    insta::assert_snapshot!("http", files["gateway/http.conf"]);
    insta::assert_snapshot!("stream", files["gateway/stream.conf"]);
}

#[test]
fn several_models_of_a_kind_are_not_chosen_among() {
    let another =
        upstream(961, "another", Some(161), |spec| spec.model_server = Some(model("chat")));
    let text = &rendered(&[fleet(), vec![another]].concat())["gateway/http.conf"];

    assert!(text.contains(
        "location = /v1/chat/completions {\n        default_type text/plain;\n        return 404 \
         \"Several guests serve chat models (950 vllm-chat, 961 another)"
    ));
    assert!(
        text.contains("location = /v1/embeddings {\n        proxy_pass http://10.0.0.151:8000;")
    );
}

#[test]
fn an_address_of_version_six_is_put_into_brackets() {
    let mut six = fleet().remove(2);
    six.address = Some("fd00::9".parse().unwrap());

    assert!(rendered(&[six])["gateway/http.conf"].contains("proxy_pass http://[fd00::9]:5678;"));
}

/// Returns the directives of a file: what begins each of its lines.
fn directives(text: &str) -> Vec<&str> {
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split(' ').next().unwrap_or_default()).collect()
}

proptest! {
    #[test]
    fn the_order_in_which_guests_come_makes_no_difference(
        shuffled in Just(fleet()).prop_shuffle(),
    ) {
        prop_assert_eq!(rendered(&shuffled), rendered(&fleet()));
    }

    /// What somebody writes into a file of theirs is a name, or is not there at all.
    #[test]
    fn nobody_breaks_out_of_a_name(
        name in prop_oneof![
            any::<String>(),
            "[a-z]{1,3}[ ;{}\"'$\\\\#\n\t]{1,4}[a-z]{0,8}",
            "[a-zA-Z0-9_-]{1,70}",
        ],
        scheme in prop_oneof![
            Just(None), Just(Some("https")), Just(Some("tcp")), Just(Some("x; }")),
        ],
        port in 1_u16..,
    ) {
        let of = |name: &str, scheme: Option<&str>| {
            let route = route(name, port, scheme);
            let fault = route.fault();
            let up = upstream(950, "guest", Some(9), |spec| spec.route = Some(route));
            (rendered(&[up]), fault)
        };
        let (hostile, fault) = of(&name, scheme);
        // Without a fault it is as with any other name, and with one as without the guest.
        let innocent = if fault.is_none() { of("innocent", scheme).0 } else { rendered(&[]) };
        for (file, text) in &hostile {
            prop_assert_eq!(directives(text), directives(&innocent[file]), "{}", text);
            prop_assert!(text.is_ascii() && !text.contains('\t'));
        }
    }
}
