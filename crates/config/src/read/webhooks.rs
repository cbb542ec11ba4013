//! What is said of webhooks: written in the host's file, and read as wherever else it may stand.

use phoenix_hooks::RawWebhooks;

use crate::finding::Finding;
use crate::members::offset_in;
use crate::place::{File, Place};
use crate::schema;
use crate::shape;
use crate::sources::Sources;

/// Reads it, where there is any.
pub(crate) fn webhooks(sources: &Sources, findings: &mut Vec<Finding>) -> Option<RawWebhooks> {
    let at = Place::of_host("webhooks");
    let whole = sources.get(File::Hypervisor)?.json();
    let json = sources.value(&at).filter(|json| *json != "null")?;
    let read = shape::read(json, &schema::WEBHOOKS, &at, Some(offset_in(whole, json)));
    findings.extend(read.findings);
    read.value
}
