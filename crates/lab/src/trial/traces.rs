//! What of a container must not change when a feature is installed a second time.

use std::collections::BTreeMap;

use super::error::{Flaw, Stop};
use super::stand_ins::inside;
use crate::place::Lab;

/// Lists it: every file with its mode, owner, size and time, and when each unit was started.
const LIST: &str = r"find / -xdev \( -path /var/log -o -path /var/cache -o -path /var/lib/apt \
    -o -path /tmp -o -path /run -o -path /proc -o -path /sys -o -path /dev \
    -o -path '/var/lib/docker/containers/*/*.log' -o -path /var/lib/phoenix \) -prune \
    -o -type f -printf 'file %m %u:%g %s %T@ %p\n'
for unit in $(systemctl list-units --type=service --state=running --no-legend --plain | cut -d' ' -f1); do
    echo unit $(systemctl show -p ActiveEnterTimestampMonotonic $unit) $unit
done";

/// What was there at one time, each thing with what is told of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Traces(BTreeMap<String, String>);

impl Traces {
    /// Looks at a container.
    pub(super) async fn of(lab: &Lab, guest: u64) -> Result<Self, Stop> {
        let said = inside(lab, guest, LIST, &[]).await?;
        // A file may be gone before it is looked at, of which `find` complains.
        if said.out.is_empty() {
            return Err(Flaw::with("the container cannot be looked at", &said.err).into());
        }
        Ok(Self::read(&said.out))
    }

    fn read(listing: &str) -> Self {
        let mut traces = BTreeMap::new();
        for line in listing.lines() {
            let fields = if line.starts_with("file ") { 6 } else { 3 };
            let mut parts: Vec<_> = line.splitn(fields, ' ').collect();
            let Some(name) = parts.pop() else { continue };
            traces.insert(name.to_owned(), parts.join(" "));
        }
        Self(traces)
    }

    /// Says what is otherwise later, line by line.
    pub(super) fn changed(&self, later: &Self) -> Vec<String> {
        let mut changed = Vec::new();
        for (name, told) in &self.0 {
            let is_unit = told.starts_with("unit");
            match later.0.get(name) {
                None if is_unit => changed.push(format!("{name} runs no longer")),
                None => changed.push(format!("{name} is gone")),
                Some(now) if now == told => {}
                Some(_) if is_unit => changed.push(format!("{name} was started again")),
                Some(now) => changed.push(format!("{name} was written: {told}, now {now}")),
            }
        }
        for (name, told) in later.0.iter().filter(|(name, _)| !self.0.contains_key(*name)) {
            let is_unit = told.starts_with("unit");
            changed.push(if is_unit { format!("{name} runs") } else { format!("{name} is new") });
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_started_or_lost_is_told_by_its_name() {
        let before = "file 644 root:root 12 1700000000.1 /etc/a file\nfile 600 root:root 1 17.0 /etc/b\n\
            unit ActiveEnterTimestampMonotonic=1 redis-server.service\n";
        let after = "file 644 root:root 12 1700000001.5 /etc/a file\n\
            unit ActiveEnterTimestampMonotonic=2 redis-server.service\nfile 600 root:root 1 17.0 /etc/c\n";

        let changed = Traces::read(before).changed(&Traces::read(after));

        assert_eq!(
            changed,
            [
                "/etc/a file was written: file 644 root:root 12 1700000000.1, now file 644 root:root 12 1700000001.5",
                "/etc/b is gone",
                "redis-server.service was started again",
                "/etc/c is new",
            ]
        );
        assert!(Traces::read(before).changed(&Traces::read(before)).is_empty());
    }
}
