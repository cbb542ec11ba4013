//! Guests that stand on each other in a circle: none of them can be the first.

use phoenix_domain::Vmid;

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::scene::{Guest, Scene};

static CODE: Code = code!("0108", Error, "guests stand on each other in a circle");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// Guests of one circle that are shown; who has more of them knows what is meant.
const SHOWN: usize = 8;

/// That one guest stands on another.
#[derive(Clone, Copy)]
struct Edge<'a> {
    from: &'a Guest,
    to: Vmid,
    how: How,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Cloned,
    Depends { nth: usize },
}

/// How far the search has come with a guest.
#[derive(Clone, Copy)]
enum Mark {
    New,
    /// It is on the path, at this depth.
    Open(usize),
    Done,
}

/// A guest on the path, what of it is still to be followed, and what is being followed.
struct Step<'a, E> {
    nth: usize,
    left: E,
    followed: Option<Edge<'a>>,
}

/// Depth first and without recursion; every edge is followed once, so it takes as long as the
/// fleet is large. Each edge that leads back onto the path closes a circle of its own.
fn check(scene: &Scene<'_>, findings: &Findings) {
    let mut marks = vec![Mark::New; scene.guests.len()];
    let mut path = Vec::new();
    let step = |nth: usize| {
        let left = scene.guests.get(nth).into_iter().flat_map(edges);
        Step { nth, left, followed: None }
    };
    let set = |marks: &mut Vec<Mark>, nth: usize, mark| {
        if let Some(slot) = marks.get_mut(nth) {
            *slot = mark;
        }
    };
    for start in 0..scene.guests.len() {
        if !matches!(marks.get(start), Some(Mark::New)) {
            continue;
        }
        set(&mut marks, start, Mark::Open(0));
        path.push(step(start));
        while let Some(top) = path.last_mut() {
            top.followed = top.left.next();
            let Some(edge) = top.followed else {
                set(&mut marks, top.nth, Mark::Done);
                path.pop();
                continue;
            };
            let Some(next) = scene.by_id.get(&edge.to).copied() else { continue };
            match marks.get(next) {
                Some(Mark::New) => {
                    set(&mut marks, next, Mark::Open(path.len()));
                    path.push(step(next));
                }
                Some(Mark::Open(depth)) => {
                    let circle = path.get(*depth..).unwrap_or_default();
                    let edges = circle.iter().filter_map(|step| step.followed);
                    findings.extend(told(edges.take(SHOWN).collect(), circle.len()));
                }
                Some(Mark::Done) | None => {}
            }
        }
    }
}

fn edges(guest: &Guest) -> impl Iterator<Item = Edge<'_>> {
    let parent = guest.spec.parent();
    let cloned = parent.map(|to| Edge { from: guest, to, how: How::Cloned });
    let depends = guest.spec.dependencies.iter().enumerate();
    // A parent that is a dependency as well closes the same circle twice.
    let depends = depends.filter(move |(_, to)| parent != Some(**to));
    cloned.into_iter().chain(depends.map(move |(nth, to)| Edge {
        from: guest,
        to: *to,
        how: How::Depends { nth },
    }))
}

/// Tells of a circle by its first edges and its length.
fn told(edges: Vec<Edge<'_>>, length: usize) -> Option<Finding> {
    let first = *edges.first()?;
    let message = if length == 1 {
        format!("{} {} itself", first.from.called(), first.how.words())
    } else {
        format!("guests stand on each other in a circle: {}", written_out(&edges, length))
    };
    let whole = edges.len() == length;
    let all_cloned = whole && edges.iter().all(|edge| edge.how == How::Cloned);
    let mut edges = edges.into_iter();
    let mut finding = Finding::new(&CODE, edges.next()?.place(), message).label(first.said());
    for edge in edges {
        finding = finding.also(edge.place(), edge.said());
    }
    Some(finding.help(match (length, all_cloned) {
        (1, true) => "name the guest it is really cloned from, or an archive or image",
        (1, false) => "take it out of its own `dependencies`",
        (_, true) => "make one of them from an archive or image instead of a clone",
        (_, false) => "one of them has to be the first: take out the dependency needed least",
    }))
}

fn written_out(edges: &[Edge<'_>], length: usize) -> String {
    let ids = edges.iter().map(|edge| edge.from.spec.vmid.to_string());
    let left_out = length - edges.len();
    let left_out = (left_out > 0).then(|| format!("… ({left_out} more)"));
    let back = edges.first().map(|edge| edge.from.spec.vmid.to_string());
    ids.chain(left_out).chain(back).collect::<Vec<_>>().join(" → ")
}

impl Edge<'_> {
    fn place(&self) -> Place {
        match self.how {
            How::Cloned => self.from.at("clone_from_ctid"),
            How::Depends { nth } => self.from.at("dependencies").index(nth),
        }
    }

    fn said(&self) -> String {
        format!("{} {} {}", self.from.spec.vmid, self.how.words(), self.to)
    }
}

impl How {
    fn words(self) -> &'static str {
        match self {
            Self::Cloned => "is cloned from",
            Self::Depends { .. } => "depends on",
        }
    }
}
