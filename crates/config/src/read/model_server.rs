//! Reading how vLLM is started, out of the four forms in which it was written.

use phoenix_domain::ModelServer;
use serde_json::Value;

use crate::raw::RawContainer;
use crate::raw::lxc::RawScalar;
use crate::scene::ModelKeys;

/// Reads the model server of a container, and what its single keys say apart from its arguments.
pub(super) fn model_server(raw: &RawContainer) -> (Option<ModelServer>, Option<Box<ModelKeys>>) {
    let sections = raw.vllm_engine_config.iter().flatten();
    let engine: Vec<_> = sections.flat_map(|(_, leaves)| leaves.iter()).collect();
    let engine_text = |name: &str| {
        let (_, value) = engine.iter().find(|(key, _)| key.as_str() == name)?;
        text(value)
    };

    let Some(model) = raw.vllm_model.clone().or_else(|| engine_text("model")) else {
        return (None, None);
    };
    let keys = ModelKeys {
        gpu_share: raw.vllm_gpu_memory_utilization,
        tensor_parallel: raw.vllm_tensor_parallel_size.map(|size| size.0),
        max_model_len: raw.vllm_max_model_len.map(|length| length.0),
        quantization: raw.vllm_quantization.clone(),
        served_name: raw.vllm_served_model_name.clone(),
    };

    let mut arguments: Vec<Box<str>> =
        raw.vllm_args.iter().flatten().map(|label| label.0.as_str().into()).collect();
    let mut add = |name: &str, value: Option<String>| {
        let flag = format!("--{}", name.replace('_', "-"));
        let is_given = arguments.iter().any(|argument| {
            argument.split('=').next().is_some_and(|name| name.replace('_', "-") == flag)
        });
        match value {
            Some(value) if !is_given => {
                arguments.push(flag.into());
                if !value.is_empty() {
                    arguments.push(value.into());
                }
            }
            Some(_) | None => {}
        }
    };
    add("quantization", keys.quantization.clone());
    add("max_model_len", keys.max_model_len.map(|length| length.to_string()));
    add("gpu_memory_utilization", keys.gpu_share.map(|share| share.to_string()));
    add("tensor_parallel_size", keys.tensor_parallel.map(|size| size.to_string()));
    add("trust_remote_code", raw.vllm_trust_remote_code.filter(|yes| *yes).map(|_| String::new()));
    for (name, value) in raw.vllm_parameters.iter().flatten() {
        add(name, text(value));
    }
    for (name, value) in &engine {
        // These have a place of their own in the spec.
        if !["model", "served_model_name", "host", "port"].contains(&name.as_str()) {
            add(name, text(value));
        }
    }

    let port = raw.vllm_port.map(|port| port.0).or_else(|| engine_text("port")?.parse().ok());
    let server = ModelServer {
        model: model.into_boxed_str(),
        served_name: raw
            .vllm_served_model_name
            .clone()
            .or_else(|| engine_text("served_model_name"))
            .map(String::into_boxed_str),
        model_type: raw.vllm_model_type.clone().map(String::into_boxed_str),
        port: port.and_then(|port| u16::try_from(port).ok()),
        arguments,
    };
    (Some(server), Some(Box::new(keys)))
}

/// Returns the text of a leaf; a flag that is on has an empty one, one that is off has none.
fn text(value: &RawScalar) -> Option<String> {
    match &value.0 {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some(String::new()),
        Value::Bool(false) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
