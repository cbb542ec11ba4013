//! The configuration of a container, as text and as values.

pub(crate) mod keys;
pub(crate) mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use crate::say::add;
use crate::schema::{Values, check_all, formats};
use crate::sha1;

use self::keys::Raw;
use self::volumes::Mount;

/// A part of the file: the container, what awaits its next start, or a snapshot.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Section {
    pub(crate) values: Values,
    /// The raw lines, in order.
    pub(crate) lxc: Vec<(String, String)>,
}

/// The configuration of a container.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conf {
    pub(crate) main: Section,
    pub(crate) pending: Section,
    pub(crate) snapshots: BTreeMap<String, Section>,
    pub(crate) digest: String,
}

impl Section {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    pub(crate) fn set(&mut self, key: &str, value: impl Into<String>) {
        self.values.insert(key.to_owned(), value.into());
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.lxc.is_empty()
    }

    pub(crate) fn is_template(&self) -> bool {
        self.get("template") == Some("1")
    }

    /// Returns the lock that is set.
    pub(crate) fn lock(&self) -> Option<&str> {
        self.get("lock").filter(|lock| !lock.is_empty() && *lock != "0")
    }

    /// Whether a raw line with this key is there.
    pub(crate) fn has_raw(&self, key: &str) -> bool {
        self.lxc.iter().any(|(name, _)| name == key)
    }

    /// Returns the values of raw lines with this key.
    pub(crate) fn raw<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.lxc.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Returns the root and the mount points that can be read, in order.
    pub(crate) fn mounts(&self) -> Vec<(String, Mount)> {
        let numbered = (0..keys::MOUNT_POINTS).map(|number| format!("mp{number}"));
        std::iter::once("rootfs".to_owned())
            .chain(numbered)
            .filter_map(|key| {
                let mount = Mount::parse(&key, self.get(&key)?).ok()?;
                Some((key, mount))
            })
            .collect()
    }

    /// Returns the unused volumes by their keys.
    pub(crate) fn unused(&self) -> Vec<(String, String)> {
        let unused = |key: &&String| keys::numbered(key, "unused").is_some();
        let pairs = self.values.iter().filter(|(key, _)| unused(key));
        pairs.map(|(key, volume)| (key.clone(), volume.clone())).collect()
    }

    fn uses(&self, volume: &str) -> bool {
        self.mounts().iter().any(|(_, mount)| mount.is_volume() && mount.volume() == volume)
    }

    fn print(&self) -> String {
        let mut text = String::new();
        let description = self.get("description").unwrap_or_default();
        for line in
            description.trim_end_matches('\n').split('\n').filter(|_| !description.is_empty())
        {
            add!(text, "#{}\n", formats::encode(line));
        }
        for (key, value) in &self.values {
            if key != "description" && key != "env" {
                add!(text, "{key}: {value}\n");
            }
        }
        for pair in self.get("env").unwrap_or_default().split('\0').filter(|pair| !pair.is_empty())
        {
            add!(text, "lxc.environment.runtime: {pair}\n");
        }
        for (key, value) in &self.lxc {
            add!(text, "{key}: {value}\n");
        }
        text
    }
}

impl Conf {
    /// Reads a file; the second part of the answer is what is said of it.
    pub(crate) fn parse(vmid: u32, text: &str) -> (Self, Vec<String>) {
        let mut reader = Reader { vmid, ..Reader::default() };
        for line in text.split('\n') {
            reader.line(line);
        }
        reader.turn(Place::Main);
        let mut conf = reader.conf;
        conf.main.values.remove("snapstate");
        conf.digest = sha1::hex(text.as_bytes());
        (conf, reader.warnings)
    }

