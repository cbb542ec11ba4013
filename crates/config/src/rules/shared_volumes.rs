//! A shared directory is mounted into containers that exist.

use phoenix_domain::{AbsolutePath, Vmid};

use super::{Rule, did_you_mean};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::raw::hypervisor::RawSharedVolume;
use crate::scene::Scene;

static CODE: Code = code!("0512", Error, "a shared volume cannot be mounted");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// Among more guests than this nobody misses a hint.
const SEARCHED: usize = 1000;

fn check(scene: &Scene<'_>, findings: &Findings) {
    for (name, shared) in scene.hypervisor.shared_volumes.iter().flatten() {
        // Without both it is no shared volume at all but something misplaced.
        if shared.host_path.is_none() && shared.mounts.is_none() {
            continue;
        }
        let at = Place::of_host("shared_volumes").key(name.clone());
        host_path(name, shared, &at, findings);
        for (mount, inside) in shared.mounts.iter().flatten() {
            let place = at.clone().key("mounts").key(mount.clone());
            container(scene, name, mount, &place, findings);
            if inside.parse::<AbsolutePath>().is_err() {
                let message = format!(
                    "`{name}` is mounted into guest {mount} at `{inside}`, which is no absolute path"
                );
                findings.add(
                    Finding::new(&CODE, place, message)
                        .help("write the whole path inside of the container: `/models`"),
                );
            }
        }
    }
}

fn host_path(name: &str, shared: &RawSharedVolume, at: &Place, findings: &Findings) {
    let (place, message) = match &shared.host_path {
        None => (at.clone().named(), format!("the shared volume `{name}` has no `host_path`")),
        Some(path) if path.parse::<AbsolutePath>().is_err() => {
            let message =
                format!("the shared volume `{name}` is `{path}`, which is no absolute path");
            (at.clone().key("host_path"), message)
        }
        Some(_) => return,
    };
    findings.add(
        Finding::new(&CODE, place, message)
            .help("`host_path` is a directory of the host, from the root: `/tank/shared/models`"),
    );
}

fn container(scene: &Scene<'_>, name: &str, mount: &str, place: &Place, findings: &Findings) {
    let vmid: Option<Vmid> = mount.parse().ok();
    let known = vmid.is_some_and(|vmid| scene.knows(vmid));
    let machine =
        vmid.and_then(|vmid| scene.guest(vmid)).filter(|guest| guest.spec.machine().is_some());
    let finding = if let Some(machine) = machine {
        let message =
            format!("`{name}` is mounted into {}, which is a virtual machine", machine.called());
        Finding::new(&CODE, place.clone().named(), message).also(machine.at.clone().named(), "this one")
            .help("directories of the host are mounted into containers only; give the machine an NFS volume")
    } else if known {
        return;
    } else {
        let message = format!("`{name}` is mounted into guest {mount}, which does not exist");
        let ids = scene.guests.iter().take(SEARCHED).map(|guest| guest.spec.vmid.to_string());
        let ids: Vec<_> = ids.collect();
        let finding = Finding::new(&CODE, place.clone().named(), message);
        match did_you_mean(mount, ids.iter().map(String::as_str)) {
            Some(near) => finding.help(format!("did you mean {near}? If not, remove this line")),
            None => finding.help("remove this line, or name a container that is there"),
        }
    };
    findings.add(finding);
}
