//! The host passes on what guests behind it send.

use phoenix_config::HostSpec;

use crate::host::{Host, Wanted};
use crate::item::{Item, Look, Refusal};

const FILE: &str = "/etc/sysctl.d/90-phoenix.conf";
const NOW: &str = "/proc/sys/net/ipv4/ip_forward";

pub(super) struct Forwarding;

impl Forwarding {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        (spec.inner.is_some() || spec.sdn.iter().any(|sdn| sdn.snat)).then_some(Self)
    }
}

impl Item for Forwarding {
    fn name(&self) -> &'static str {
        "forwarding"
    }

    fn about(&self) -> &'static str {
        "guests behind the host reach the outside"
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        let why = "guests behind the host reach the outside by it, also after a reboot";
        let text = "# Written by phoenix setup.\nnet.ipv4.ip_forward = 1\n".to_owned();
        let file = host.want(Wanted { path: FILE, text, mode: 0o644, check: &[], why })?;
        let now = host.want_kernel(NOW, "1", "and from now on")?;
        Ok(Look::of(file.into_iter().chain(now).collect()))
    }
}
