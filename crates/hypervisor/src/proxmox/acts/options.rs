//! The options of one command.

use std::collections::BTreeMap;

use phoenix_domain::Boot;

use crate::proxmox::conf::Section;
use crate::proxmox::words::boot;

/// The options of a `pct set` or `pct create`, each once.
#[derive(Debug, Default)]
pub(in crate::proxmox) struct Options {
    set: BTreeMap<String, String>,
    delete: Vec<String>,
}

impl Options {
    pub(in crate::proxmox) fn set(&mut self, option: &str, value: String) {
        self.set.insert(option.to_owned(), value);
    }

    pub(in crate::proxmox) fn delete(&mut self, option: String) {
        if !self.delete.contains(&option) {
            self.delete.push(option);
        }
    }

    /// Deleting what is not set is no error, and no change either.
    pub(in crate::proxmox) fn set_or_delete(
        &mut self,
        option: &str,
        value: Option<String>,
        have: &Section,
    ) {
        match value {
            Some(value) => self.set(option, value),
            None if have.get(option).is_some() => self.delete(option.to_owned()),
            None => {}
        }
    }

    pub(in crate::proxmox) fn arguments(self) -> Vec<String> {
        let set = self.set.into_iter().flat_map(|(option, value)| [format!("--{option}"), value]);
        let delete = (!self.delete.is_empty())
            .then(|| ["--delete".to_owned(), self.delete.join(",")])
            .into_iter()
            .flatten();
        set.chain(delete).collect()
    }

    /// Says when and in which order it starts, where that differs.
    pub(in crate::proxmox) fn at_boot(&mut self, boot: &Boot, have: &Section) {
        if boot.at_boot != have.is("onboot") {
            self.set("onboot", u8::from(boot.at_boot).to_string());
        }
        let startup = boot::startup(boot);
        let has = boot::startup(&boot::read(have));
        if startup != has || startup.is_none() {
            self.set_or_delete("startup", startup, have);
        }
    }
}
