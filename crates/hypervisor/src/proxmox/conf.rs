//! The config of a container, as `/etc/pve/lxc/ID.conf` has it.
//!
//! A file has a main section, then `[pve:pending]` with what waits for a restart, then one section a
//! snapshot. A line in the wrong one does nothing or, worse, comes alive with a rollback: so a file
//! is read whole, and only its main section is ever written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use phoenix_domain::RawLine;

/// The section of what waits for a restart, of containers and of machines.
const PENDING: [&str; 2] = ["pve:pending", "PENDING"];
/// How sections begin that are Proxmox's own: no snapshot may be called so.
const SPECIAL: [&str; 2] = ["special:", "pve:"];

/// The config of a container.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Conf {
    pub(super) main: Section,
    pub(super) pending: Option<Section>,
    pub(super) snapshots: BTreeMap<String, Section>,
}

/// One section of a config.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Section {
    /// The lines of the description, without their `#`, decoded.
    pub(super) description: Vec<String>,
    /// Proxmox's own keys.
    pub(super) keys: BTreeMap<String, String>,
    /// The raw lines of LXC, in order.
    pub(super) raw: Vec<RawLine>,
}

/// What a line of a file is.
enum Line<'t> {
    Section(&'t str),
    Description(String),
    Key(&'t str, &'t str),
    Raw(RawLine),
    /// Empty, or nothing Proxmox would read either.
    Other,
}

impl Conf {
    pub(super) fn read(text: &str) -> Self {
        let (mut conf, mut nobodys) = (Self::default(), Section::default());
        let mut section = &mut conf.main;
        for line in text.lines() {
            match Line::read(line) {
                Line::Section(name) if PENDING.contains(&name) => {
                    section = conf.pending.get_or_insert_default();
                }
                Line::Section(name) if SPECIAL.iter().any(|own| name.starts_with(own)) => {
                    section = &mut nobodys;
                }
                Line::Section(name) => {
                    section = conf.snapshots.entry(name.to_owned()).or_default();
                }
                Line::Description(text) => section.description.push(text),
                Line::Key(key, value) => {
                    section.keys.insert(key.to_owned(), value.to_owned());
                }
                Line::Raw(line) => section.raw.push(line),
                Line::Other => {}
            }
        }
        conf
    }

    /// Returns what the container will have once what waits for a restart has taken effect, as
    /// `pct config` shows it.
    pub(super) fn settled(&self) -> Section {
        let mut section = self.main.clone();
        let Some(pending) = &self.pending else { return section };
        for (key, value) in &pending.keys {
            if key == "delete" {
                for gone in value.split([',', ';', ' ']).filter(|gone| !gone.is_empty()) {
                    section.keys.remove(gone.trim_start_matches('!'));
                }
            } else {
                section.keys.insert(key.clone(), value.clone());
            }
        }
        section
    }

    /// Says whether something that was set waits for a restart.
    pub(super) fn has_pending(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| !pending.keys.is_empty())
    }

    /// Returns who holds the container, if somebody does.
    pub(super) fn lock(&self) -> Option<&str> {
        self.main.get("lock")
    }

    /// Returns the indices of a kind of key (`mp`, `dev`, `net`) that are taken, by what is and by
    /// what waits.
    pub(super) fn taken(&self, kind: &str) -> BTreeSet<u32> {
        let keys = self.main.keys.keys();
        let pending = self.pending.iter().flat_map(|pending| pending.keys.keys());
        keys.chain(pending).filter_map(|key| index(key, kind)).collect()
    }
}

impl Section {
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(String::as_str)
    }

    pub(super) fn is(&self, key: &str) -> bool {
        self.get(key) == Some("1")
    }

    /// Returns the values of a kind of key (`mp`, `dev`, `net`), by their index.
    pub(super) fn numbered(&self, kind: &str) -> BTreeMap<u32, &str> {
        self.keys
            .iter()
            .filter_map(|(key, value)| index(key, kind).map(|index| (index, value.as_str())))
            .collect()
    }
}

/// Returns the text of a file with this main section, in the order in which Proxmox itself writes.
/// Every other section stays byte for byte.
pub(super) fn with_main(text: &str, main: &Section) -> String {
    let mut written = String::with_capacity(text.len() + 256);
    // A String takes everything that is written to it.
    let mut write = |line: fmt::Arguments<'_>| {
        let _written = writeln!(written, "{line}");
    };
    for line in &main.description {
        write(format_args!("#{}", encode(line)));
    }
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next_if(|line| !matches!(Line::read(line), Line::Section(_))) {
        match Line::read(line) {
            Line::Description(_) | Line::Key(..) | Line::Raw(_) | Line::Section(_) => {}
            // The empty line before the next section is written below.
            Line::Other if line.trim().is_empty() => {}
            Line::Other => write(format_args!("{line}")),
        }
    }
    for (key, value) in &main.keys {
        write(format_args!("{key}: {value}"));
    }
    for RawLine { key, value } in &main.raw {
        write(format_args!("{key}: {value}"));
    }
    if lines.peek().is_some() {
        write(format_args!(""));
    }
    for line in lines {
        write(format_args!("{line}"));
    }
    written
}

