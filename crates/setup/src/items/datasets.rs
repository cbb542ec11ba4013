//! ZFS datasets and their properties.

use std::collections::BTreeMap;

use phoenix_config::{Dataset, HostSpec};

use super::{ground, plain};
use crate::change::{Act, HostChange, Run};
use crate::host::Host;
use crate::item::{Check, Item, Look, Refusal};

/// The datasets of one pool.
pub(super) struct Datasets {
    pool: String,
    /// Whether the pool is made by another item.
    is_declared: bool,
    all: Vec<Dataset>,
}

impl Datasets {
    pub(super) fn all(spec: &HostSpec) -> impl Iterator<Item = Self> {
        ground::pools(&spec.datasets).into_iter().map(|pool| Self {
            is_declared: spec.pools.iter().any(|declared| declared.name == pool),
            all: spec.datasets.iter().filter(|dataset| dataset.pool == pool).cloned().collect(),
            pool,
        })
    }
}

impl Item for Datasets {
    fn name(&self) -> &'static str {
        "datasets"
    }

    fn part(&self) -> Option<&str> {
        Some(&self.pool)
    }

    fn about(&self) -> &'static str {
        "ZFS datasets"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["pools"]
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        let listed = host.asked(&["zfs", "list", "-H", "-o", "name"])?;
        let there: Vec<_> = listed.lines().map(str::trim).collect();
        let mut changes = Vec::new();
        for dataset in &self.all {
            let name = dataset.full_name();
            if !is_name(&name) {
                let advice = "write letters, digits, `-`, `_`, `.` and `/`";
                return Err(Refusal::new(name, "ZFS does not take this name", advice));
            }
            for (key, value) in &dataset.properties {
                plain(&name, key)?;
                plain(&name, value)?;
            }
            if there.contains(&&*name) {
                changes.extend(differences(host, dataset)?);
                continue;
            }
            if !there.contains(&&*self.pool) && !self.is_declared {
                let why = format!("there is no pool {}", dataset.pool);
                return Err(Refusal::new(name, why, "declare it in `zfs.pools`, or import it"));
            }
            changes.push(HostChange::live(Act::Run(make(dataset)), "there is no such dataset"));
        }
        Ok(Look::of(changes))
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        let mounted = |dataset: &Dataset| {
            let name = dataset.full_name();
            let answer = host.asked(&["zfs", "get", "-H", "-o", "value", "mounted", &name]);
            let wrong =
                answer.map(|answer| (answer.trim() != "yes").then(|| "it is not".to_owned()));
            Check::of(format!("{name} is mounted"), wrong)
        };
        self.all.iter().map(mounted).collect()
    }
}

fn make(dataset: &Dataset) -> Run {
    let name = dataset.full_name();
    let has_place = dataset.properties.iter().any(|(key, _)| key == "mountpoint");
    let place = (!has_place).then(|| format!("mountpoint=/{name}"));
    let own = dataset.properties.iter().map(|(key, value)| format!("{key}={value}"));
    let options = place.into_iter().chain(own).flat_map(|option| ["-o".to_owned(), option]);
    let words = ["zfs", "create", "-p"].map(str::to_owned).into_iter();
    Run::of(words.chain(options).chain(["--".to_owned(), name]))
}

fn differences(host: &Host, dataset: &Dataset) -> Result<Vec<HostChange>, Refusal> {
    let name = dataset.full_name();
    let text = host.asked(&["zfs", "get", "-H", "-p", "-o", "property,value", "all", &name])?;
    let now: BTreeMap<_, _> = text.lines().filter_map(|line| line.split_once('\t')).collect();
    let mut changes = Vec::new();
    for (key, value) in &dataset.properties {
        let found = now.get(key.as_str()).copied();
        if found.is_some_and(|found| plainly(found) == plainly(value)) {
            continue;
        }
        let why = format!("it is {}", found.unwrap_or("not set"));
        let run = Run::of(["zfs", "set", &format!("{key}={value}"), &name]);
        changes.push(HostChange::live(Act::Run(run), why));
    }
    let is = |key: &str, value: &str| now.get(key).is_some_and(|found| *found == value);
    if is("mounted", "no") && is("canmount", "on") {
        let run = Run::of(["zfs", "mount", &name]);
        changes.push(HostChange::live(
            Act::Run(run),
            "it is not mounted, and what is written there would be lost below it",
        ));
    }
    Ok(changes)
}

/// Returns a value as it can be compared: sizes in bytes, as ZFS is asked for them.
fn plainly(value: &str) -> String {
    let value = value.trim();
    if value == "none" {
        return "0".to_owned();
    }
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let (Some(number), Some(factor)) = (value.strip_suffix(unit), factor(unit)) else {
        return value.to_owned();
    };
    if let Ok(number) = number.parse::<u64>() {
        return number.saturating_mul(factor).to_string();
    }
    // Two of the digits behind the point at most: `1.5T`.
    let Some((whole, part)) = number.split_once('.') else { return value.to_owned() };
    let scale = 10_u64.saturating_pow(u32::try_from(part.len()).unwrap_or(u32::MAX));
    match (whole.parse::<u64>(), part.parse::<u64>()) {
        (Ok(whole), Ok(part)) => {
            let part = u128::from(part) * u128::from(factor) / u128::from(scale.max(1));
            (u128::from(whole) * u128::from(factor) + part).to_string()
        }
        (_, _) => value.to_owned(),
    }
}

fn factor(unit: &str) -> Option<u64> {
    let shift = match unit.trim_end_matches(['B', 'b', 'i']).to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        "P" => 50,
        _ => return None,
    };
    Some(1 << shift)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_same_however_it_is_written() {
        for (written, asked) in [
            ("500G", "536870912000"),
            ("16K", "16384"),
            ("none", "0"),
            ("lz4", "lz4"),
            ("1.5T", "1649267441664"),
            ("off", "off"),
            ("/tank/a", "/tank/a"),
        ] {
            assert_eq!(plainly(written), plainly(asked), "{written}");
        }
        assert_ne!(plainly("1G"), plainly("1M"));
    }

    #[test]
    fn an_option_is_no_dataset() {
        for good in ["tank/a", "tank/a-b/c_d.e"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["-o", "tank//a", "tank/../x", "tank/a b", "tank/a@b", ""] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
