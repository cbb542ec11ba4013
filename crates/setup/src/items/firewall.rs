//! The firewall of the data centre: our options and our rules, in a file that others write too.
//!
//! Comment lines do not survive when somebody uses the web page, but the comment of a rule does: it
//! tells our rules from others. They stand first, so that none of the others locks us out.

use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;
use phoenix_config::{HostFirewall, HostSpec};
use phoenix_domain::{FirewallAction, FirewallRule, TrafficDirection};

use super::{Given, plain};
use crate::change::Impact;
use crate::host::{Host, Wanted};
use crate::item::{Check, Item, Look, Refusal};

const FILE: &str = "/etc/pve/firewall/cluster.fw";
/// How the comment of a rule of ours begins.
const MARK: &str = "phoenix:";
/// SSH, and the web page of Proxmox.
const MANAGEMENT: &str = "22,8006";

pub(super) struct Firewall {
    wish: HostFirewall,
    /// The network of the host, from which it is managed.
    home: Option<IpNet>,
    /// From where whoever sits in front is connected.
    client: Option<IpAddr>,
}

impl Firewall {
    pub(super) fn of(spec: &HostSpec, given: &Given) -> Option<Self> {
        let home = spec.bridge.as_ref().map(|bridge| bridge.address.trunc());
        Some(Self { wish: spec.firewall.clone()?, home, client: given.client })
    }
}

impl Item for Firewall {
    fn name(&self) -> &'static str {
        "firewall"
    }

    fn about(&self) -> &'static str {
        "the firewall of the data centre"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["network"]
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        if !host.exists("/etc/pve") {
            let advice = "install Proxmox VE, or take `firewall` out of the file";
            return Err(Refusal::new(
                "firewall",
                "this is no Proxmox node: there is no /etc/pve",
                advice,
            ));
        }
        self.locks_nobody_out()?;
        let was = host.text(FILE)?.unwrap_or_default();
        let text = merged(&was, &self.options(), &self.rules()?);
        let why = "the policies and rules of the file; rules of others stay, behind ours";
        let change = host.want(Wanted { path: FILE, text, mode: 0o640, check: &[], why })?;
        let change = change.map(|change| change.at_cost(Impact::Live));
        Ok(Look::of(change.into_iter().collect()))
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        let status = host.asked(&["pve-firewall", "status"]);
        let wanted = if self.wish.enabled { "Status: enabled/running" } else { "Status: disabled" };
        let is_so = status
            .map(|status| (!status.trim().starts_with(wanted)).then(|| status.trim().to_owned()));
        let word = if self.wish.enabled { "on" } else { "off" };
        vec![Check::of(format!("the firewall is {word}"), is_so), is_read(host)]
    }
}

impl Firewall {
    /// Refuses to shut out whoever types this.
    fn locks_nobody_out(&self) -> Result<(), Refusal> {
        let is_closed = self.wish.enabled && self.wish.input != FirewallAction::Accept;
        let (Some(client), Some(home)) = (self.client, self.home) else { return Ok(()) };
        if !is_closed
            || home.contains(&client)
            || self.wish.rules.iter().any(|rule| lets_in(rule, client))
        {
            return Ok(());
        }
        let why = format!(
            "you are connected from {client}, which neither {home} nor a rule of yours lets in: you would be locked out"
        );
        let advice = format!(
            "add `{{ \"type\": \"in\", \"action\": \"ACCEPT\", \"source\": \"{client}\", \"proto\": \"tcp\", \"port\": \"{MANAGEMENT}\" }}` to `global_firewall_rules`"
        );
        Err(Refusal::new("firewall", why, advice))
    }

    fn options(&self) -> [(&'static str, String); 3] {
        [
            ("enable", u8::from(self.wish.enabled).to_string()),
            ("policy_in", action(self.wish.input).to_owned()),
            ("policy_out", action(self.wish.output).to_owned()),
        ]
    }

    fn rules(&self) -> Result<Vec<String>, Refusal> {
        let source = self.home.map(|home| format!(" -source {home}")).unwrap_or_default();
        let management = format!(
            "IN ACCEPT{source} -p tcp -dport {MANAGEMENT} # {MARK} SSH and the web page, always"
        );
        let ours = self.wish.rules.iter().map(rule);
        std::iter::once(Ok(management)).chain(ours).collect()
    }
}

/// Looks whether Proxmox can read all that is written: a rule that it cannot read it leaves out, and
/// says so here and in its log only. It prints what it would do, and does nothing.
fn is_read(host: &Host) -> Check {
    let compiled = host.ask(&["pve-firewall", "compile"]).and_then(|answer| {
        let prefix = format!("{FILE} (line ");
        let all: Vec<_> = answer.err.lines().map(str::trim).collect();
        match all.iter().position(|line| line.starts_with(&prefix)) {
            Some(nth) => {
                Ok(Some(all.iter().skip(nth).take(2).copied().collect::<Vec<_>>().join(": ")))
            }
            None if answer.is_good() => Ok(None),
            None => Err(Refusal::new("pve-firewall compile", answer.said(), "type it, and see")),
        }
    });
    Check::of("Proxmox reads every line of it", compiled)
}

fn action(action: FirewallAction) -> &'static str {
    match action {
        FirewallAction::Accept => "ACCEPT",
        FirewallAction::Drop => "DROP",
        FirewallAction::Reject => "REJECT",
    }
}

