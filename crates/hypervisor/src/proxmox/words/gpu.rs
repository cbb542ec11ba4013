//! `devN`: the GPUs of the host a container may use.
//!
//! A device is passed on by its path, so that no major number has to be known: that of nvidia-uvm
//! changes with each boot of the host.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_domain::GpuSet;

use super::pairs;
use crate::proxmox::conf::Section;

/// What every guest with a GPU needs besides the GPU itself.
const SHARED: [&str; 3] = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"];

/// What a set of devices is called that is no set of GPUs: no GPU has this index.
const ODD: &str = "255";

/// Returns the devices a guest with these GPUs has.
pub(crate) fn devices(gpus: &GpuSet) -> Vec<String> {
    if gpus.is_empty() {
        return Vec::new();
    }
    let own = gpus.indices().iter().map(|index| format!("/dev/nvidia{index}"));
    own.chain(SHARED.map(str::to_owned)).collect()
}

/// Returns the GPUs of which a guest has a device, whatever else it has.
pub(crate) fn named(section: &Section) -> BTreeSet<u8> {
    section.numbered("dev").values().filter_map(|value| index(path(value))).collect()
}

/// Reads which GPUs a guest may use. Where its devices are others than those of a set of GPUs, that
/// is a set nobody asks for.
pub(crate) fn read(section: &Section) -> GpuSet {
    let have: BTreeSet<_> = section.numbered("dev").values().map(|value| path(value)).collect();
    let indices: Vec<_> = named(section).iter().map(ToString::to_string).collect();
    let gpus: GpuSet = indices.join(",").parse().unwrap_or_default();
    let wanted = devices(&gpus);
    let is_whole = wanted.len() == have.len() && wanted.iter().all(|at| have.contains(at.as_str()));
    if is_whole { gpus } else { ODD.parse().unwrap_or_default() }
}

/// Returns the entries to set and the indices to delete, so that a guest has these GPUs and no
/// other device.
pub(crate) fn difference(
    have: &BTreeMap<u32, &str>,
    gpus: &GpuSet,
) -> (Vec<(u32, String)>, Vec<u32>) {
    let wanted = devices(gpus);
    let mut kept = BTreeSet::new();
    let mut gone = Vec::new();
    for (index, value) in have {
        let at = path(value);
        let is_wanted = wanted.iter().any(|wanted| wanted == at) && kept.insert(at.to_owned());
        if !is_wanted {
            gone.push(*index);
        }
    }
    let mut free = (0..).filter(|index| !have.contains_key(index));
    let missing = wanted.into_iter().filter(|at| !kept.contains(at));
    // Any user in the guest may use a GPU, as on the host.
    let set = missing
        .filter_map(|at| free.next().map(|index| (index, format!("{at},mode=0666"))))
        .collect();
    (set, gone)
}

fn path(value: &str) -> &str {
    pairs(value, "path").get("path").copied().unwrap_or_default()
}

fn index(path: &str) -> Option<u8> {
    let digits = path.strip_prefix("/dev/nvidia")?;
    if digits.bytes().all(|digit| digit.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(devices: &[&str]) -> Section {
        let keys = devices.iter().enumerate();
        let keys = keys.map(|(nth, device)| (format!("dev{nth}"), (*device).to_owned())).collect();
        Section { keys, ..Section::default() }
    }

    #[test]
    fn what_is_set_is_read_again() {
        for text in ["none", "0", "0,1", "1"] {
            let gpus: GpuSet = text.parse().unwrap();
            let (set, gone) = difference(&BTreeMap::new(), &gpus);
            let set: Vec<_> = set.iter().map(|(_, value)| value.as_str()).collect();
            assert_eq!(read(&with(&set)), gpus, "{text}");
            assert!(gone.is_empty());
        }
    }

    #[test]
    fn of_two_gpus_one_is_taken_away_and_nothing_else() {
        let section = with(&[
            "/dev/nvidia0,mode=0666",
            "/dev/nvidia1,mode=0666",
            "/dev/nvidiactl,mode=0666",
            "/dev/nvidia-uvm,mode=0666",
            "path=/dev/nvidia-uvm-tools,mode=0666",
        ]);
        let (set, gone) = difference(&section.numbered("dev"), &"0".parse().unwrap());
        assert_eq!((set, gone), (vec![], vec![1]));
        let (set, gone) = difference(&section.numbered("dev"), &GpuSet::default());
        assert_eq!((set, gone), (vec![], vec![0, 1, 2, 3, 4]));
    }

    #[test]
    fn a_device_that_is_no_gpu_is_not_what_anybody_asked_for() {
        let odd = with(&["/dev/ttyUSB0"]);
        assert_ne!(read(&odd), GpuSet::default());
        assert_eq!(difference(&odd.numbered("dev"), &GpuSet::default()), (vec![], vec![0]));
        assert_ne!(read(&with(&["/dev/nvidia0"])), "0".parse().unwrap(), "half of it is not it");
    }
}
