//! What is exported by NFS or shared by Samba is written so that their programs take it.

use std::net::IpAddr;

use ipnet::IpNet;
use phoenix_domain::AbsolutePath;

use super::{Rule, did_you_mean};
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::raw::hypervisor::{RawExport, RawShare};
use crate::raw::lenient::ListOrText;
use crate::scene::Scene;

static CODE: Code = code!("0913", Error, "a directory cannot be shared as it is written");

pub(super) const RULE: Rule = Rule { codes: &[&CODE], check };

/// The options of `exports(5)` that stand alone.
const WORDS: &[&str] = &[
    "acl",
    "all_squash",
    "async",
    "auth_nlm",
    "crossmnt",
    "hide",
    "insecure",
    "insecure_locks",
    "mountpoint",
    "mp",
    "no_acl",
    "no_all_squash",
    "no_auth_nlm",
    "no_pnfs",
    "no_root_squash",
    "no_subtree_check",
    "no_wdelay",
    "nohide",
    "nordirplus",
    "pnfs",
    "ro",
    "root_squash",
    "rw",
    "secure",
    "secure_locks",
    "security_label",
    "subtree_check",
    "sync",
    "wdelay",
];

/// Those that take a value.
const VALUES: &[&str] =
    &["anongid", "anonuid", "fsid", "mountpoint", "mp", "refer", "replicas", "sec", "xprtsec"];

fn check(scene: &Scene<'_>, findings: &Findings) {
    let nfs = scene.hypervisor.nfs.as_ref();
    for (nth, export) in nfs.iter().filter_map(|nfs| nfs.exports.as_ref()).flatten().enumerate() {
        self::export(export, &Place::of_host("nfs").key("exports").index(nth), findings);
    }
    let samba = scene.hypervisor.samba.as_ref();
    for (nth, share) in samba.iter().filter_map(|samba| samba.shares.as_ref()).flatten().enumerate()
    {
        self::share(share, &Place::of_host("samba").key("shares").index(nth), findings);
    }
}

fn export(export: &RawExport, at: &Place, findings: &Findings) {
    if let Some(path) = export.path.as_deref().map(str::trim).filter(|path| !path.is_empty()) {
        let is_path = path.parse::<AbsolutePath>().is_ok();
        if !is_path || path.contains(['"', '\\', '#']) {
            let message =
                format!("the NFS export is `{path}`, which is no path that NFS can export");
            let finding = Finding::new(&CODE, at.clone().key("path"), message);
            let whole = format!("/{path}");
            findings.add(if whole.parse::<AbsolutePath>().is_ok() && !path.starts_with('/') {
                finding.help(format!("it begins at the root: `{whole}`"))
            } else {
                finding
                    .help("write it from the root, without `..`, `,`, `#` or quotes: `/tank/data`")
            });
        }
    }
    for (nth, client) in export.clients.iter().flatten().enumerate() {
        if let Some(why) = no_client(client) {
            let message =
                format!("nobody can mount the NFS export as `{}`: {why}", client.escape_debug());
            findings.add(
                Finding::new(&CODE, at.clone().key("clients").index(nth), message)
                    .help("name an address, a network (`10.0.0.0/24`) or a host, each by itself"),
            );
        }
    }
    let place = || at.clone().key("options");
    match &export.options {
        None => {}
        Some(ListOrText::Text(text)) => options(text, &place(), findings),
        Some(ListOrText::List(list)) => {
            for (nth, text) in list.iter().enumerate() {
                options(text, &place().index(nth), findings);
            }
        }
    }
}