/// Says whether a rule lets somebody in by SSH.
fn lets_in(rule: &FirewallRule, client: IpAddr) -> bool {
    let is_from = rule.source.as_deref().is_none_or(|source| {
        source.split(',').map(str::trim).any(|part| {
            part.parse::<IpNet>().is_ok_and(|net| net.contains(&client))
                || part.parse::<IpAddr>().is_ok_and(|address| address == client)
        })
    });
    let is_ssh = rule.port.as_deref().is_none_or(|ports| {
        ports.split(',').map(str::trim).any(|port| match port.split_once(':') {
            Some((from, to)) => matches!((from.parse::<u16>(), to.parse::<u16>()), (Ok(from), Ok(to)) if (from..=to).contains(&22)),
            None => port == "22" || port == "ssh",
        })
    });
    rule.direction == TrafficDirection::In
        && rule.action == FirewallAction::Accept
        && rule.proto.as_deref().is_none_or(|proto| proto.eq_ignore_ascii_case("tcp"))
        && rule.iface.is_none()
        && rule.dest.is_none()
        && is_from
        && is_ssh
}

fn rule(rule: &FirewallRule) -> Result<String, Refusal> {
    let direction = match rule.direction {
        TrafficDirection::In => "IN",
        TrafficDirection::Out => "OUT",
    };
    let mut text = format!("{direction} {}", action(rule.action));
    let parts = [
        (" -i ", &rule.iface),
        (" -source ", &rule.source),
        (" -dest ", &rule.dest),
        // Proxmox knows protocols by their small letters only.
        (" -p ", &rule.proto.as_deref().map(|proto| proto.to_ascii_lowercase().into())),
        (" -dport ", &rule.port),
    ];
    for (key, value) in parts {
        let Some(value) = value else { continue };
        plain("firewall.global_firewall_rules", value)?;
        // The list of addresses may be written with blanks.
        let value: String = value.chars().filter(|c| !c.is_whitespace()).collect();
        if value.contains('#') || value.starts_with('-') {
            let why = format!("`{value}` would be something else in a rule");
            return Err(Refusal::new("firewall.global_firewall_rules", why, "write it plainly"));
        }
        text.push_str(key);
        text.push_str(&value);
    }
    let comment = rule.comment.as_deref().unwrap_or_default();
    let comment: String = comment.chars().filter(|c| !c.is_control()).collect();
    let comment = comment.trim();
    // A String takes everything that is written to it.
    let _written = write!(text, " # {MARK}{}{comment}", if comment.is_empty() { "" } else { " " });
    Ok(text)
}

fn is_ours(line: &str) -> bool {
    line.split_once('#').is_some_and(|(_, comment)| comment.trim_start().starts_with(MARK))
}

