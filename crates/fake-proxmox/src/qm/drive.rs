//! The drives of a machine.

use crate::schema::{Format, Prop, Values, boolean, formats, needed, parts, text};

/// A drive, as the configuration says it.
#[derive(Clone, Debug)]
pub(crate) struct Drive(Values);

const FILE: Prop = Prop { is_default_key: true, ..needed(text("file")) };

/// What a drive may say of itself.
pub(crate) const DRIVE: [Prop; 16] = [
    FILE,
    text("aio"),
    boolean("backup"),
    text("cache"),
    text("detect_zeroes"),
    text("discard"),
    text("format"),
    text("import-from"),
    boolean("iothread"),
    text("media"),
    boolean("replicate"),
    boolean("ro"),
    text("serial"),
    boolean("shared"),
    Prop { format: Format::Size, ..text("size") },
    boolean("ssd"),
];

/// The kinds of drives, and how many there may be.
pub(crate) const KINDS: [(&str, u32); 4] = [("ide", 4), ("sata", 6), ("scsi", 31), ("virtio", 16)];

impl Drive {
    pub(crate) fn is_key(key: &str) -> bool {
        KINDS.iter().any(|(kind, most)| {
            let number = key.strip_prefix(kind).and_then(|number| number.parse::<u32>().ok());
            number.is_some_and(|number| number < *most)
        })
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parts::parse(&DRIVE, text, "").map(Self)
    }

    pub(crate) fn file(&self) -> &str {
        self.get("file").unwrap_or_default()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_owned(), value.to_owned());
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<String> {
        self.0.remove(key)
    }

    pub(crate) fn size(&self) -> Option<u64> {
        self.get("size").and_then(formats::size)
    }

    pub(crate) fn is_cdrom(&self) -> bool {
        self.get("media") == Some("cdrom")
    }

    pub(crate) fn is_cloudinit(&self) -> bool {
        self.file().ends_with(":cloudinit") || self.file().contains("-cloudinit")
    }

    pub(crate) fn print(&self) -> String {
        parts::print(&DRIVE, &self.0, &[])
    }
}
