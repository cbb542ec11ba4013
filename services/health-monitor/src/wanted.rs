//! What is asked of a guest, by what it is for.

use phoenix_domain::GuestSpec;
use phoenix_domain::health::{Declared, Probe, implied};

/// Returns what is asked of a guest: what it implies by what it is for, and what its file says
/// about that.
pub(crate) fn probes(want: &GuestSpec) -> Vec<Probe> {
    let mut probes = implied(want);
    for declared in &want.probes {
        let known = probes.iter().position(|probe| *probe.name == *declared.name());
        match (known, declared) {
            (Some(known), Declared::Off(_)) => drop(probes.remove(known)),
            (None, Declared::Off(_)) => {}
            (_, Declared::Asked(probe)) => {
                if let Some(known) = known.and_then(|known| probes.get_mut(known)) {
                    known.clone_from(probe);
                } else {
                    probes.push(probe.clone());
                }
            }
        }
    }
    for probe in &mut probes {
        probe.start_deadline = probe.start_deadline.or(want.health.start_deadline);
    }
    probes
}

/// Returns those of these probes by which a feature is asked: the one of its name, or those of its
/// kind that are called otherwise.
pub(crate) fn of_feature<'p>(
    probes: &'p [Probe],
    feature: &'p str,
) -> impl Iterator<Item = &'p Probe> {
    let is_named = probes.iter().any(|probe| *probe.name == *feature);
    probes.iter().filter(move |probe| {
        if is_named { *probe.name == *feature } else { probe.ask.kind() == feature }
    })
}

#[cfg(test)]
mod tests {
    use phoenix_domain::health::Ask;
    use phoenix_testkit::guest;

    use super::*;

    /// Returns what is asked of a guest with Qdrant whose file says this about it, each with its
    /// deadline.
    fn asked(declared: &[Declared], start_deadline: Option<u32>) -> Vec<String> {
        let mut store = guest(952).features(&["docker", "qdrant"]).build();
        store.probes = declared.to_vec();
        store.health.start_deadline = start_deadline;
        let told = |probe: &Probe| match probe.start_deadline {
            Some(seconds) => format!("{}: {} within {seconds}", probe.name, probe.ask),
            None => format!("{}: {}", probe.name, probe.ask),
        };
        probes(&store).iter().map(told).collect()
    }

    #[test]
    fn what_the_file_says_is_put_in_place_of_what_follows_from_features_beside_it_or_takes_it_away()
    {
        let at = |name: &str, port| {
            Declared::Asked(Probe::new(name, Ask::Qdrant { port, collections: Vec::new() }))
        };
        let off = |name: &str| Declared::Off(name.into());
        let (qdrant, inside) = ("qdrant: qdrant at port 6333", "inside: inside");
        let table: &[(&[Declared], &[&str])] = &[
            (&[], &[qdrant, inside]),
            (&[at("qdrant", 7000)], &["qdrant: qdrant at port 7000", inside]),
            (&[at("second", 7000)], &[qdrant, inside, "second: qdrant at port 7000"]),
            (&[off("qdrant")], &[inside]),
            (&[off("inside")], &[qdrant]),
            (&[off("nobodys")], &[qdrant, inside]),
            (&[off("qdrant"), at("second", 7000)], &[inside, "second: qdrant at port 7000"]),
        ];
        for (declared, wanted) in table {
            assert_eq!(asked(declared, None), *wanted, "{declared:?}");
        }
    }

    #[test]
    fn a_deadline_of_the_guest_holds_for_the_probes_that_have_none() {
        let second = Probe { start_deadline: Some(9), ..Probe::new("ssh", Ask::Tcp { port: 22 }) };

        let asked = asked(&[Declared::Asked(second)], Some(60));

        let wanted = [
            "qdrant: qdrant at port 6333 within 60",
            "inside: inside within 60",
            "ssh: tcp at port 22 within 9",
        ];
        assert_eq!(asked, wanted);
    }

    #[test]
    fn a_feature_is_asked_by_the_probe_of_its_name_or_else_by_those_of_its_kind() {
        let mut store = guest(952).features(&["qdrant", "gateway"]).build();
        let names = |store: &GuestSpec, feature: &str| -> Vec<String> {
            of_feature(&probes(store), feature).map(|probe| probe.name.to_string()).collect()
        };
        assert_eq!(names(&store, "qdrant"), ["qdrant"]);
        assert_eq!(names(&store, "gateway"), ["gateway"]);

        let ask = Ask::Qdrant { port: 6333, collections: Vec::new() };
        store.probes =
            vec![Declared::Off("qdrant".into()), Declared::Asked(Probe::new("vectors", ask))];

        assert_eq!(names(&store, "qdrant"), ["vectors"]);
        assert_eq!(names(&store, "docker"), [""; 0]);
    }

    #[test]
    fn what_is_asked_follows_from_what_a_guest_is_for() {
        let kinds = |want: &GuestSpec| {
            probes(want).iter().map(|probe| probe.ask.to_string()).collect::<Vec<_>>()
        };
        let plain = guest(900).build();
        assert_eq!(kinds(&plain), ["inside"]);

        let store = guest(952).features(&["docker", "qdrant"]).build();
        assert_eq!(kinds(&store), ["qdrant at port 6333", "inside"]);

        let mut chat = guest(950).features(&["nvidia"]).build();
        chat.model_server = Some(phoenix_domain::ModelServer {
            model: "qwen".into(),
            served_name: None,
            model_type: None,
            port: Some(8001),
            arguments: Vec::new(),
        });
        assert_eq!(kinds(&chat), ["vllm at port 8001", "inside"]);
    }
}
