//! What stands on which pool.

use phoenix_config::{Dataset, HostSpec};

use crate::item::{Gone, Refusal};

/// Where the pools and datasets of a host are mounted.
#[derive(Clone, Debug)]
pub(super) struct Ground(Vec<Place>);

#[derive(Clone, Debug)]
struct Place {
    path: String,
    pool: String,
}

impl Ground {
    pub(super) fn of(spec: &HostSpec) -> Self {
        let pools = spec.pools.iter().map(|pool| &pool.name);
        let pools = pools.map(|pool| Place { path: format!("/{pool}"), pool: pool.clone() });
        let datasets = spec
            .datasets
            .iter()
            .map(|dataset| Place { path: place(dataset), pool: dataset.pool.clone() });
        Self(pools.chain(datasets).collect())
    }

    /// Returns why a path may not be used: what it lies on is not right.
    pub(super) fn refuses(&self, path: &str, gone: &[Gone]) -> Option<Refusal> {
        let is_below = |place: &&Place| {
            let rest = path.strip_prefix(&*place.path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let place = self.0.iter().filter(is_below).max_by_key(|place| place.path.len())?;
        let gone = gone.iter().find(|gone| gone.name.part.as_ref() == Some(&place.pool))?;
        let why = format!("it lies on {}, which is not right: {}", gone.root, gone.why);
        Some(Refusal::new(path, why, "mend that first: until then this is left as it is"))
    }
}

/// Returns where a dataset is mounted.
pub(super) fn place(dataset: &Dataset) -> String {
    let own = dataset.properties.iter().find(|(key, _)| key == "mountpoint");
    own.map_or_else(|| format!("/{}", dataset.full_name()), |(_, place)| place.clone())
}

/// Returns the pools of datasets, each once, in the order in which they come.
pub(super) fn pools<'d>(datasets: impl IntoIterator<Item = &'d Dataset>) -> Vec<String> {
    let mut pools: Vec<String> = Vec::new();
    for dataset in datasets {
        if !pools.contains(&dataset.pool) {
            pools.push(dataset.pool.clone());
        }
    }
    pools
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Name;

    #[test]
    fn a_path_lies_on_the_nearest_place_above_it() {
        let dataset = |pool: &str, name: &str, at: &str| Dataset {
            pool: pool.to_owned(),
            name: name.to_owned(),
            properties: vec![("mountpoint".to_owned(), at.to_owned())],
            storage: None,
        };
        let datasets = vec![dataset("good", "data", "/srv"), dataset("bad", "media", "/srv/media")];
        let ground = Ground::of(&HostSpec { datasets, ..HostSpec::default() });
        let name = Name { item: "datasets", part: Some("bad".to_owned()) };
        let gone = [Gone { root: name.clone(), name, why: "why".to_owned() }];

        for (path, is_refused) in [
            ("/srv/media", true),
            ("/srv/media/x", true),
            ("/srv/mediathek", false),
            ("/home", false),
        ] {
            assert_eq!(ground.refuses(path, &gone).is_some(), is_refused, "{path}");
        }
        assert_eq!(ground.refuses("/srv/media", &[]), None);
    }
}
