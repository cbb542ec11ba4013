//! The device nodes of GPUs, before guests start.

use phoenix_config::HostSpec;

use super::units;
use crate::host::{Host, Wanted};
use crate::item::{Check, Item, Look, Refusal};
use crate::state::digest;

const UNIT: &str = "phoenix-gpu-nodes.service";
const FILE: &str = "/etc/systemd/system/phoenix-gpu-nodes.service";
const TEXT: &str = "\
# Written by phoenix setup.
[Unit]
Description=Device nodes of GPUs, before guests start
ConditionPathExistsGlob=/lib/modules/*/kernel/drivers/video/nvidia*.ko
Before=pve-guests.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/nvidia-modprobe -c 0 -u
ExecStart=/usr/bin/nvidia-smi -L
[Install]
WantedBy=multi-user.target
";

pub(super) struct GpuNodes;

impl GpuNodes {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        spec.nvidia.is_some().then_some(Self)
    }
}

impl Item for GpuNodes {
    fn name(&self) -> &'static str {
        "gpu-nodes"
    }

    fn about(&self) -> &'static str {
        "the device nodes of GPUs, before guests start"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["nvidia"]
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        if !host.has("nvidia-smi") {
            let remarks = vec!["there is no driver yet that would make them".to_owned()];
            return Ok(Look { remarks, ..Look::default() });
        }
        let why = "guests find the devices that they mount";
        let text = TEXT.to_owned();
        let file = host.want(Wanted { path: FILE, text, mode: 0o644, check: &[], why })?;
        let unit = if file.is_some() { None } else { units::want(host, UNIT, why)? };
        let heed = units::heed(host, &["systemctl", "daemon-reload"]);
        Ok(Look::of(file.into_iter().chain(unit).collect()).settled_by(digest([TEXT]), heed))
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        if !host.has("nvidia-smi") {
            return Vec::new();
        }
        let nodes = ["/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia-uvm"];
        let is_there =
            |node: &&str| Check::that(format!("{node} is there"), host.exists(node), "it is not");
        nodes.iter().map(is_there).collect()
    }
}
