//! The bridges of the host, compared property by property.
//!
//! The file belongs to Proxmox and to people: only the properties that the config names are touched,
//! and a change is taken back by itself where the gateway is lost.

use std::net::IpAddr;
use std::time::Duration;

use phoenix_config::{HostSpec, InnerBridge, OuterBridge};

use super::Given;
use crate::change::{Act, FileChange, Guard, HostChange, Impact, Owner};
use crate::guard;
use crate::host::{Host, Wanted};
use crate::item::{Check, Item, Look, Refusal};

const FILE: &str = "/etc/network/interfaces";
const RESOLVERS: &str = "/etc/resolv.conf";
/// How long the gateway has for answering, unless somebody says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Network {
    outer: Option<OuterBridge>,
    inner: Option<InnerBridge>,
    hostname: Option<String>,
    domain: Option<String>,
    patience: Duration,
}

impl Network {
    pub(super) fn of(spec: &HostSpec, given: &Given) -> Option<Self> {
        let (outer, inner, hostname) =
            (spec.bridge.clone(), spec.inner.clone(), spec.hostname.clone());
        let domain = spec.domain.clone();
        let is_said = outer.is_some() || inner.is_some() || hostname.is_some();
        let patience = given.patience.unwrap_or(PATIENCE);
        is_said.then_some(Self { outer, inner, hostname, domain, patience })
    }
}

impl Item for Network {
    fn name(&self) -> &'static str {
        "network"
    }

    fn about(&self) -> &'static str {
        "the bridges of the host"
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        if guard::is_armed(host)? {
            let why = "a change of an earlier setup, which was killed, is about to be taken back";
            return Err(Refusal::new("network", why, "wait a minute, and start setup again"));
        }
        self.is_called_so(host)?;
        let mut changes = Vec::new();
        if let Some(change) = self.interfaces(host)? {
            changes.push(change);
        }
        if let Some(outer) = &self.outer {
            changes.extend(self.resolvers(host, outer)?);
        }
        Ok(Look::of(changes))
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        let mut checks = Vec::new();
        let outer = self.outer.as_ref().map(|outer| (&outer.name, outer.address));
        let inner = self.inner.as_ref().map(|inner| (&inner.name, inner.address));
        for (name, address) in outer.into_iter().chain(inner) {
            let listed = host.asked(&["ip", "-o", "address", "show", "dev", name]);
            let wrong = listed.map(|listed| {
                let has = listed.split_whitespace().any(|word| word == address.to_string());
                (!has).then(|| "it has not".to_owned())
            });
            checks.push(Check::of(format!("{name} has {address}"), wrong));
        }
        if let Some(gateway) = self.outer.as_ref().and_then(|outer| outer.gateway) {
            let answer = host.ask(&["ping", "-c", "1", "-W", "2", &gateway.to_string()]);
            let wrong =
                answer.map(|answer| (!answer.is_good()).then(|| "it does not answer".to_owned()));
            checks.push(Check::of(format!("the gateway {gateway} answers"), wrong));
        }
        checks
    }
}

impl Network {
    /// A Proxmox node has its guests in a folder of its name: it is not renamed by the way.
    fn is_called_so(&self, host: &Host) -> Result<(), Refusal> {
        let Some(wanted) = &self.hostname else { return Ok(()) };
        let now = host.line("/etc/hostname")?.unwrap_or_default();
        let is_so = now == *wanted || now.split('.').next() == Some(wanted);
        if is_so {
            return Ok(());
        }
        let why = format!("the host is called `{now}`, and is to be called `{wanted}`");
        let advice = "write its name as it is: a node that is renamed loses sight of its guests";
        Err(Refusal::new("network.hostname", why, advice))
    }

