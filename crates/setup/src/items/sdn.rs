//! Networks of Proxmox's own: a Simple zone, a VNet, a subnet, and DHCP in it.

use phoenix_config::{HostSpec, SdnNetwork};
use serde_json::Value;

use super::plain;
use crate::change::{Act, HostChange, Impact, Run};
use crate::host::Host;
use crate::item::{Check, Item, Look, Refusal};

const ZONES: &str = "/cluster/sdn/zones";
const VNETS: &str = "/cluster/sdn/vnets";

pub(super) struct Sdn(Vec<SdnNetwork>);

impl Sdn {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        (!spec.sdn.is_empty()).then(|| Self(spec.sdn.clone()))
    }

    fn has_dhcp(&self, zone: &str) -> bool {
        self.0.iter().any(|sdn| sdn.zone == zone && !sdn.dhcp.is_empty())
    }
}

impl Item for Sdn {
    fn name(&self) -> &'static str {
        "sdn"
    }

    fn about(&self) -> &'static str {
        "networks of Proxmox's own"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["packages", "network"]
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        if !host.has("pvesh") {
            let advice = "install Proxmox VE, or take `sdn` out of the file";
            return Err(Refusal::new("sdn", "this is no Proxmox node: it has no `pvesh`", advice));
        }
        let mut changes = Vec::new();
        let zones = list(host, ZONES)?;
        for (nth, sdn) in self.0.iter().enumerate() {
            let is_new = self.0.iter().take(nth).all(|before| before.zone != sdn.zone);
            if is_new {
                changes.extend(self.zone(&zones, &sdn.zone)?);
            }
        }
        let vnets = list(host, VNETS)?;
        for sdn in &self.0 {
            let found = find(&vnets, "vnet", &sdn.vnet);
            changes.extend(vnet(found, sdn)?);
            // The subnets of a VNet that is not there cannot be asked for.
            let subnets = match found {
                Some(_) => list(host, &format!("{VNETS}/{}/subnets", sdn.vnet))?,
                None => Vec::new(),
            };
            changes.extend(subnet(&subnets, sdn)?);
        }
        if self.0.iter().any(|sdn| !sdn.dhcp.is_empty()) {
            changes.extend(own_dnsmasq(host)?);
        }
        if changes.is_empty() && is_pending(host, &self.0)? {
            let run = Run::of(["pvesh", "set", "/cluster/sdn"]);
            let why = "what is written of these networks counts only once it is applied";
            changes.push(HostChange::live(Act::Run(run), why).at_cost(Impact::Live));
        }
        Ok(Look::of(changes))
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        let up = |sdn: &SdnNetwork| {
            let state = host.line(&format!("/sys/class/net/{}/operstate", sdn.vnet));
            let wrong = state
                .map(|state| state.is_none().then(|| "the host has no such interface".to_owned()));
            Check::of(format!("the VNet {} is there", sdn.vnet), wrong)
        };
        self.0.iter().map(up).collect()
    }
}

impl Sdn {
    fn zone(&self, zones: &[Value], zone: &str) -> Result<Option<HostChange>, Refusal> {
        let dhcp = self.has_dhcp(zone);
        let Some(found) = find(zones, "zone", zone) else {
            let words =
                ["pvesh", "create", ZONES, "--zone", zone, "--type", "simple", "--ipam", "pve"];
            let dhcp: &[&str] = if dhcp { &["--dhcp", "dnsmasq"] } else { &[] };
            let run = Run::of(words.into_iter().chain(dhcp.iter().copied()));
            return Ok(Some(HostChange::live(Act::Run(run), "there is no such zone")));
        };
        let kind = text(found, "type").unwrap_or_default();
        if kind != "simple" {
            let why =
                format!("it is of the kind `{kind}`, and only Simple zones give out addresses");
            let advice = "remove it by hand, or give the network another zone";
            return Err(Refusal::new(format!("the zone {zone}"), why, advice));
        }
        if dhcp && text(found, "dhcp").as_deref() != Some("dnsmasq") {
            let run = Run::of(["pvesh", "set", &format!("{ZONES}/{zone}"), "--dhcp", "dnsmasq"]);
            return Ok(Some(HostChange::live(Act::Run(run), "it gives out no addresses")));
        }
        Ok(None)
    }
}

