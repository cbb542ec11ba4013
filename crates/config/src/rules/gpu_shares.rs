//! The memory of a GPU can be promised only once.

use std::collections::BTreeMap;

use phoenix_domain::{ModelServer, NodeName, Seal};

use super::{Rule, listed, some_of};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::{Guest, Scene};

static OVER: Code = code!("0402", Error, "a GPU's memory is promised more than once");
static CROWDED: Code = code!("0403", Warning, "guests without a share use a GPU that is shared");

pub(super) const RULE: Rule = Rule { codes: &[&OVER, &CROWDED], check };

/// From here on a GPU counts as given away: drivers and contexts need the rest.
const NEARLY_ALL: f64 = 0.9;

/// Shares are written with two digits; what is smaller than this is an error of the sum.
const TOLERANCE: f64 = 1e-6;

/// Who uses one GPU.
#[derive(Default)]
struct Users<'a> {
    sharing: Vec<Sharing<'a>>,
    without_share: Vec<&'a Guest>,
}

/// A model server and its share.
struct Sharing<'a> {
    guest: &'a Guest,
    share: f64,
    is_default: bool,
}

fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut gpus: BTreeMap<(Option<&NodeName>, u8), Users<'_>> = BTreeMap::new();
    let mut parents = None;
    for guest in scene.guests.iter().filter(|guest| !guest.spec.gpus.is_empty()) {
        // A Proxmox template never runs.
        if matches!(guest.spec.seal, Some(Seal::Template { .. })) {
            continue;
        }
        let node = guest.spec.node.as_ref();
        if let Some(server) = &guest.spec.model_server {
            let Some((share, is_default)) = share(server) else { continue };
            let used = usize::try_from(server.gpus_used()).unwrap_or(usize::MAX);
            for index in guest.spec.gpus.indices().iter().take(used) {
                let sharing = Sharing { guest, share, is_default };
                gpus.entry((node, *index)).or_default().sharing.push(sharing);
            }
            continue;
        }
        let is_template = parents.get_or_insert_with(|| scene.parents()).contains(&guest.spec.vmid);
        let needs_gpu = |name| scene.library.feature(name).is_some_and(|known| known.needs_gpu);
        if !is_template && scene.features(guest).any(needs_gpu) {
            for index in guest.spec.gpus.indices() {
                gpus.entry((node, *index)).or_default().without_share.push(guest);
            }
        }
    }
    for ((_, index), users) in &gpus {
        over(*index, users, findings);
        crowded(*index, users, findings);
    }
}

fn over(index: u8, users: &Users<'_>, findings: &Findings) {
    let sum = users.sum();
    if sum <= 1.0 + TOLERANCE {
        return;
    }
    let (Some(last), Some(first)) = (users.sharing.last(), users.sharing.first()) else { return };
    let message = format!(
        "{} times the memory of GPU {index} is promised: {}",
        rounded(sum),
        listed(users.sharing.iter().map(Sharing::called))
    );
    let label = format!("{} here", rounded(last.share));
    let mut finding = Finding::new(&OVER, last.place(), message).label(label).help(
        "lower `--gpu-memory-utilization` until the shares of this GPU add up to 1.0 or less, \
         or give a guest another GPU",
    );
    if users.sharing.len() > 1 {
        finding = finding.also(first.place(), format!("{} here", rounded(first.share)));
    }
    if users.sharing.iter().any(|sharing| sharing.is_default) {
        finding = finding.help(format!(
            "a model server that is told nothing takes {}",
            ModelServer::USUAL_SHARE
        ));
    }
    findings.add(finding);
}

fn crowded(index: u8, users: &Users<'_>, findings: &Findings) {
    let others = &users.without_share;
    let Some(first) = others.first() else { return };
    let sum = users.sum();
    let place = first.at("gpu_assignment");
    if users.sharing.is_empty() {
        if others.len() > 1 {
            let message = format!("GPU {index} is given to {}, none with a share", some_of(others));
            findings.add(Finding::new(&CROWDED, place, message).help(
                "together they may ask for more memory than there is: give them a GPU each, \
                 or see to it that they do not load models at the same time",
            ));
        }
    } else if sum >= NEARLY_ALL - TOLERANCE {
        let servers = listed(users.sharing.iter().map(Sharing::called));
        let message = format!(
            "GPU {index} is given to {} too, but model servers take {} of its memory: {servers}",
            some_of(others),
            rounded(sum)
        );
        let mut finding = Finding::new(&CROWDED, place, message);
        if let Some(server) = users.sharing.first() {
            finding = finding.also(server.place(), "takes its share when it starts");
        }
        findings.add(finding.help(
            "lower `--gpu-memory-utilization` by what the others need, or give them another GPU",
        ));
    }
}

impl Users<'_> {
    fn sum(&self) -> f64 {
        self.sharing.iter().map(|sharing| sharing.share).sum()
    }
}

impl Sharing<'_> {
    fn called(&self) -> String {
        let default = if self.is_default { " by default" } else { "" };
        format!("{} to {}{default}", rounded(self.share), self.guest.spec.vmid)
    }

    fn place(&self) -> crate::place::Place {
        self.guest.at("gpu_assignment")
    }
}

/// Returns the share a server takes, and whether nobody said so. There is none where what is said
/// is no number.
fn share(server: &ModelServer) -> Option<(f64, bool)> {
    let is_default = server.argument("--gpu-memory-utilization").is_none();
    server.gpu_share().map(|share| (share, is_default))
}

/// Rounds a share to what people write.
fn rounded(share: f64) -> f64 {
    (share * 1000.0).round() / 1000.0
}