/// Says why NFS takes nobody for who is named, if that is so.
fn no_client(client: &str) -> Option<&'static str> {
    if client.is_empty() {
        return Some("it is empty");
    }
    if client.contains(|c: char| c.is_whitespace() || "(),#\"\\".contains(c)) {
        return Some("this is more than one word");
    }
    let (host, mask) = client.split_once('/').unwrap_or((client, ""));
    let is_numbers =
        host.contains(':') || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_mask = |host: IpAddr, mask: &str| {
        mask.parse::<IpAddr>().is_ok_and(|mask| {
            ipnet::ip_mask_to_prefix(mask).is_ok() && mask.is_ipv4() == host.is_ipv4()
        })
    };
    match (host.parse::<IpAddr>(), is_numbers) {
        (Ok(_), _) if !client.contains('/') => None,
        (Ok(host), _) => {
            let is_network = client.parse::<IpNet>().is_ok() || is_mask(host, mask);
            (!is_network).then_some("this prefix is none")
        }
        (Err(_), true) => Some("this address is none"),
        (Err(_), false) => None,
    }
}

fn options(text: &str, place: &Place, findings: &Findings) {
    for option in text.split(',').map(str::trim).filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').map_or((option, None), |(n, v)| (n, Some(v)));
        let is_number = |value: &str| value.parse::<u32>().is_ok() || value == "-1";
        let (message, help) = match value {
            None if WORDS.contains(&name) => continue,
            Some(value) if ["anonuid", "anongid"].contains(&name) && !is_number(value) => (
                format!("the option `{option}` of an NFS export has no number"),
                "write the id of a user or group: `anonuid=1000`".to_owned(),
            ),
            Some(value) if VALUES.contains(&name) && !value.is_empty() => continue,
            None | Some(_) if VALUES.contains(&name) => (
                format!("the option `{option}` of an NFS export has no value"),
                format!("write `{name}=…`"),
            ),
            Some(_) if WORDS.contains(&name) => (
                format!("the option `{option}` of an NFS export has a value, and takes none"),
                format!("write `{name}`"),
            ),
            None | Some(_) => (
                format!("NFS has no option `{option}` for an export"),
                did_you_mean(name, WORDS.iter().chain(VALUES).copied()).map_or_else(
                    || {
                        "`man exports` lists them; none at all is `rw,sync,no_subtree_check`"
                            .to_owned()
                    },
                    |near| format!("did you mean `{near}`?"),
                ),
            ),
        };
        findings.add(Finding::new(&CODE, place.clone(), message).help(help));
    }
}

fn share(share: &RawShare, at: &Place, findings: &Findings) {
    const OF_SAMBA: &[&str] = &["global", "homes", "printers", "print$", "ipc$"];
    let name = share.name.as_deref().unwrap_or_default().trim();
    let is_odd = |c: char| c.is_control() || "[]/\\%".contains(c);
    if name.contains(is_odd) || OF_SAMBA.contains(&&*name.to_lowercase()) {
        let message = format!("a Samba share cannot be called `{}`", name.escape_debug());
        findings.add(Finding::new(&CODE, at.clone().key("name"), message).help(
            "give it a plain name, which is none of Samba's own (`global`, `homes`, `printers`)",
        ));
    }
    let path = share.path.as_deref().unwrap_or_default().trim();
    let whole = format!("/{}", path.trim_start_matches('/'));
    if !path.is_empty() && (path.contains(['%', '"']) || whole.parse::<AbsolutePath>().is_err()) {
        let message = format!(
            "the Samba share `{name}` is `{}`, which is no plain path",
            path.escape_debug()
        );
        findings.add(
            Finding::new(&CODE, at.clone().key("path"), message)
                .help("write it without `..`, `,`, `%` or quotes: `tank/data`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_address_a_network_or_a_name() {
        for good in [
            "10.0.0.5",
            "10.0.0.0/24",
            "10.0.0.0/255.255.255.0",
            "fd00::/64",
            "fd00::1",
            "*",
            "*.lab.home.arpa",
            "@trusted",
            "nas",
        ] {
            assert_eq!(no_client(good), None, "{good}");
        }
        for bad in [
            "",
            "a b",
            "10.0.0.0/33",
            "10.0.0.0/255.0.255.0",
            "fd00::/129",
            "10.0.0",
            "10.0.0.1(rw)",
        ] {
            assert!(no_client(bad).is_some(), "{bad}");
        }
    }
}