fn vnet(found: Option<&Value>, sdn: &SdnNetwork) -> Result<Option<HostChange>, Refusal> {
    let alias = sdn.alias.as_deref().unwrap_or_default();
    if !alias.is_empty() {
        plain("sdn.alias", alias)?;
    }
    let Some(found) = found else {
        let words = ["pvesh", "create", VNETS, "--vnet", &sdn.vnet, "--zone", &sdn.zone];
        let alias: &[&str] = if alias.is_empty() { &[] } else { &["--alias", alias] };
        let run = Run::of(words.into_iter().chain(alias.iter().copied()));
        return Ok(Some(HostChange::live(Act::Run(run), "there is no such VNet")));
    };
    let zone = text(found, "zone").unwrap_or_default();
    if zone != sdn.zone {
        let why = format!("it is in the zone {zone}, and is to be in {}", sdn.zone);
        let advice = "guests may be connected to it: remove it by hand, or write the zone it is in";
        return Err(Refusal::new(format!("the VNet {}", sdn.vnet), why, advice));
    }
    if !alias.is_empty() && text(found, "alias").as_deref() != Some(alias) {
        let run = Run::of(["pvesh", "set", &format!("{VNETS}/{}", sdn.vnet), "--alias", alias]);
        return Ok(Some(HostChange::live(Act::Run(run), "people call it otherwise")));
    }
    Ok(None)
}

fn subnet(subnets: &[Value], sdn: &SdnNetwork) -> Result<Option<HostChange>, Refusal> {
    let cidr = sdn.subnet.to_string();
    if let Some(other) =
        subnets.iter().filter_map(|found| text(found, "cidr")).find(|found| *found != cidr)
    {
        let why = format!("it has the subnet {other}, and is to have {cidr}");
        let advice = "guests may have addresses in it: remove it by hand, or write it as it is";
        return Err(Refusal::new(format!("the VNet {}", sdn.vnet), why, advice));
    }
    let ranges: Vec<_> = sdn
        .dhcp
        .iter()
        .map(|(first, last)| format!("start-address={first},end-address={last}"))
        .collect();
    let mut options =
        vec![("gateway", sdn.gateway.to_string()), ("snat", u8::from(sdn.snat).to_string())];
    if let Some(resolver) = sdn.resolver.filter(|_| !sdn.dhcp.is_empty()) {
        options.push(("dhcp-dns-server", resolver.to_string()));
    }
    let found = find(subnets, "cidr", &cidr);
    if let Some(found) = found {
        options.retain(|(key, value)| {
            let now = text(found, key);
            // What is off is not written down.
            let is_off = value == "0" && now.is_none();
            !is_off && now.as_deref() != Some(value)
        });
        if dhcp_of(found) != ranges {
            options.extend(ranges.iter().map(|range| ("dhcp-range", range.clone())));
        }
        if options.is_empty() {
            return Ok(None);
        }
    } else {
        options.extend(ranges.iter().map(|range| ("dhcp-range", range.clone())));
    }
    let options = options.into_iter().flat_map(|(key, value)| [format!("--{key}"), value]);
    let own = format!("{VNETS}/{}/subnets", sdn.vnet);
    let (words, why) = if let Some(id) = found.and_then(|found| text(found, "subnet")) {
        (
            vec!["pvesh".to_owned(), "set".to_owned(), format!("{own}/{id}")],
            "it is written otherwise",
        )
    } else {
        let words = ["pvesh", "create", &own, "--subnet", &cidr, "--type", "subnet"];
        (words.map(str::to_owned).to_vec(), "there is no such subnet")
    };
    Ok(Some(HostChange::live(Act::Run(Run::of(words.into_iter().chain(options))), why)))
}