    /// Writes the file. A volume that is in use is not unused.
    pub(crate) fn print(&self) -> String {
        let used: BTreeSet<String> = self
            .main
            .mounts()
            .into_iter()
            .filter(|(_, mount)| mount.is_volume())
            .map(|(_, mount)| mount.volume().to_owned())
            .collect();
        let mut main = self.main.clone();
        main.values.remove("snapstate");
        main.values.retain(|key, value| !(key.starts_with("unused") && used.contains(value)));
        let mut text = main.print();
        if !self.pending.is_empty() {
            text.push_str("\n[pve:pending]\n");
            text.push_str(&self.pending.print());
        }
        for (name, snapshot) in &self.snapshots {
            add!(text, "\n[{name}]\n");
            text.push_str(&snapshot.print());
        }
        text
    }

    /// Whether a volume is in use now, in a snapshot, or after the next start.
    pub(crate) fn uses(&self, volume: &str) -> bool {
        self.main.uses(volume)
            || self.pending.uses(volume)
            || self.snapshots.values().any(|snapshot| snapshot.uses(volume))
    }

    /// Returns what is to be deleted at the next start.
    pub(crate) fn to_delete(&self) -> BTreeSet<String> {
        let list = self.pending.get("delete").unwrap_or_default();
        formats::split_list(list)
            .into_iter()
            .map(|key| key.trim_start_matches('!').into())
            .collect()
    }

    pub(crate) fn set_to_delete(&mut self, keys: &BTreeSet<String>) {
        if keys.is_empty() {
            self.pending.values.remove("delete");
        } else {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            self.pending.set("delete", keys.join(","));
        }
    }

    /// Notes a volume that nothing uses any more.
    pub(crate) fn add_unused(&mut self, volume: &str) -> Option<String> {
        if self.main.unused().iter().any(|(_, known)| known == volume) {
            return None;
        }
        let free = (0..keys::MOUNT_POINTS)
            .map(|number| format!("unused{number}"))
            .find(|key| !self.main.has(key))?;
        self.main.set(&free, volume);
        Some(free)
    }
}

/// Which section a line belongs to.
#[derive(Clone, Debug, Default)]
enum Place {
    #[default]
    Main,
    Pending,
    Snapshot(String),
}

#[derive(Default)]
struct Reader {
    vmid: u32,
    conf: Conf,
    place: Place,
    description: String,
    warnings: Vec<String>,
}

impl Reader {
    fn section(&mut self) -> &mut Section {
        match &self.place {
            Place::Main => &mut self.conf.main,
            Place::Pending => &mut self.conf.pending,
            Place::Snapshot(name) => self.conf.snapshots.entry(name.clone()).or_default(),
        }
    }

    /// Ends a section and begins another.
    fn turn(&mut self, place: Place) {
        let description = std::mem::take(&mut self.description);
        let section = self.section();
        if !description.is_empty() {
            section.set("description", description);
        }
        self.place = place;
        self.section();
    }

    fn line(&mut self, line: &str) {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            return;
        }
        if let Some(name) = header(line) {
            if name.eq_ignore_ascii_case("pve:pending") {
                return self.turn(Place::Pending);
            }
            return self.turn(Place::Snapshot(name.to_owned()));
        }
        if let Some(text) = line.strip_prefix('#') {
            self.description.push_str(&formats::decode(text));
            self.description.push('\n');
            return;
        }
        if let Some((key, value)) = raw_line(line) {
            return self.raw(line, key, value);
        }
        let Some((key, value)) = plain_line(line) else {
            return self.warn(&format!("unable to parse config: {line}"));
        };
        match key {
            "description" => self.description.push_str(&formats::decode(value)),
            "snapstate" => self.section().set("snapstate", value),
            "delete" => match self.place {
                Place::Pending => self.section().set("delete", value),
                Place::Main | Place::Snapshot(_) => {
                    self.warn("property 'delete' is only allowed in [pve:pending]");
                }
            },
            _ => {
                let (value, why) = typed(key, value);
                if let Some(why) = why {
                    self.warn(&format!("unable to parse value of '{key}' - {}", why.trim_end()));
                }
                self.section().set(key, value);
            }
        }
    }

    fn raw(&mut self, line: &str, key: &str, value: &str) {
        if key == "lxc.environment.runtime" {
            let section = self.section();
            let env = section.get("env").map(|env| format!("{env}\0{value}"));
            section.set("env", env.unwrap_or_else(|| value.to_owned()));
            return;
        }
        match keys::raw(key) {
            Raw::Fine => {}
            Raw::Deprecated(words) => self.warn(&words),
            Raw::Refused(Some(why)) => return self.warn(&format!("{key}: {why}")),
            Raw::Refused(None) => return self.warn(&format!("unable to parse config: {line}")),
        }
        self.section().lxc.push((key.to_owned(), value.to_owned()));
    }

    fn warn(&mut self, words: &str) {
        self.warnings.push(format!("vm {} - {words}\n", self.vmid));
    }
}

