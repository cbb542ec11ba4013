//! What the workers of hosts tell of themselves.

use std::fmt;

use super::names;
use super::told::instant;
use super::write::Writer;
use crate::serve::view::View;

pub(super) fn write(view: &View, to: &mut Writer<'_>) -> fmt::Result {
    let hosts = &view.site.hosts;
    let waits = hosts.iter().flat_map(|report| {
        let host = report.host.to_string();
        let of = move |lock: &str| [host.clone(), lock.to_owned()];
        report.waits.iter().map(move |(lock, waits)| (of(lock), waits))
    });
    to.waits(&names::LOCK_WAIT, waits)?;
    let heard = hosts.iter().map(|report| ([report.host.to_string()], instant(report.heard)));
    to.gauges(&names::HEARTBEAT, heard)
}
