//! What is mounted into a container.

use super::keys;
use crate::schema::{Prop, Values, formats, parts};

/// The root or a mount point.
#[derive(Clone, Debug)]
pub(crate) struct Mount {
    key: String,
    pub(crate) parts: Values,
}

impl Mount {
    pub(crate) fn parse(key: &str, text: &str) -> Result<Self, String> {
        let parts = parts::parse(props(key), text, "")?;
        Ok(Self { key: key.to_owned(), parts })
    }

    pub(crate) fn volume(&self) -> &str {
        self.parts.get("volume").map(String::as_str).unwrap_or_default()
    }

    pub(crate) fn set_volume(&mut self, volume: &str) {
        self.parts.insert("volume".into(), volume.to_owned());
    }

    pub(crate) fn set_size(&mut self, bytes: u64) {
        self.parts.insert("size".into(), bytes.to_string());
    }

    pub(crate) fn size(&self) -> Option<u64> {
        self.parts.get("size").and_then(|size| formats::size(size))
    }

    /// Returns where it is seen in the container.
    pub(crate) fn target(&self) -> &str {
        if self.key == "rootfs" {
            return "/";
        }
        self.parts.get("mp").map(String::as_str).unwrap_or_default()
    }

    pub(crate) fn is(&self, part: &str) -> bool {
        self.parts.get(part).is_some_and(|value| value == "1")
    }

    /// Whether it is a volume of a storage, not a path of the host.
    pub(crate) fn is_volume(&self) -> bool {
        !self.volume().starts_with('/')
    }

    /// Returns `bind`, `device` or `volume`.
    pub(crate) fn kind(&self) -> &'static str {
        match self.volume() {
            path if path.starts_with("/dev/") => "device",
            path if path.starts_with('/') => "bind",
            _ => "volume",
        }
    }

    /// Returns the storage and GiB of one that is still to be made.
    pub(crate) fn to_allocate(&self) -> Option<(&str, &str)> {
        let (storage, size) = self.volume().split_once(':')?;
        let fits = !storage.contains(char::is_whitespace) && formats::is_decimal(size);
        fits.then_some((storage, size))
    }

    pub(crate) fn print(&self) -> String {
        let skip: &[&str] = if self.key == "rootfs" { &["mp"] } else { &[] };
        parts::print(props(&self.key), &self.parts, skip)
    }
}

fn props(key: &str) -> &'static [Prop] {
    match key {
        "rootfs" => &keys::ROOTFS,
        key if key.starts_with("unused") => &keys::UNUSED,
        _ => &keys::MOUNT,
    }
}
