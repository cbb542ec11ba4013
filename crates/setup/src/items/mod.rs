//! All that may be so of a host, one a file.

mod apparmor;
mod arc;
mod datasets;
mod firewall;
mod forwarding;
mod gpu_nodes;
mod ground;
mod iommu;
mod network;
mod nfs;
mod nvidia;
mod packages;
mod pools;
mod repositories;
mod samba;
mod sdn;
mod storages;
mod subids;
mod time;
mod units;
mod upgrade;
mod users;
mod volumes;

use std::net::IpAddr;
use std::time::Duration;

use phoenix_config::HostSpec;

use crate::change::Hidden;
use crate::item::{Item, Refusal};

/// What is known besides the files.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The hash of the administrator's password, or why it cannot be had.
    pub password: Option<Result<Hidden, Refusal>>,
    /// Disks whose owner has agreed, one by one, that what is on them is lost.
    pub wipe: Vec<String>,
    /// From where whoever sits in front is connected.
    pub client: Option<IpAddr>,
    /// How long the gateway has for answering once the network was changed; half a minute where
    /// nothing is said.
    pub patience: Option<Duration>,
}

/// Returns what a host is to have, in the order in which it is made.
pub fn all(spec: &HostSpec, given: &Given) -> Vec<Box<dyn Item>> {
    let mut items: Vec<Box<dyn Item>> = Vec::new();
    add(&mut items, repositories::Repositories::of(spec));
    add(&mut items, upgrade::Upgrade::of(spec));
    add(&mut items, packages::Packages::of(spec));
    add(&mut items, time::Time::of(spec));
    add(&mut items, network::Network::of(spec, given));
    add(&mut items, forwarding::Forwarding::of(spec));
    add(&mut items, pools::OnePool::all(spec, given));
    add(&mut items, arc::Arc::of(spec));
    add(&mut items, datasets::Datasets::all(spec));
    add(&mut items, storages::Storages::all(spec));
    add(&mut items, volumes::Volumes::all(spec));
    add(&mut items, iommu::Iommu::of(spec));
    add(&mut items, nvidia::Nvidia::of(spec));
    add(&mut items, gpu_nodes::GpuNodes::of(spec));
    add(&mut items, firewall::Firewall::of(spec, given));
    add(&mut items, users::Users::of(spec, given));
    add(&mut items, nfs::Nfs::of(spec));
    add(&mut items, samba::Samba::of(spec));
    add(&mut items, Some(subids::SubIds));
    add(&mut items, apparmor::AppArmor::of(spec));
    add(&mut items, sdn::Sdn::of(spec));
    items
}

fn add<I: Item + 'static>(items: &mut Vec<Box<dyn Item>>, more: impl IntoIterator<Item = I>) {
    items.extend(more.into_iter().map(|item| Box::new(item) as Box<dyn Item>));
}

/// Refuses what would be more than one word or line where it is written.
fn plain(what: &str, text: &str) -> Result<(), Refusal> {
    if text.is_empty() || text.chars().any(char::is_control) {
        let shown: String = text.escape_debug().collect();
        let why = format!("`{shown}` is empty or has a line break in it");
        return Err(Refusal::new(what, why, "write it in one line"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_asked_for_where_nothing_is_said_but_what_containers_need() {
        let items = all(&HostSpec::default(), &Given::default());

        assert_eq!(items.iter().map(|item| item.name()).collect::<Vec<_>>(), ["sub-ids"]);
    }
}