impl<'t> Line<'t> {
    fn read(line: &'t str) -> Self {
        if let Some(name) =
            line.strip_prefix('[').and_then(|rest| rest.trim_end().strip_suffix(']'))
        {
            return Self::Section(name);
        }
        if let Some(text) = line.strip_prefix('#') {
            return Self::Description(decode(text));
        }
        let Some((key, value)) = line.split_once(':') else { return Self::Other };
        let (key, value) = (key.trim_end(), value.trim());
        if key.is_empty() || key.contains(char::is_whitespace) || value.is_empty() {
            Self::Other
        } else if key.starts_with("lxc.") {
            Self::Raw(RawLine { key: key.into(), value: value.into() })
        } else {
            Self::Key(key, value)
        }
    }
}

/// Returns the index of a key of this kind: 3 for `mp3`.
fn index(key: &str, kind: &str) -> Option<u32> {
    let digits = key.strip_prefix(kind)?;
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// Writes a line of a description as Proxmox does: `:`, `%` and what is not printable as `%3A`.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b':' | b'%' => {
                let _written = write!(encoded, "%{byte:02X}");
            }
            b' '..=b'~' => encoded.push(char::from(byte)),
            _ => {
                let _written = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let coded = (first == b'%').then_some(after).and_then(|after| {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(coded.unwrap_or(first));
        rest = if coded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITH_SNAPSHOTS: &str = "#made by%3A lab\narch: amd64\nfeatures: nesting=1\nhostname: b1\n\
        net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:60:F3:21,ip=dhcp,type=veth\nparent: s2\n\
        rootfs: labbtr:110/vm-110-disk-0.raw,size=1G\nlxc.mount.entry: /dev/fuse dev/fuse none bind 0 0\n\
        \n[pve:pending]\nfeatures: keyctl=1\ndelete: mp0\n\
        \n[s1]\n#before upgrade\nhostname: b0\nlxc.idmap: u 0 100000 65536\nsnaptime: 1795245035\n";

    #[test]
    fn every_line_is_in_its_section() {
        let conf = Conf::read(WITH_SNAPSHOTS);

        assert_eq!(conf.main.description, ["made by: lab"]);
        assert_eq!(conf.main.get("hostname"), Some("b1"));
        assert_eq!(conf.main.raw.len(), 1);
        assert_eq!(&*conf.main.raw[0].value, "/dev/fuse dev/fuse none bind 0 0");
        assert!(conf.has_pending());
        assert_eq!(conf.settled().get("features"), Some("keyctl=1"));
        let s1 = &conf.snapshots["s1"];
        assert_eq!((s1.get("hostname"), s1.raw.len()), (Some("b0"), 1));
        assert_eq!(s1.description, ["before upgrade"]);
    }

    #[test]
    fn only_the_main_section_is_written() {
        let mut main = Conf::read(WITH_SNAPSHOTS).main;
        main.raw = vec![RawLine { key: "lxc.cap.drop".into(), value: "sys_admin".into() }];
        main.keys.insert("tags".to_owned(), "phoenix".to_owned());

        let written = with_main(WITH_SNAPSHOTS, &main);

        let (before, after) = written.split_once("\n\n[pve:pending]\n").unwrap();
        assert!(before.ends_with("tags: phoenix\nlxc.cap.drop: sys_admin"), "{before}");
        assert!(!before.contains("fuse"));
        assert!(WITH_SNAPSHOTS.ends_with(after));
        assert_eq!(Conf::read(&written).main, main);
        assert_eq!(with_main(&written, &main), written, "writing it again changes nothing");
    }

    #[test]
    fn a_description_comes_back_as_it_was() {
        for text in ["", "plain", "50 %: all of it", "größer", "a\tb"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz"), "%zz");
    }

    #[test]
    fn what_is_no_key_is_no_key() {
        let conf = Conf::read("mp0: a,mp=/a\nmpx: b\nmp10: c,mp=/c\nnonsense line\n\n:x\n");
        assert_eq!(conf.main.numbered("mp").into_keys().collect::<Vec<_>>(), [0, 10]);
        assert_eq!(conf.main.keys.len(), 3);
    }
}
