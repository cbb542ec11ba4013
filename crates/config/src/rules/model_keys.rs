//! What a model server is told twice, it should be told alike.

use phoenix_domain::ModelServer;

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{ModelKeys, Scene};

static CODE: Code = code!("0407", Warning, "a key contradicts the arguments of vLLM");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// A key that says other than the argument.
struct Contradiction<'a> {
    key: &'static str,
    says: String,
    argument: &'static str,
    instead: &'a str,
}

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        let (Some(server), Some(keys)) = (&guest.spec.model_server, &guest.model_keys) else {
            continue;
        };
        for found in contradictions(server, keys) {
            let message = format!(
                "`{}` of {} is `{}`, but vLLM is started with `{} {}`",
                found.key,
                guest.called(),
                found.says,
                found.argument,
                found.instead
            );
            findings.add(
                Finding::new(&CODE, guest.at(found.key), message)
                    .label("has no effect")
                    .also(guest.at("vllm_args"), "the arguments win")
                    .help(format!(
                        "say it once: remove `{}`, or the argument if the key is right",
                        found.key
                    )),
            );
        }
    }
}

fn contradictions<'a>(
    server: &'a ModelServer,
    keys: &'a ModelKeys,
) -> impl Iterator<Item = Contradiction<'a>> {
    let compare = |key, argument, says: Option<String>, agrees: &dyn Fn(&str) -> bool| {
        let (says, instead) = (says?, server.argument(argument)?);
        (!agrees(instead.trim())).then_some(Contradiction { key, says, argument, instead })
    };
    // What is no number in an argument is for vLLM to refuse.
    let share = compare(
        "vllm_gpu_memory_utilization",
        "--gpu-memory-utilization",
        keys.gpu_share.map(|share| share.to_string()),
        &|text| match (text.parse::<f64>(), keys.gpu_share) {
            (Ok(number), Some(share)) => (number - share).abs() < 1e-9,
            (Ok(_) | Err(_), _) => true,
        },
    );
    let parallel = compare(
        "vllm_tensor_parallel_size",
        "--tensor-parallel-size",
        keys.tensor_parallel.map(|size| size.to_string()),
        &|text| text.parse().ok().is_none_or(|number| Some(number) == keys.tensor_parallel),
    );
    let length = compare(
        "vllm_max_model_len",
        "--max-model-len",
        keys.max_model_len.map(|length| length.to_string()),
        &|text| tokens(text).is_none_or(|number| Some(number) == keys.max_model_len),
    );
    let quantization =
        compare("vllm_quantization", "--quantization", keys.quantization.clone(), &|text| {
            keys.quantization.as_deref() == Some(text)
        });
    let offered_as = compare(
        "vllm_served_model_name",
        "--served-model-name",
        keys.served_name.clone(),
        &|text| keys.served_name.as_deref() == Some(text),
    );
    [share, parallel, length, quantization, offered_as].into_iter().flatten()
}

/// Reads a number of tokens as vLLM does: `32k` is 32,000, `32K` is 32,768.
fn tokens(text: &str) -> Option<u64> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k')) => (text.get(..at)?, 1000.0),
        Some((at, 'K')) => (text.get(..at)?, 1024.0),
        Some(_) | None => return text.parse().ok(),
    };
    let number = digits.parse::<f64>().ok()? * unit;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float to integer cast saturates, and no context is that long"
    )]
    Some(number as u64)
}
