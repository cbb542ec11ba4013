//! `onboot` and `startup`: when a guest starts with its host.

use phoenix_domain::Boot;

use super::pairs;
use crate::proxmox::conf::Section;

/// Reads when a guest starts.
pub(crate) fn read(section: &Section) -> Boot {
    let startup = pairs(section.get("startup").unwrap_or_default(), "order");
    let number = |key| startup.get(key).and_then(|number: &&str| number.parse().ok());
    Boot { at_boot: section.is("onboot"), order: number("order"), delay: number("up") }
}

/// Returns the value of `startup`; nothing where it has no place in the order.
pub(crate) fn startup(boot: &Boot) -> Option<String> {
    let parts = [
        boot.order.map(|order| format!("order={order}")),
        boot.delay.map(|delay| format!("up={delay}")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(","))
}
