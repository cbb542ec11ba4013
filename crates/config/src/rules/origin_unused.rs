//! A guest is made from one thing.

use phoenix_domain::Origin;

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::scene::Scene;

static CODE: Code = code!("0111", Warning, "an archive or image has no effect");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    for guest in scene.guests {
        let Some(key) = guest.unused_origin else { continue };
        let (origin, wins) = match &guest.spec.origin {
            Origin::Clone { parent } => (format!("cloned from guest {parent}"), "clone_from_ctid"),
            Origin::Template { .. } => ("made from its `template`".to_owned(), "template"),
            Origin::CloudImage { .. } => {
                ("made from its `template_image`".to_owned(), "template_image")
            }
        };
        let message = format!("{} is {origin}, so its `{key}` has no effect", guest.called());
        findings.add(
            Finding::new(&CODE, guest.at(key), message)
                .also(guest.at(wins), "this one is used")
                .help("take one of the two out"),
        );
    }
}
