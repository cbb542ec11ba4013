//! What guests were promised of the GPUs of each host.

use std::collections::BTreeMap;
use std::fmt;

use phoenix_domain::{Class, GuestSpec, NodeName, Record, Seal};
use serde::Deserialize;

use super::names;
use super::write::Writer;
use crate::serve::view::View;

/// A GPU, as the worker of its host tells it.
#[derive(Deserialize)]
struct Gpu {
    index: u8,
}

pub(super) fn write(view: &View, to: &mut Writer<'_>) -> fmt::Result {
    let promised = promised(view).into_iter();
    let each = promised.map(|((host, gpu), share)| ([host.to_string(), gpu.to_string()], share));
    to.gauges(&names::GPU_COMMITTED, each)
}

/// Returns the shares of all GPUs that are known.
fn promised(view: &View) -> BTreeMap<(&NodeName, u8), f64> {
    let site = &view.site;
    let there = site.hosts.iter().flat_map(|report| {
        let gpus = report.inventory.get("gpus").map(Vec::<Gpu>::deserialize);
        let gpus = gpus.and_then(Result::ok).unwrap_or_default();
        gpus.into_iter().map(|gpu| ((&report.host, gpu.index), 0.0))
    });
    let mut promised: BTreeMap<_, f64> = there.collect();
    for record in site.states.records() {
        for (gpu, share) in takes(record).into_iter().flatten() {
            *promised.entry((&record.desired.host, gpu)).or_default() += share;
        }
    }
    promised
}

/// Returns what a guest takes of which GPUs, where it says how much.
fn takes(record: &Record) -> Option<Vec<(u8, f64)>> {
    let desired = &record.desired;
    // Most guests use no GPU, and their specs need not be read for this.
    if desired.class == Class::Std || desired.goal.is_downwards() {
        return None;
    }
    of_spec(&desired.spec.read().ok()?)
}

fn of_spec(spec: &GuestSpec) -> Option<Vec<(u8, f64)>> {
    // A template of Proxmox never runs.
    if matches!(spec.seal, Some(Seal::Template { .. })) {
        return None;
    }
    let server = spec.model_server.as_ref()?;
    let (share, used) = (server.gpu_share()?, usize::try_from(server.gpus_used()).ok()?);
    Some(spec.gpus.indices().iter().take(used).map(|gpu| (*gpu, share)).collect())
}

#[cfg(test)]
mod tests {
    use phoenix_domain::{Event, Goal, GpuSet, ModelServer, SpecText};
    use serde_json::json;

    use super::*;
    use crate::asking::tests::{asked, report, time};
    use crate::states::States;

    /// Returns a guest whose model server is started with these arguments.
    fn serving(vmid: u32, gpus: &str, arguments: &[&str]) -> Event {
        let mut event = asked(vmid, "r-0001");
        let gpus: GpuSet = gpus.parse().unwrap();
        let server = ModelServer {
            model: "m".into(),
            served_name: None,
            model_type: None,
            port: None,
            arguments: arguments.iter().map(|text| Box::from(*text)).collect(),
        };
        let desired = &mut event.state.desired;
        let spec = desired.spec.read().unwrap();
        desired.class = Class::of(&gpus);
        let spec = GuestSpec { gpus, model_server: Some(server), ..spec };
        desired.spec = SpecText::of(&spec).unwrap();
        event
    }

    #[test]
    fn the_memory_of_a_gpu_is_what_all_who_are_to_run_were_promised_of_it() {
        let mut view = View::default();
        let inventory = json!({ "gpus": [{ "index": 0, "model": "m" }, { "index": 2 }] });
        view.site.hosts = vec![phoenix_bus::HostReport { inventory, ..report("pve1", time()) }];
        let mut stopped = serving(904, "0", &[]);
        stopped.state.desired.goal = Goal::Stopped;

        view.begin(States::of([
            asked(900, "r-0001"),
            serving(901, "0", &["--gpu-memory-utilization", "0.5"]),
            serving(902, "0,1", &["--gpu-memory-utilization=0.25", "-tp", "2"]),
            serving(903, "1", &["--gpu-memory-utilization", "most"]),
            stopped,
        ]));

        let promised = promised(&view).into_iter().map(|((_, gpu), share)| (gpu, share));
        assert_eq!(promised.collect::<Vec<_>>(), [(0, 0.75), (1, 0.25), (2, 0.0)]);
    }
}
