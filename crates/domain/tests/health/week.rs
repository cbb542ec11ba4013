//! A week of more work than there is room for, in virtual time.

use phoenix_domain::health::{Condition, Found, Process, Silence};

use crate::ward::{Service, Ward, patient, vllm};

#[test]
fn a_week_of_saturation_is_repaired_not_once() {
    let mut ward = Ward::new((0..6).map(|index| {
        let mut patient = patient(950 + index);
        patient.probes[0].ask = vllm();
        patient
    }));
    ward.run(60);
    // A small generator, so that the week is the same each time.
    let mut bits = 0x2545_f491_4f6c_dd1d_u64;
    for hour in 0..24 * 7 {
        for index in 0..6 {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            let found = match bits % 4 {
                0 => Found::Serving,
                1 => Found::Silent(Silence::TimedOut),
                2 => Found::Silent(Silence::Broken),
                _ => Found::Failing(phoenix_domain::health::Reason::Saturated),
            };
            // It does a little between any two readings, and has always more to do.
            let each = 1 + bits % 40;
            let work = Some((1_000_000 * (hour + 1), each, 4, 36));
            let process = Some(Process::Alive { stir: 0, restarts: 0 });
            let service = Service { work, process, ..Service::finds(found) };
            ward.fail(950 + index, service);
        }
        ward.run(3600);
        for index in 0..6 {
            let condition = ward.condition(950 + index);
            assert!(
                matches!(condition, Condition::Healthy | Condition::Degraded(_)),
                "{condition}"
            );
        }
    }
    assert_eq!(ward.repairs(), []);
    assert!(ward.pages().is_empty());
}