/// Returns the ranges of a subnet as they are written.
fn dhcp_of(found: &Value) -> Vec<String> {
    let ranges = found.get("dhcp-range");
    let range = |range: &Value| match range {
        Value::Object(_) => Some(format!(
            "start-address={},end-address={}",
            text(range, "start-address")?,
            text(range, "end-address")?
        )),
        Value::String(range) => Some(range.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    };
    match ranges {
        Some(Value::Array(ranges)) => ranges.iter().filter_map(range).collect(),
        Some(one) => range(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Proxmox starts a dnsmasq for each zone; that of Debian would take the port.
fn own_dnsmasq(host: &Host) -> Result<Option<HostChange>, Refusal> {
    let enabled = host.ask(&["systemctl", "is-enabled", "dnsmasq.service"])?;
    let is_on = ["enabled", "enabled-runtime"].contains(&enabled.out.trim());
    let run = if super::units::is_booted(host) {
        Run::of(["systemctl", "disable", "--now", "dnsmasq.service"])
    } else {
        Run::of(["systemctl", "disable", "dnsmasq.service"])
    };
    let why = "Proxmox starts one for each zone, and this one would take its port";
    Ok(is_on.then(|| HostChange::live(Act::Run(run), why)))
}

fn is_pending(host: &Host, networks: &[SdnNetwork]) -> Result<bool, Refusal> {
    let is_new = |found: &Value| found.get("state").is_some_and(|state| !state.is_null());
    let mut pending = Vec::new();
    pending.extend(list_pending(host, ZONES)?.into_iter().filter(|found| {
        networks.iter().any(|sdn| text(found, "zone").as_deref() == Some(&sdn.zone))
            && is_new(found)
    }));
    pending.extend(list_pending(host, VNETS)?.into_iter().filter(|found| {
        networks.iter().any(|sdn| text(found, "vnet").as_deref() == Some(&sdn.vnet))
            && is_new(found)
    }));
    for sdn in networks {
        let subnets = list_pending(host, &format!("{VNETS}/{}/subnets", sdn.vnet))?;
        pending.extend(subnets.into_iter().filter(is_new));
    }
    Ok(!pending.is_empty())
}

fn list(host: &Host, path: &str) -> Result<Vec<Value>, Refusal> {
    listed(host.asked_json(&["pvesh", "get", path, "--output-format", "json"])?, path)
}

fn list_pending(host: &Host, path: &str) -> Result<Vec<Value>, Refusal> {
    let words = ["pvesh", "get", path, "--pending", "1", "--output-format", "json"];
    listed(host.asked_json(&words)?, path)
}

fn listed(answer: Value, path: &str) -> Result<Vec<Value>, Refusal> {
    match answer {
        Value::Array(list) => Ok(list),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(Refusal::new(format!("pvesh get {path}"), "it is no list", "type it, and see"))
        }
    }
}

fn find<'v>(list: &'v [Value], key: &str, value: &str) -> Option<&'v Value> {
    list.iter().find(|found| text(found, key).as_deref() == Some(value))
}

fn text(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(u8::from(*is).to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn network() -> SdnNetwork {
        SdnNetwork {
            zone: "phoenix".to_owned(),
            vnet: "vnet1".to_owned(),
            alias: None,
            subnet: "10.20.0.0/24".parse().unwrap(),
            gateway: "10.20.0.1".parse().unwrap(),
            snat: true,
            dhcp: vec![("10.20.0.100".parse().unwrap(), "10.20.0.200".parse().unwrap())],
            resolver: None,
        }
    }

    fn there() -> Value {
        json!({ "subnet": "phoenix-10.20.0.0-24", "cidr": "10.20.0.0/24", "gateway": "10.20.0.1", "snat": 1,
            "dhcp-range": [{ "start-address": "10.20.0.100", "end-address": "10.20.0.200" }] })
    }

    fn words(change: Option<HostChange>) -> String {
        change.map(|change| change.act.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_subnet_is_compared_property_by_property() {
        assert_eq!(subnet(&[there()], &network()).unwrap(), None);

        let mut other = there();
        other["snat"] = json!(0);
        assert_eq!(
            words(subnet(&[other], &network()).unwrap()),
            "run pvesh set /cluster/sdn/vnets/vnet1/subnets/phoenix-10.20.0.0-24 --snat 1"
        );
        let mut other = there();
        other["dhcp-range"] = json!([]);
        assert!(
            words(subnet(&[other], &network()).unwrap())
                .ends_with("--dhcp-range start-address=10.20.0.100,end-address=10.20.0.200")
        );
        let mut other = there();
        other["cidr"] = json!("10.30.0.0/24");
        assert!(subnet(&[other], &network()).is_err());
    }
}
