//! Volumes that belong to no guest are made, grow, and are never made smaller.

use phoenix_config::HostSpec;
use phoenix_domain::GibiBytes;
use phoenix_setup::{Ended, Given};

use crate::machine::{Machine, all_right, everything};

const VOLUME: &str = "/var/lib/doubles/zfs/tank%disks%vm-99999-disk-models";

/// A pool, its storages and a volume.
fn spec(machine: &Machine) -> HostSpec {
    let all = everything(machine);
    HostSpec {
        pools: all.pools,
        datasets: all.datasets,
        volumes: all.volumes,
        ..HostSpec::default()
    }
}

fn left_out(machine: &Machine, spec: &HostSpec) -> String {
    let ended = machine.set_up(spec, &Given::default());
    let (_, end) = ended.iter().find(|(name, _)| name.is("volumes")).unwrap();
    match end {
        Ended::Partly { left_out, .. } => left_out[0].to_string(),
        Ended::Blocked(blocked) => blocked.to_string(),
        Ended::Same | Ended::Changed(_) | Ended::Reboot { .. } | Ended::Failed(_) => {
            panic!("nothing was refused: {end:?}")
        }
    }
}

#[test]
fn a_volume_is_made_and_grows() {
    let machine = Machine::new();
    let mut spec = spec(&machine);

    all_right(&machine.set_up(&spec, &Given::default()));

    assert_eq!(machine.read(VOLUME), "volsize\t53687091200\n");
    spec.volumes[0].size = GibiBytes(60);
    assert_eq!(
        machine.changes(&spec, &Given::default()),
        ["volumes/tank: run zfs set volsize=64424509440 tank/disks/vm-99999-disk-models"]
    );
    assert_eq!(machine.changes(&spec, &Given::default()), Vec::<String>::new());
}

#[test]
fn a_volume_is_not_made_smaller_and_keeps_no_other_from_being_made() {
    let machine = Machine::new();
    let mut spec = spec(&machine);
    all_right(&machine.set_up(&spec, &Given::default()));
    let mut more = spec.volumes[0].clone();
    more.name = "more".to_owned();
    spec.volumes.push(more);
    spec.volumes[0].size = GibiBytes(40);

    let why = left_out(&machine, &spec);

    assert_eq!(why, "the volume models: it has 50 GiB, and nothing makes it smaller");
    assert_eq!(machine.read(VOLUME), "volsize\t53687091200\n");
    assert!(machine.at(&VOLUME.replace("models", "more")).exists());
}

#[test]
fn a_volume_lies_where_images_are_and_where_no_guest_takes_it_along() {
    let machine = Machine::new();
    let mut spec = spec(&machine);
    spec.volumes[0].storage = "tank-library".parse().unwrap();
    assert!(left_out(&machine, &spec).contains("tank-library is none of ZFS"));
    spec.volumes[0].storage = "elsewhere".parse().unwrap();
    assert!(left_out(&machine, &spec).contains("there is no storage elsewhere"));

    spec.volumes[0].storage = "tank-disks".parse().unwrap();
    machine.write(
        "/etc/pve/.vmlist",
        r#"{"version":1,"ids":{"99999":{"node":"pve1","type":"qemu","version":1}}}"#,
    );
    assert!(left_out(&machine, &spec).starts_with("the guest 99999: "));
    assert!(!machine.at(VOLUME).exists());
}