/// Returns the file with our options and our rules; one that has them already is returned as it is.
fn merged(was: &str, options: &[(&str, String)], rules: &[String]) -> String {
    if has_all(was, options, rules) {
        return was.to_owned();
    }
    let mut sections: Vec<(String, Vec<String>)> = vec![(String::new(), Vec::new())];
    for line in was.lines() {
        if line.trim_start().starts_with('[') {
            sections.push((line.trim().to_owned(), Vec::new()));
        } else if let Some((_, lines)) = sections.last_mut() {
            lines.push(line.to_owned());
        }
    }
    let find = |sections: &mut Vec<(String, Vec<String>)>, name: &str, first: bool| {
        let is_it = |section: &(String, Vec<String>)| section.0.eq_ignore_ascii_case(name);
        sections.iter().position(is_it).unwrap_or_else(|| {
            let nth = if first { 1 } else { sections.len() };
            sections.insert(nth, (name.to_owned(), vec![String::new()]));
            nth
        })
    };
    let nth = find(&mut sections, "[OPTIONS]", true);
    if let Some((_, lines)) = sections.get_mut(nth) {
        lines.retain(|line| {
            !options.iter().any(|(key, _)| option(line).is_some_and(|(found, _)| found == *key))
        });
        let ours = options.iter().map(|(key, value)| format!("{key}: {value}"));
        lines.splice(0..0, ours);
    }
    let nth = find(&mut sections, "[RULES]", false);
    if let Some((_, lines)) = sections.get_mut(nth) {
        lines.retain(|line| !is_ours(line));
        lines.splice(0..0, rules.iter().cloned());
    }
    let mut text = String::new();
    for (name, lines) in sections {
        for line in (!name.is_empty()).then_some(name).into_iter().chain(lines) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn option(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    Some((key.trim(), value.trim()))
}

fn has_all(text: &str, options: &[(&str, String)], rules: &[String]) -> bool {
    let mut section = String::new();
    let (mut found_options, mut found_rules) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match section.as_str() {
            _ if line.starts_with('[') => section = line.to_ascii_uppercase(),
            "[OPTIONS]" => found_options.extend(option(line)),
            "[RULES]" if !line.starts_with('#') => found_rules.push(line),
            _ => {}
        }
    }
    let has = |key: &str, value: &str| {
        let of_key: Vec<_> = found_options.iter().filter(|(found, _)| *found == key).collect();
        matches!(of_key.as_slice(), [(_, found)] if *found == value)
    };
    let plain = |rule: &str| rule.split_whitespace().collect::<Vec<_>>().join(" ");
    let ours = found_rules.iter().filter(|rule| is_ours(rule)).count();
    options.iter().all(|(key, value)| has(key, value))
        && ours == rules.len()
        && found_rules.iter().zip(rules).all(|(found, rule)| plain(found) == plain(rule))
        && found_rules.len() >= rules.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firewall(client: Option<&str>, rules: Vec<FirewallRule>) -> Firewall {
        let (input, output) = (FirewallAction::Drop, FirewallAction::Accept);
        Firewall {
            wish: HostFirewall { enabled: true, input, output, rules },
            home: Some("10.0.0.0/24".parse().unwrap()),
            client: client.map(|client| client.parse().unwrap()),
        }
    }

    fn from(source: &str, port: &str) -> FirewallRule {
        FirewallRule {
            direction: TrafficDirection::In,
            action: FirewallAction::Accept,
            source: Some(source.into()),
            dest: None,
            proto: Some("tcp".into()),
            port: Some(port.into()),
            iface: None,
            comment: Some("why".into()),
        }
    }

    fn text(was: &str) -> String {
        let firewall = firewall(None, vec![from("10.9.0.0/16", "443")]);
        merged(was, &firewall.options(), &firewall.rules().unwrap())
    }

    const OURS: &str = "IN ACCEPT -source 10.0.0.0/24 -p tcp -dport 22,8006 # phoenix: SSH and the web page, always\nIN ACCEPT -source 10.9.0.0/16 -p tcp -dport 443 # phoenix: why\n";

    #[test]
    fn an_empty_file_gets_all() {
        let text = text("");

        let wanted = format!(
            "[OPTIONS]\nenable: 1\npolicy_in: DROP\npolicy_out: ACCEPT\n\n[RULES]\n{OURS}\n"
        );
        assert_eq!(text, wanted);
    }

    #[test]
    fn what_others_wrote_stays_behind_ours_and_a_second_time_nothing_changes() {
        let was = "[OPTIONS]\nenable: 0\nebtables: 1\n\n[ALIASES]\nhome 10.0.0.0/24\n\n[RULES]\nIN DROP -p tcp -dport 22\nIN ACCEPT -p tcp -dport 1 # phoenix: old\n\n[group web]\nIN HTTP(ACCEPT)\n";

        let once = text(was);

        let wanted = format!(
            "[OPTIONS]\nenable: 1\npolicy_in: DROP\npolicy_out: ACCEPT\nebtables: 1\n\n[ALIASES]\nhome 10.0.0.0/24\n\n[RULES]\n{OURS}IN DROP -p tcp -dport 22\n\n[group web]\nIN HTTP(ACCEPT)\n"
        );
        assert_eq!(once, wanted);
        assert_eq!(text(&once), once);
        // Proxmox writes it with other blanks.
        let other = once.replace(" -p tcp", "  -p tcp").replace("\n\n", "\n\n\n");
        assert_eq!(text(&other), other);
    }

    #[test]
    fn whoever_types_it_is_not_locked_out() {
        assert!(firewall(Some("10.0.0.7"), Vec::new()).locks_nobody_out().is_ok());
        assert!(firewall(Some("192.168.1.7"), Vec::new()).locks_nobody_out().is_err());
        assert!(
            firewall(Some("192.168.1.7"), vec![from("192.168.1.0/24", "443")])
                .locks_nobody_out()
                .is_err()
        );
        assert!(
            firewall(Some("192.168.1.7"), vec![from("192.168.1.0/24", "20:30")])
                .locks_nobody_out()
                .is_ok()
        );
    }
}
