//! What changes come to that are the same for every kind of guest.

use phoenix_domain::{
    Change, Check, Disk, GuestSpec, Kind, NodeName, Property, SnapshotName, StorageId, Vmid,
};

use super::{Act, Edit, Options, Sealed, is_whole, sealed};
use crate::proxmox::conf::Conf;
use crate::proxmox::mark::{self, Whose};

/// What is known of a guest of any kind when a change of it is turned into acts.
#[derive(Clone, Copy)]
pub(in crate::proxmox) struct Common<'g> {
    pub(in crate::proxmox) cell: &'g NodeName,
    pub(in crate::proxmox) want: &'g GuestSpec,
    /// The config of the guest; empty where it is not there yet.
    pub(in crate::proxmox) conf: &'g Conf,
    /// The config of what it is cloned from.
    pub(in crate::proxmox) parent: Option<&'g Conf>,
}

impl<'g> Common<'g> {
    pub(in crate::proxmox) fn whose(&self) -> Whose<'g> {
        Whose { cell: self.cell, vmid: self.want.vmid }
    }

    /// Returns what a change comes to that is the same for every kind of guest.
    pub(in crate::proxmox) fn acts(&self, change: &Change) -> Vec<Act> {
        match change {
            Change::RemoveHalfMade => {
                vec![self.tool("unlock", &[]), self.tool("destroy", &["--purge", "1"])]
            }
            Change::Start => vec![self.tool("start", &[])],
            Change::Restart => vec![self.stop(), self.tool("start", &[])],
            Change::Stop => vec![self.stop()],
            Change::InstallFeature { feature } => {
                vec![Act::Inside(format!("install the feature {feature}"))]
            }
            Change::SetUpService { feature } => {
                vec![Act::Inside(format!("set up what {feature} serves"))]
            }
            Change::RunApplicationScript { script } => vec![Act::Inside(format!("run {script}"))],
            Change::RestartServices => vec![Act::Inside("restart what it serves".to_owned())],
            Change::ForgetApplication => {
                vec![Act::Inside("forget that its application was set up".to_owned())]
            }
            Change::AwaitHealthy => checked(&self.want.checks),
            Change::TakeSnapshot { name, contents } => {
                let line = contents.as_ref().map(mark::contents_line);
                let mut arguments = vec![name.as_str()];
                if let Some(line) = &line {
                    arguments.extend(["--description", line]);
                }
                vec![self.tool("snapshot", &arguments)]
            }
            Change::RemoveSnapshot { name } => vec![self.remove_snapshot(name)],
            Change::RollBack { name } => vec![self.tool("rollback", &[name.as_str()])],
            Change::ConvertToTemplate { contents } => {
                let edit = Edit { contents: Some(contents.clone()), ..Edit::default() };
                vec![Act::Edit(edit), self.tool("template", &[])]
            }
            Change::Adopt => {
                let mark = Some(self.want.made_for());
                vec![Act::Edit(Edit { mark, ..Edit::default() })]
            }
            // Each kind has its own way for these.
            Change::Create { .. }
            | Change::SetProperties { .. }
            | Change::Attach { .. }
            | Change::Detach { .. }
            | Change::GrowVolume { .. }
            | Change::GrowRootDisk { .. }
            | Change::AwaitAgent
            | Change::CleanForTemplate
            | Change::SetAside { .. }
            | Change::Destroy { .. } => Vec::new(),
        }
    }

    /// Returns the line that says whose guest it is, made with these properties.
    pub(in crate::proxmox) fn mark(&self, properties: &[Property]) -> String {
        let spec = properties.iter().find_map(Property::spec).cloned();
        let spec = spec.unwrap_or_else(|| self.want.made_for());
        self.whose().line(self.want.parent(), &spec)
    }

    /// Returns the act of cloning another guest. Its name goes by `naming`, and `there` is where the
    /// root disk of that guest is.
    pub(in crate::proxmox) fn clone_of(
        &self,
        parent: Vmid,
        naming: &str,
        mark: String,
        disk: &Disk,
        there: impl FnOnce(&Conf) -> Option<StorageId>,
    ) -> Act {
        let mut arguments =
            vec!["clone".to_owned(), parent.to_string(), self.want.vmid.to_string()];
        let mut add = |option: &str, value: String| {
            arguments.extend([format!("--{option}"), value]);
        };
        add(naming, self.want.name.to_string());
        add("description", mark);
        match self.parent.map(|parent| (parent, sealed(parent))) {
            Some((parent, Some(Sealed::Template))) => {
                // A linked clone is where its parent is.
                if there(parent).is_some_and(|there| there != disk.storage) {
                    add("full", "1".to_owned());
                    add("storage", disk.storage.to_string());
                }
            }
            Some((_, Some(Sealed::Snapshot(name)))) => {
                add("snapname", name);
                add("full", "1".to_owned());
                add("storage", disk.storage.to_string());
            }
            Some((_, None)) | None => {}
        }
        Act::Tool(self.want.kind(), arguments)
    }

    /// Returns a command about this guest.
    pub(in crate::proxmox) fn tool(&self, verb: &str, arguments: &[&str]) -> Act {
        self.tool_with(verb, arguments.iter().map(|word| (*word).to_owned()))
    }

    /// Returns a command about this guest.
    pub(in crate::proxmox) fn tool_with(
        &self,
        verb: &str,
        arguments: impl IntoIterator<Item = String>,
    ) -> Act {
        let about = [verb.to_owned(), self.want.vmid.to_string()];
        Act::Tool(self.want.kind(), about.into_iter().chain(arguments).collect())
    }

    /// Returns one command that sets all these options, where there are any.
    pub(in crate::proxmox) fn set(&self, options: Options) -> Option<Act> {
        let arguments = options.arguments();
        (!arguments.is_empty()).then(|| self.tool_with("set", arguments))
    }

    fn stop(&self) -> Act {
        // How long it has to shut down by itself, in seconds.
        let patience = match self.want.kind() {
            Kind::Container => "60",
            Kind::Machine => "180",
        };
        self.tool("shutdown", &["--timeout", patience, "--forceStop", "1"])
    }

    fn remove_snapshot(&self, name: &SnapshotName) -> Act {
        // One that was never finished may have nothing on the storage to be removed.
        let snapshot = self.conf.snapshots.get(name.as_str());
        let mut arguments = vec![name.as_str()];
        if snapshot.is_some_and(|section| !is_whole(section)) {
            arguments.extend(["--force", "1"]);
        }
        self.tool("delsnapshot", &arguments)
    }
}

/// Returns what waiting for health comes to.
fn checked(checks: &[Check]) -> Vec<Act> {
    let commands: Vec<_> = checks.iter().map(|check| format!("`{}`", check.command)).collect();
    if commands.is_empty() {
        return vec![Act::Wait("until it runs and has its addresses")];
    }
    vec![Act::Inside(format!("check {}", commands.join(", ")))]
}
