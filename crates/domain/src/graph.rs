//! The order in which things that stand on each other come.

use std::fmt;

use rustc_hash::FxHashMap;
use thiserror::Error;

use crate::Vmid;

/// Guests that stand on each other in a circle, in order; the first stands on the second.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct Cycle(Vec<Vmid>);

impl Cycle {
    /// Returns the guests, each once.
    pub fn guests(&self) -> &[Vmid] {
        &self.0
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for guest in &self.0 {
            write!(f, "{guest} → ")?;
        }
        match self.0.first() {
            Some(first) => fmt::Display::fmt(first, f),
            None => Ok(()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Its own edges are being followed.
    Open,
    /// It and everything below is in the order.
    Done,
}

/// Returns `targets` and all they stand on, each behind everything it stands on.
///
/// Depth first, edges in the order in which they are given, so the result is the same every time.
/// It does not recurse: a chain may be as long as the fleet.
pub fn order<E>(
    targets: impl IntoIterator<Item = Vmid>,
    edges: impl Fn(Vmid) -> E,
) -> Result<Vec<Vmid>, Cycle>
where
    E: Iterator<Item = Vmid>,
{
    let mut marks = FxHashMap::default();
    let mut order = Vec::new();
    let mut path: Vec<(Vmid, E)> = Vec::new();
    for target in targets {
        if marks.contains_key(&target) {
            continue;
        }
        marks.insert(target, Mark::Open);
        path.push((target, edges(target)));
        while let Some((guest, below)) = path.last_mut() {
            let guest = *guest;
            match below.next() {
                None => {
                    marks.insert(guest, Mark::Done);
                    order.push(guest);
                    path.pop();
                }
                Some(next) => match marks.get(&next) {
                    Some(Mark::Done) => {}
                    Some(Mark::Open) => {
                        let circle = path.iter().map(|(guest, _)| *guest);
                        return Err(Cycle(circle.skip_while(|guest| *guest != next).collect()));
                    }
                    None => {
                        marks.insert(next, Mark::Open);
                        path.push((next, edges(next)));
                    }
                },
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn vmid(number: u64) -> Vmid {
        Vmid::try_from(number).unwrap()
    }

    fn ordered(targets: &[u64], edges: &[(u64, &[u64])]) -> Result<Vec<u32>, String> {
        let edges: HashMap<_, _> = edges.iter().map(|(from, to)| (vmid(*from), *to)).collect();
        order(targets.iter().copied().map(vmid), |guest| {
            edges.get(&guest).copied().unwrap_or_default().iter().copied().map(vmid)
        })
        .map(|order| order.into_iter().map(Vmid::number).collect())
        .map_err(|cycle| cycle.to_string())
    }

    #[test]
    fn what_is_stood_on_comes_first_and_once() {
        let diamond: &[(u64, &[u64])] =
            &[(950, &[920, 953]), (920, &[901]), (901, &[900]), (953, &[900])];
        assert_eq!(ordered(&[950], diamond), Ok(vec![900, 901, 920, 953, 950]));
        assert_eq!(ordered(&[953, 950], diamond), Ok(vec![900, 953, 901, 920, 950]));
    }

    #[test]
    fn a_circle_is_named_without_the_way_to_it() {
        let circle: &[(u64, &[u64])] =
            &[(100, &[101]), (101, &[102]), (102, &[103]), (103, &[101])];
        assert_eq!(ordered(&[100], circle), Err("101 → 102 → 103 → 101".to_owned()));
        assert_eq!(ordered(&[100], &[(100, &[100])]), Err("100 → 100".to_owned()));
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let last = 200_000;
        let chain = order([vmid(last)], |guest| {
            let next = u64::from(guest.number()) - 1;
            Vmid::try_from(next).ok().into_iter()
        });
        assert_eq!(chain.unwrap().len() as u64, last - 99);
    }
}
