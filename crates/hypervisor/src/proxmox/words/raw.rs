//! The raw lines of a container: what no option can say.

use phoenix_domain::{AppArmor, Container, IdMap, ProfileName, RawLine};

const PROFILE: &str = "lxc.apparmor.profile";
const NESTING: &str = "lxc.apparmor.allow_nesting";
const ID_MAP: &str = "lxc.idmap";
/// Lists that LXC wants one a line or parted by blanks, and people write with commas.
const LISTS: [&str; 2] = ["lxc.cap.keep", "lxc.cap.drop"];

/// What raw lines say, in the words of the domain.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Raw {
    pub(crate) profile: AppArmor,
    pub(crate) nesting: bool,
    pub(crate) lines: Vec<RawLine>,
    pub(crate) id_maps: Vec<IdMap>,
}

impl Raw {
    /// Returns what is wanted.
    pub(crate) fn wanted(container: &Container) -> Self {
        Self {
            profile: container.apparmor.clone(),
            nesting: container.apparmor_nesting,
            lines: container.raw_lines.clone(),
            id_maps: container.id_maps.clone(),
        }
    }

    /// Reads raw lines. Where they are just those that `wanted` makes, that is what they say: a
    /// profile can be asked for in two ways.
    pub(crate) fn read(lines: &[RawLine], wanted: Option<&Container>) -> Self {
        if let Some(wanted) = wanted.map(Self::wanted)
            && wanted.write() == lines
        {
            return wanted;
        }
        let mut raw = Self {
            profile: AppArmor::Generated,
            nesting: false,
            lines: Vec::new(),
            id_maps: Vec::new(),
        };
        for line in lines {
            let map = if &*line.key == ID_MAP { id_map(&line.value) } else { None };
            match (&*line.key, map, profile(&line.value)) {
                (PROFILE, _, Some(profile)) => raw.profile = profile,
                (NESTING, _, _) if &*line.value == "1" => raw.nesting = true,
                (_, Some(map), _) => raw.id_maps.push(map),
                (_, None, _) => raw.lines.push(line.clone()),
            }
        }
        raw
    }

    /// Returns the lines, each once.
    pub(crate) fn write(&self) -> Vec<RawLine> {
        let mut lines: Vec<RawLine> = Vec::new();
        let mut add = |key: &str, value: &str| {
            let line = RawLine { key: key.into(), value: value.into() };
            if !lines.contains(&line) {
                lines.push(line);
            }
        };
        match &self.profile {
            AppArmor::Generated => {}
            AppArmor::Unconfined => add(PROFILE, "unconfined"),
            AppArmor::Named(name) => add(PROFILE, name.as_str()),
        }
        if self.nesting {
            add(NESTING, "1");
        }
        for IdMap { group, inside, outside, count } in &self.id_maps {
            let kind = if *group { "g" } else { "u" };
            add(ID_MAP, &format!("{kind} {inside} {outside} {count}"));
        }
        for RawLine { key, value } in &self.lines {
            if LISTS.contains(&&**key) {
                for part in value.split([',', ' ']).filter(|part| !part.is_empty()) {
                    add(key, part);
                }
            } else {
                add(key, value);
            }
        }
        lines
    }
}

fn profile(value: &str) -> Option<AppArmor> {
    if value == "unconfined" {
        return Some(AppArmor::Unconfined);
    }
    value.parse::<ProfileName>().ok().map(AppArmor::Named)
}

fn id_map(value: &str) -> Option<IdMap> {
    let mut words = value.split_whitespace();
    let group = match words.next()? {
        "u" => false,
        "g" => true,
        _ => return None,
    };
    let mut number = || words.next()?.parse().ok();
    let map = IdMap { group, inside: number()?, outside: number()?, count: number()? };
    words.next().is_none().then_some(map)
}

#[cfg(test)]
mod tests {
    use phoenix_testkit::guest;

    use super::*;

    fn line(key: &str, value: &str) -> RawLine {
        RawLine { key: key.into(), value: value.into() }
    }

    fn container() -> Container {
        let spec = guest(950).build();
        Container {
            apparmor: AppArmor::Unconfined,
            apparmor_nesting: true,
            raw_lines: vec![
                line("lxc.apparmor.profile", "unconfined"),
                line("lxc.mount.entry", "/dev/fuse dev/fuse none bind,create=file"),
                line("lxc.cap.keep", "chown,kill"),
            ],
            id_maps: vec![IdMap { group: true, inside: 0, outside: 100_000, count: 65536 }],
            ..spec.container().unwrap().clone()
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_blanks_stay() {
        let want = container();
        let written = Raw::wanted(&want).write();
        assert_eq!(Raw::read(&written, Some(&want)), Raw::wanted(&want));
        let texts: Vec<_> =
            written.iter().map(|line| format!("{}: {}", line.key, line.value)).collect();
        assert_eq!(
            texts,
            [
                "lxc.apparmor.profile: unconfined",
                "lxc.apparmor.allow_nesting: 1",
                "lxc.idmap: g 0 100000 65536",
                "lxc.mount.entry: /dev/fuse dev/fuse none bind,create=file",
                "lxc.cap.keep: chown",
                "lxc.cap.keep: kill",
            ]
        );
    }

    #[test]
    fn a_line_more_or_less_is_a_difference() {
        let want = container();
        let written = Raw::wanted(&want).write();
        for nth in 0..written.len() {
            let mut less = written.clone();
            less.remove(nth);
            assert_ne!(Raw::read(&less, Some(&want)), Raw::wanted(&want), "{nth}");
        }
        let more: Vec<_> = written.iter().cloned().chain([line("lxc.tty.max", "2")]).collect();
        assert_ne!(Raw::read(&more, Some(&want)), Raw::wanted(&want));
    }
}