    fn interfaces(&self, host: &Host) -> Result<Option<HostChange>, Refusal> {
        let Some(was) = host.text(FILE)? else {
            let advice = "Proxmox and ifupdown2 keep it; setup manages no other network";
            return Err(Refusal::new(FILE, "there is no such file", advice));
        };
        let mut text = was.clone();
        if let Some(outer) = &self.outer {
            if stanza(&was, &outer.name).is_none() {
                let why = format!(
                    "it has no bridge {}, and setup cannot know what to plug into it",
                    outer.name
                );
                let advice = "make the bridge with Proxmox's web page first";
                return Err(Refusal::new(FILE, why, advice));
            }
            let address = outer.address.to_string();
            let gateway = outer.gateway.map(|gateway| gateway.to_string());
            let wanted = [("address", Some(address)), ("gateway", gateway)];
            text = with_properties(&text, &outer.name, outer.address.addr(), &wanted);
        }
        if let Some(inner) = &self.inner {
            text = with_inner(&text, inner);
        }
        if text == was {
            return Ok(None);
        }
        let gateway = self.outer.as_ref().and_then(|outer| outer.gateway);
        let Some(gateway) = gateway else {
            let why = "without a gateway nobody can say whether the way out is lost";
            return Err(Refusal::new("network.interfaces.gateway", why, "name it"));
        };
        let guard = Guard {
            apply: vec!["ifreload".to_owned(), "-a".to_owned()],
            gateway: gateway.to_string(),
            patience: self.patience,
        };
        let rights = Some((0o644, Owner::root()));
        let (path, was) = (FILE.to_owned(), Some(was));
        let act =
            Act::File(FileChange { path, was, text, rights, check: None, guard: Some(guard) });
        Ok(Some(HostChange::live(act, "the bridges are otherwise").at_cost(Impact::Network)))
    }

    fn resolvers(&self, host: &Host, outer: &OuterBridge) -> Result<Option<HostChange>, Refusal> {
        // Where another program makes it, it is that one's.
        if outer.resolvers.is_empty() || host.link(RESOLVERS).is_some() {
            return Ok(None);
        }
        let was = host.text(RESOLVERS)?.unwrap_or_default();
        let now: Vec<IpAddr> = was
            .lines()
            .filter_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse().ok())
            .collect();
        if now == outer.resolvers {
            return Ok(None);
        }
        let kept = was.lines().filter(|line| !line.trim().starts_with("nameserver"));
        let mut lines: Vec<_> = kept.map(str::to_owned).collect();
        if let Some(domain) = &self.domain
            && !lines.iter().any(|line| line.starts_with("search") || line.starts_with("domain"))
        {
            lines.push(format!("search {domain}"));
        }
        lines.extend(outer.resolvers.iter().map(|address| format!("nameserver {address}")));
        let text = lines.join("\n") + "\n";
        let why = "who is asked for names";
        host.want(Wanted { path: RESOLVERS, text, mode: 0o644, check: &[], why })
    }
}

/// Returns the lines of a bridge's stanza for IPv4 or IPv6: its head, and where it ends.
fn stanza(text: &str, name: &str) -> Option<(usize, usize)> {
    find(text, |words| matches!(words, ["iface", found, ..] if *found == name))
}

fn find(text: &str, is_head: impl Fn(&[&str]) -> bool) -> Option<(usize, usize)> {
    let lines: Vec<Vec<&str>> =
        text.lines().map(|line| line.split_whitespace().collect()).collect();
    let head = lines.iter().position(|words| is_head(words))?;
    let rest = lines.get(head + 1..).unwrap_or_default();
    let ends = |words: &Vec<&str>| {
        words.first().is_some_and(|word| {
            ["iface", "auto", "source", "source-directory", "mapping"].contains(word)
                || word.starts_with("allow-")
        })
    };
    let length = rest.iter().position(ends).unwrap_or(rest.len());
    // Blank lines and comments before the next stanza belong to that.
    let own = rest.get(..length).unwrap_or_default();
    let is_own = |words: &Vec<&str>| words.first().is_some_and(|word| !word.starts_with('#'));
    let last = own.iter().rposition(is_own).map_or(0, |last| last + 1);
    Some((head, head + 1 + last))
}

