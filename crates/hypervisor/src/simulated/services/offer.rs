//! What a guest offers: a plain function of what is installed in it.

use phoenix_domain::{FeatureName, GuestKey, Made};

use super::super::guest::{Sickness, SimulatedGuest};

/// A service, and how it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) what: What,
    pub(super) sickness: Option<Sickness>,
}

/// What is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Vllm { model: Box<str> },
    Qdrant,
    Ollama,
    Nginx,
}

/// What a server of models serves that was never told which.
const SOME_MODEL: &str = "simulated-model";

/// Returns what a guest offers; one that stands still offers nothing.
pub(super) fn of(guest: &SimulatedGuest) -> Vec<((GuestKey, &'static str), Offer)> {
    let inside = guest.seen.inside.as_ref();
    let Some(inside) = inside.filter(|_| guest.runs() && guest.seen.made == Made::Whole) else {
        return Vec::new();
    };
    let offered = inside.features.iter().filter_map(|feature| what(guest, feature));
    offered
        .map(|(name, what)| {
            let sickness = guest.broken.get(name).map(|broken| broken.how);
            ((guest.guest, name), Offer { what, sickness })
        })
        .collect()
}

fn what(guest: &SimulatedGuest, feature: &FeatureName) -> Option<(&'static str, What)> {
    match feature.as_str() {
        "vllm" => {
            let server = guest.model_server.as_ref();
            let model = server.map(|server| server.served_name.as_ref().unwrap_or(&server.model));
            Some((
                "vllm",
                What::Vllm { model: model.map_or_else(|| SOME_MODEL.into(), Clone::clone) },
            ))
        }
        "qdrant" => Some(("qdrant", What::Qdrant)),
        "ollama" => Some(("ollama", What::Ollama)),
        "nginx" => Some(("nginx", What::Nginx)),
        _ => None,
    }
}
