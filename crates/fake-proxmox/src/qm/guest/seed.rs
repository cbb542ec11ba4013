//! What Cloud-Init makes of a seed.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::conf::Section;
use crate::die::{Die, Outcome};
use crate::run::Run;
use crate::storage::{Storages, Volume};

/// Where the guest keeps for which instance it was set up.
const INSTANCE: &str = "/var/lib/cloud/data/instance-id";
/// What was done, one line a boot at which something was.
const DONE: &str = "/var/log/fake-cloud-init.log";
const AGENT: &str = "/usr/sbin/qemu-ga";
const PROGRAM: &str = "/usr/bin/cloud-init";

/// The three files of a seed; absent where a machine has no drive for them.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(in crate::qm) struct Seed {
    user: Option<String>,
    network: Option<String>,
    meta: Option<String>,
    leased: Option<String>,
}

impl Seed {
    /// Reads what the configuration of a machine names.
    pub(in crate::qm) fn read(run: &Run, storages: &Storages, main: &Section) -> Outcome<Self> {
        let mut seed = Self::default();
        for part in
            main.get("cicustom").unwrap_or_default().split(',').filter(|part| !part.is_empty())
        {
            let (kind, id) = part.split_once('=').unwrap_or((part, ""));
            let volume = Volume::parse(storages, id)?;
            let path = run.folder(&volume, None);
            let text = fs::read_to_string(&path)
                .map_err(|_| Die::new(format!("volume '{id}' does not exist")))?;
            match kind {
                "user" => seed.user = Some(text),
                "network" => seed.network = Some(text),
                "meta" => seed.meta = Some(text),
                _ => {}
            }
        }
        Ok(seed)
    }

    /// Says which address a DHCP server gives.
    pub(in crate::qm) fn addressed(self, leased: Option<String>) -> Self {
        Self { leased, ..self }
    }

    /// Returns the address the machine has.
    pub(in crate::qm) fn address(&self) -> Option<String> {
        let network: Value = serde_json::from_str(self.network.as_deref()?).ok()?;
        let first = network.get("ethernets")?.as_object()?.values().next()?;
        let told = first.get("addresses").and_then(|all| all.get(0)?.as_str());
        let told = told.and_then(|address| address.split('/').next()).map(str::to_owned);
        told.or_else(|| self.leased.clone())
    }

    /// Does what Cloud-Init does at a boot, inside of the guest.
    pub(in crate::qm) fn obey(&self) -> Outcome<()> {
        let is_template_of_nothing = self.meta.is_none() && self.user.is_none();
        if is_template_of_nothing {
            return Ok(());
        }
        // As the real one: without this line it is no cloud-config, and nothing of it is done.
        let user = self.user.as_deref().and_then(|text| text.strip_prefix("#cloud-config\n"));
        let user: Value = user.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let meta: Value = self
            .meta
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let instance = meta.get("instance-id").and_then(Value::as_str).unwrap_or("nocloud");
        fs::create_dir_all("/var/lib/cloud/data")?;
        fs::create_dir_all("/run/cloud-init")?;
        let program = "#!/bin/sh\n[ \"$1\" = clean ] && rm -rf /var/lib/cloud/data\n";
        fs::write(PROGRAM, program)?;
        fs::set_permissions(PROGRAM, fs::Permissions::from_mode(0o755))?;
        if fs::read_to_string(INSTANCE).unwrap_or_default() != instance {
            set_up(&user, instance)?;
            fs::write(INSTANCE, instance)?;
        }
        let result = json!({ "v1": { "datasource": "DataSourceNoCloud", "errors": [] } });
        fs::write("/run/cloud-init/result.json", result.to_string())?;
        Ok(())
    }
}

/// Says whether there is an agent, once Cloud-Init has done its part.
pub(in crate::qm) fn has_agent() -> bool {
    fs::metadata(AGENT).is_ok()
}

/// Does what is done once for each instance.
fn set_up(user: &Value, instance: &str) -> Outcome<()> {
    let text = |key: &str| user.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    fs::write("/etc/hostname", format!("{}\n", text("hostname")))?;
    rustix::system::sethostname(text("hostname").as_bytes()).ok();
    let users = user.get("users").and_then(Value::as_array).cloned().unwrap_or_default();
    let names: Vec<_> = users.iter().filter_map(|user| user.get("name")?.as_str()).collect();
    let packages = user.get("packages").and_then(Value::as_array).cloned().unwrap_or_default();
    if packages.iter().any(|package| package == "qemu-guest-agent") {
        fs::create_dir_all("/usr/sbin")?;
        fs::write(AGENT, "")?;
    }
    if fs::metadata("/etc/machine-id").map_or(0, |metadata| metadata.len()) == 0 {
        fs::write("/etc/machine-id", crate::invent::uuid().replace('-', ""))?;
    }
    let mut done = fs::File::options().create(true).append(true).open(DONE)?;
    writeln!(done, "{instance} {} {}", text("hostname"), names.join(","))?;
    Ok(())
}