fn header(line: &str) -> Option<&str> {
    let name = line.trim_end().strip_prefix('[')?.strip_suffix(']')?;
    let is_name = formats::config_id(name).is_ok() && name.starts_with(|c: char| c.is_lowercase());
    (is_name || name.eq_ignore_ascii_case("pve:pending")).then_some(name)
}

fn raw_line(line: &str) -> Option<(&str, &str)> {
    let is_key =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
    let rest = line.strip_prefix("lxc.")?;
    let end = rest.find(|c| !is_key(c)).filter(|&end| end > 0)? + "lxc.".len();
    let (key, rest) = line.split_at_checked(end)?;
    let value = rest.strip_prefix(':').or_else(|| rest.trim_start().strip_prefix('='))?;
    Some((key, value.trim()))
}

fn plain_line(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let letters = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_key = letters.starts_with(|c: char| c.is_ascii_lowercase())
        && letters.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let value = value.trim();
    (is_key && !value.is_empty()).then_some((key, value))
}

/// Returns a value as it is kept, and what is wrong with it.
fn typed(key: &str, value: &str) -> (String, Option<String>) {
    let Some(prop) = crate::schema::find(&keys::ALL, key) else {
        return (value.to_owned(), Some(format!("unknown setting '{key}'")));
    };
    match prop.kind {
        crate::schema::Kind::Boolean => match formats::boolean(value) {
            Some(is) => (u8::from(is).to_string(), None),
            None => (value.into(), Some(format!("type check ('boolean') failed - got '{value}'"))),
        },
        crate::schema::Kind::Integer if !formats::is_digits(value) => {
            (value.into(), Some(format!("type check ('integer') failed - got '{value}'")))
        }
        crate::schema::Kind::Number if !formats::is_decimal(value) => {
            (value.into(), Some(format!("type check ('number') failed - got '{value}'")))
        }
        crate::schema::Kind::Integer | crate::schema::Kind::Number => (value.into(), None),
        crate::schema::Kind::Text => {
            // Only the format counts here: the file may hold what the command line may not.
            let loose = crate::schema::Prop {
                pattern: None,
                one_of: &[],
                length: (0, usize::MAX),
                ..*prop
            };
            let values = Values::from([(key.to_owned(), value.to_owned())]);
            let errors = check_all(&[loose], &values, "");
            let why = errors.first().and_then(|(_, why)| why.strip_prefix("invalid format - "));
            (value.to_owned(), why.map(str::to_owned))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_as_it_was() {
        let text = "#made%3A by lab\narch: amd64\nmemory: 512\nlxc.idmap: u 0 100000 65536\n\
                    \n[pve:pending]\nmemory: 600\n\n[s1]\n#x\narch: amd64\nsnaptime: 5\n";

        let (conf, warnings) = Conf::parse(100, text);

        assert_eq!(conf.print(), text);
        assert_eq!(conf.main.get("description"), Some("made: by lab\n"));
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_read_is_named_and_lost() {
        let (conf, warnings) =
            Conf::parse(130, "memory: 1\nlxc.foo: bar\nnonsense line\nbogus: 1\n");

        assert_eq!(
            warnings,
            [
                "vm 130 - unable to parse config: lxc.foo: bar\n",
                "vm 130 - unable to parse config: nonsense line\n",
                "vm 130 - unable to parse value of 'bogus' - unknown setting 'bogus'\n",
            ]
        );
        assert_eq!(conf.print(), "bogus: 1\nmemory: 1\n");
    }
}
