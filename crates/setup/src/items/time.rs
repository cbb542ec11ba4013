//! What time it is on the host.

use std::fmt::Write as _;

use phoenix_config::HostSpec;

use super::{plain, units};
use crate::change::{Act, HostChange};
use crate::host::{Host, Wanted};
use crate::item::{Check, Item, Look, Refusal};
use crate::state::digest;

const SERVERS: &str = "/etc/chrony/sources.d/phoenix.sources";

pub(super) struct Time {
    zone: Option<String>,
    servers: Vec<String>,
}

impl Time {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        let (zone, servers) = (spec.timezone.clone(), spec.ntp_servers.clone());
        (zone.is_some() || !servers.is_empty()).then_some(Self { zone, servers })
    }
}

impl Item for Time {
    fn name(&self) -> &'static str {
        "time"
    }

    fn about(&self) -> &'static str {
        "time zone and time servers"
    }

    fn needs(&self) -> &'static [&'static str] {
        if self.servers.is_empty() { &[] } else { &["packages"] }
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        let mut changes = Vec::new();
        if let Some(zone) = &self.zone {
            changes.extend(self::zone(host, zone)?);
        }
        if self.servers.is_empty() {
            return Ok(Look::of(changes));
        }
        let mut text = "# Written by phoenix setup.\n".to_owned();
        for server in &self.servers {
            plain("ntp_servers", server)?;
            // A String takes everything that is written to it.
            let _written = writeln!(text, "server {server} iburst");
        }
        let why = "the time servers of the file";
        let wanted = Wanted { path: SERVERS, text: text.clone(), mode: 0o644, check: &[], why };
        changes.extend(host.want(wanted)?);
        changes.extend(units::want(host, "chrony.service", "the time is kept right by it")?);
        let heed = units::heed(host, &["chronyc", "reload", "sources"]);
        Ok(Look::of(changes).settled_by(digest([text]), heed))
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        if self.servers.is_empty() {
            return Vec::new();
        }
        let tracking = host.ask(&["chronyc", "waitsync", "1"]);
        let synchronized = tracking.map(|answer| (!answer.is_good()).then(|| answer.said()));
        vec![
            units::runs(host, "chrony.service"),
            Check::of("the clock is synchronized", synchronized),
        ]
    }
}

fn zone(host: &Host, zone: &str) -> Result<Vec<HostChange>, Refusal> {
    plain("timezone", zone)?;
    let target = format!("/usr/share/zoneinfo/{zone}");
    if zone.contains("..") || !host.at(&target).is_file() {
        let why = format!("the host knows no time zone `{zone}`");
        let advice = "`timedatectl list-timezones` lists them; the package `tzdata` has them";
        return Err(Refusal::new("timezone", why, advice));
    }
    let mut changes = Vec::new();
    let leads = host.link("/etc/localtime");
    // Debian writes it as a relative one as well.
    let is_right = |leads: &str| leads.trim_start_matches("..") == target;
    if !leads.as_deref().is_some_and(is_right) {
        let why = match &leads {
            Some(leads) => format!("it leads to {leads}"),
            None => "there is none".to_owned(),
        };
        let act = Act::Link { path: "/etc/localtime".to_owned(), target };
        changes.push(HostChange::live(act, why));
    }
    let why = "programs that do not ask the system read it there";
    let text = format!("{zone}\n");
    changes.extend(host.want(Wanted {
        path: "/etc/timezone",
        text,
        mode: 0o644,
        check: &[],
        why,
    })?);
    Ok(changes)
}