/// Returns the file with these properties of a bridge, and everything else as it was.
fn with_properties(
    text: &str,
    name: &str,
    of: IpAddr,
    wanted: &[(&str, Option<String>)],
) -> String {
    let family = if of.is_ipv4() { "inet" } else { "inet6" };
    let is_head = |words: &[&str]| matches!(words, ["iface", found, kind, ..] if *found == name && *kind == family);
    let Some((head, end)) = find(text, is_head).or_else(|| stanza(text, name)) else {
        return text.to_owned();
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut block: Vec<String> = lines.get(head..end).unwrap_or_default().to_vec();
    if let Some(first) = block.first_mut() {
        let words: Vec<_> = first.split_whitespace().collect();
        if !matches!(words.as_slice(), [_, _, kind, "static"] if *kind == family) {
            *first = format!("iface {name} {family} static");
        }
    }
    // An older spelling of the prefix; the address has it now.
    let is_netmask = |line: &String| line.split_whitespace().next() == Some("netmask");
    for (key, value) in wanted {
        let Some(value) = value else { continue };
        let is_it = |line: &String| line.split_whitespace().next() == Some(*key);
        let now: Vec<_> = block.iter().filter(|line| is_it(line)).cloned().collect();
        let is_right =
            matches!(now.as_slice(), [line] if line.split_whitespace().nth(1) == Some(value));
        if is_right {
            continue;
        }
        let place = block
            .iter()
            .position(is_it)
            .unwrap_or_else(|| 1 + usize::from(*key != "address" && block.len() > 1));
        block.retain(|line| !(is_it(line) || *key == "address" && is_netmask(line)));
        block.insert(place.min(block.len()), format!("\t{key} {value}"));
    }
    lines.splice(head..end, block);
    lines.join("\n") + "\n"
}

/// Returns the file with the inner bridge.
fn with_inner(text: &str, inner: &InnerBridge) -> String {
    let name = &inner.name;
    if stanza(text, name).is_some() {
        let wanted = [("address", Some(inner.address.to_string()))];
        return with_properties(text, name, inner.address.addr(), &wanted);
    }
    let net = inner.address.trunc();
    let family = if inner.address.addr().is_ipv4() { "inet" } else { "inet6" };
    let rule = format!("POSTROUTING -s '{net}' ! -o {name} -j MASQUERADE");
    let tables = if family == "inet" { "iptables" } else { "ip6tables" };
    let own = format!(
        "auto {name}\niface {name} {family} static\n\taddress {}\n\tbridge-ports none\n\tbridge-stp off\n\tbridge-fd 0\n\tpost-up {tables} -t nat -C {rule} 2>/dev/null || {tables} -t nat -A {rule}\n\tpost-down {tables} -t nat -D {rule} || true\n",
        inner.address
    );
    // What is read from elsewhere stays behind, where Proxmox has it.
    let lines: Vec<_> = text.lines().collect();
    let place = lines.iter().rposition(|line| line.trim_start().starts_with("source"));
    let (before, after) = lines.split_at(place.unwrap_or(lines.len()));
    let before = before.join("\n");
    let after = if after.is_empty() { String::new() } else { format!("\n{}\n", after.join("\n")) };
    format!("{}\n\n{own}{after}", before.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "auto lo\niface lo inet loopback\n\niface eno1 inet manual\n\nauto vmbr0\niface vmbr0 inet static\n\taddress 10.0.0.9/24\n\tgateway 10.0.0.1\n\tbridge-ports eno1\n\tbridge-stp off\n\n# the other one\nauto vmbr1\niface vmbr1 inet manual\n\tbridge-ports none\n\nsource /etc/network/interfaces.d/*\n";

    fn with(name: &str, address: &str, gateway: Option<&str>) -> String {
        let wanted =
            [("address", Some(address.to_owned())), ("gateway", gateway.map(str::to_owned))];
        with_properties(FILE, name, "10.0.0.1".parse().unwrap(), &wanted)
    }

    #[test]
    fn only_what_is_otherwise_is_touched() {
        assert_eq!(with("vmbr0", "10.0.0.9/24", Some("10.0.0.1")), FILE);
        assert_eq!(
            with("vmbr0", "10.0.0.13/24", Some("10.0.0.1")),
            FILE.replace("10.0.0.9/24", "10.0.0.13/24")
        );
        assert_eq!(
            with("vmbr0", "10.0.0.9/24", Some("10.0.0.254")),
            FILE.replace("gateway 10.0.0.1", "gateway 10.0.0.254")
        );
    }

    #[test]
    fn what_is_missing_is_added_where_it_belongs() {
        let text = with("vmbr1", "10.1.0.1/24", None);

        let wanted = FILE.replace(
            "iface vmbr1 inet manual\n",
            "iface vmbr1 inet static\n\taddress 10.1.0.1/24\n",
        );
        assert_eq!(text, wanted);
    }

    #[test]
    fn an_inner_bridge_is_made_once() {
        let inner =
            InnerBridge { name: "vmbr100".to_owned(), address: "172.16.100.1/24".parse().unwrap() };

        let once = with_inner(FILE, &inner);

        assert!(
            once.contains(
                "\n\nauto vmbr100\niface vmbr100 inet static\n\taddress 172.16.100.1/24\n"
            ),
            "{once}"
        );
        assert!(once.ends_with("\nsource /etc/network/interfaces.d/*\n"), "{once}");
        assert_eq!(with_inner(&once, &inner), once);
    }
}
