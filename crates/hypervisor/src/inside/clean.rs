//! Makes a machine forget what only one machine may have, before others are cloned from it.

use std::time::Duration;

use super::way::Errand;
use super::{Room, judge};
use crate::veil::Veil;
use crate::{Hand, HostError};

/// How long it may take.
const LIMIT: Duration = Duration::from_mins(5);

/// Two clones must not have the same name for themselves, the same host keys, or the same lease; and
/// each has to be told by Cloud-Init who it is. What is gone is made anew at the next boot. That
/// Cloud-Init has ended is still said: nobody is to wait for it until the machine is off.
const CLEAN: &str = "set -eu; export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; \
    if command -v cloud-init >/dev/null; then cloud-init clean --logs; fi; \
    mkdir -p /run/cloud-init; echo '{\"v1\": {\"errors\": []}}' >/run/cloud-init/result.json; \
    rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub; \
    : >/etc/machine-id; rm -f /var/lib/dbus/machine-id; \
    rm -f /var/lib/systemd/random-seed /var/lib/dhcp/*.leases /var/lib/NetworkManager/*.lease; \
    rm -f /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init*; \
    if command -v fstrim >/dev/null; then fstrim -a >/dev/null 2>&1 || :; fi; sync";

impl Room<'_> {
    /// Cleans it.
    pub(crate) async fn clean(&self, hand: &Hand) -> Result<(), HostError> {
        let what = format!("cleaning {} for its clones", self.want.vmid);
        let (script, input, limit, veil) = (CLEAN, [].as_slice(), LIMIT, Veil::default());
        let errand = Errand { what: &what, script, input, limit, veil };
        let ended = self.way.run(errand, hand).await?;
        judge(what, ended)
    }
}
