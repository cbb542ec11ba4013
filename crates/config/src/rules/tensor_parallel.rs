//! A model is spread over as many GPUs as its guest has.

use phoenix_domain::ModelServer;

use super::{Rule, gpus};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static TOO_FEW: Code = code!("0404", Error, "a model server needs more GPUs than it has");
static LEFT_OVER: Code = code!("0409", Warning, "a model server leaves GPUs unused");

pub(super) const RULE: Rule = Rule { codes: &[&TOO_FEW, &LEFT_OVER], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        let Some(server) = &guest.spec.model_server else { continue };
        let used = server.gpus_used();
        let given = guest.spec.gpus.indices().len();
        if used == given as u64 || (given == 0 && !is_meant_for_gpus(scene, guest)) {
            continue;
        }
        let place = guest.at("gpu_assignment");
        let how = how(server);
        findings.add(if used > given as u64 {
            let message = format!(
                "the model server of {} needs {} ({how}) and has {}{}",
                guest.called(),
                number(used),
                if given == 0 { "" } else { "only " },
                gpus(guest.spec.gpus.indices())
            );
            Finding::new(&TOO_FEW, place, message)
                .help("assign as many GPUs as it needs, or lower `--tensor-parallel-size`")
        } else {
            let message = format!(
                "the model server of {} uses {} ({how}) of the {given} it is given",
                guest.called(),
                number(used)
            );
            Finding::new(&LEFT_OVER, place, message).help(format!(
                "write `--tensor-parallel-size {given}`, or assign it fewer GPUs: \
                 the others stand idle"
            ))
        });
    }
}

/// Says whether a server without a GPU should have one, and nothing else has told so.
fn is_meant_for_gpus(scene: &Scene<'_>, guest: &Guest) -> bool {
    let needs_gpu = |name| scene.library.feature(name).is_some_and(|known| known.needs_gpu);
    !guest.spec.features.iter().any(needs_gpu) && scene.features(guest).any(needs_gpu)
}

fn number(number: u64) -> String {
    if number == 1 { "1 GPU".to_owned() } else { format!("{number} GPUs") }
}

fn how(server: &ModelServer) -> String {
    let said: Vec<_> = ModelServer::SPREAD
        .into_iter()
        .filter_map(|names| Some((names.first()?, server.spread(names)?)))
        .map(|(name, number)| format!("`{name} {number}`"))
        .collect();
    if said.is_empty() { "vLLM's default".to_owned() } else { said.join(", ") }
}
