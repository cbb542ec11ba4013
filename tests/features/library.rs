//! The features of the library.

use std::collections::BTreeSet;
use std::fs;

use crate::{features, try_them};

/// Those that can be had of Debian's packages, or of a registry everybody has.
const INSTALLED: [&str; 7] = [
    "base_setup",
    "gateway",
    "nginx",
    "node_exporter",
    "postgresql",
    "python_api_service",
    "redis",
];
/// Those that stand on Docker, and Docker itself: with stand-ins.
const ON_DOCKER: [&str; 5] = ["docker", "n8n", "open_webui", "portainer", "qdrant"];
/// Those that need a card, or downloads that are large or from far away: with stand-ins.
const ON_CARDS: [&str; 4] = ["llamacpp", "nvidia", "ollama", "vllm"];

macro_rules! proved {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            passes(&[stringify!($name)]);
        }
    )*};
}

proved!(base_setup, gateway, nginx, node_exporter, postgresql, python_api_service, redis);

#[test]
fn what_stands_on_docker_does_what_it_says_with_stand_ins() {
    passes(&ON_DOCKER);
}

#[test]
fn what_needs_a_card_or_large_downloads_does_what_it_says_with_stand_ins() {
    passes(&ON_CARDS);
}

#[test]
fn every_feature_is_in_one_of_the_lists() {
    let folders = fs::read_dir(features()).unwrap().map(|entry| entry.unwrap().path());
    let there = folders.filter(|folder| folder.join("feature.json").is_file());
    let there: BTreeSet<_> =
        there.map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let listed = INSTALLED.iter().chain(&ON_DOCKER).chain(&ON_CARDS);
    assert_eq!(there, listed.map(|name| (*name).to_owned()).collect());
}

#[track_caller]
fn passes(names: &[&str]) {
    let tried = try_them(&features(), names, &[]);

    assert_eq!(tried.code, 0, "{}\n{}", tried.out, tried.err);
    for name in names {
        assert!(tried.out.lines().any(|line| line.starts_with(name)), "{name}: {}", tried.out);
    }
    // Nobody is to take a trial for more than it is.
    let with = tried.out.contains("stand-ins: what it really installs is not tried");
    assert_eq!(with, !names.iter().any(|name| INSTALLED.contains(name)), "{}", tried.out);
    assert_eq!(tried.out.matches("  5/5 ").count(), names.len(), "{}", tried.out);
}
