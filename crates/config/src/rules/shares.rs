//! What is shared over the network exists, belongs to somebody and is not open to everybody.

use phoenix_domain::LoginName;

use super::Rule;
use crate::code::{Code, code};
use crate::finding::{Finding, Findings};
use crate::place::Place;
use crate::raw::lenient::ListOrText;
use crate::scene::Scene;

static NO_DATASET: Code = code!("0903", Warning, "a shared directory is on no dataset");
static NO_USER: Code = code!("0908", Warning, "nobody creates the owner of the Samba shares");
static ROOT: Code = code!("0909", Warning, "an NFS export lets clients be root");

pub(super) const RULE: Rule = Rule { codes: &[&NO_DATASET, &NO_USER, &ROOT], check };

fn check(scene: &Scene<'_>, findings: &Findings) {
    let hypervisor = scene.hypervisor;
    let samba = hypervisor.samba.as_ref();
    let shares = samba.and_then(|samba| samba.shares.as_deref()).unwrap_or_default();
    for (nth, share) in shares.iter().enumerate() {
        let Some(path) = share.path.as_deref() else { continue };
        let place = Place::of_host("samba").key("shares").index(nth).key("path");
        let name = share.name.as_deref().unwrap_or("without a name");
        on_dataset(scene, path, findings, |message| {
            Finding::new(
                &NO_DATASET,
                place,
                format!("the Samba share `{name}` is `{path}`, {message}"),
            )
        });
    }
    let exports = hypervisor.nfs.as_ref().and_then(|nfs| nfs.exports.as_deref());
    for (nth, export) in exports.unwrap_or_default().iter().enumerate() {
        let at = Place::of_host("nfs").key("exports").index(nth);
        let path = export.path.as_deref().unwrap_or_default();
        if !path.is_empty() {
            let place = at.clone().key("path");
            on_dataset(scene, path, findings, |message| {
                Finding::new(&NO_DATASET, place, format!("the NFS export is `{path}`, {message}"))
            });
        }
        let place = at.key("options");
        let (place, is_open) = match &export.options {
            None => (place, false),
            Some(ListOrText::Text(text)) => {
                let is_open = text.split(',').any(|word| word.trim() == "no_root_squash");
                (place, is_open)
            }
            Some(ListOrText::List(list)) => {
                match list.iter().position(|word| word.trim() == "no_root_squash") {
                    Some(nth) => (place.index(nth), true),
                    None => (place, false),
                }
            }
        };
        if is_open {
            let message = format!("root of every client is root in the NFS export `{path}`");
            findings.add(Finding::new(&ROOT, place, message).help(
                "remove `no_root_squash`, and give the directory to the user who writes there",
            ));
        }
    }
    owner(scene, findings);
}

fn owner(scene: &Scene<'_>, findings: &Findings) {
    let samba = scene.hypervisor.samba.as_ref();
    let Some(user) = samba.and_then(|samba| samba.user.as_deref()) else { return };
    // A name that nobody can have is told where it is read, and is no advice.
    let administrator = scene.hypervisor.users.as_ref().and_then(|users| users.username.as_deref());
    let is_told = user.trim().is_empty() || user.parse::<LoginName>().is_err();
    if is_told || user == "root" || administrator == Some(user) {
        return;
    }
    let administrator = administrator.filter(|name| LoginName::is_administrator(name));
    let message = format!("the Samba shares belong to `{user}`, whom nobody creates");
    let finding = Finding::new(&NO_USER, Place::of_host("samba").key("user"), message);
    findings.add(match administrator {
        Some(administrator) => finding
            .also(Place::of_host("users").key("username"), "the only user that is created")
            .help(format!("write `{administrator}`, or see to it that `{user}` exists on the host")),
        None => finding.help(format!(
            "name the administrator in `users.username`, or see to it that `{user}` exists on the host"
        )),
    });
}

fn on_dataset(
    scene: &Scene<'_>,
    path: &str,
    findings: &Findings,
    finding: impl FnOnce(&str) -> Finding,
) {
    let zfs = scene.hypervisor.zfs.as_ref();
    let datasets = zfs.and_then(|zfs| zfs.datasets.as_deref()).unwrap_or_default();
    let is_there = datasets.iter().any(|dataset| {
        let (Some(pool), Some(name)) = (dataset.pool.as_deref(), dataset.name.as_deref()) else {
            return false;
        };
        path.trim_matches('/')
            .strip_prefix(pool)
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|below| below.is_empty() || below.starts_with('/'))
    });
    // Where no dataset is declared, the directories are somebody else's.
    if is_there || datasets.is_empty() {
        return;
    }
    findings.add(finding("which is on no dataset of this config").help(
        "declare the dataset in `zfs.datasets`, or correct the path: a dataset is mounted at \
         `/<pool>/<dataset>`",
    ));
}

#[cfg(test)]
mod tests {
    use super::NO_USER;
    use crate::{Library, Texts, load_texts};

    /// Returns what is advised where the shares belong to somebody whom nobody creates.
    fn advised(administrator: &str, owner: &str) -> Vec<String> {
        let host = serde_json::json!({
            "users": { "username": administrator }, "samba": { "user": owner },
        });
        let host = host.to_string();
        let texts = Texts { hypervisor: host.as_bytes(), lxc: b"{}", vm: b"{}" };
        let loaded = load_texts(&texts, &Library::built_in().unwrap());
        let told = loaded.findings.into_iter().filter(|finding| *finding.code == NO_USER);
        told.flat_map(|finding| finding.help).collect()
    }

    #[test]
    fn nobody_is_advised_to_take_a_name_that_cannot_be() {
        let told = advised("ops", "heads");
        assert!(told.iter().any(|help| help.contains("write `ops`")), "{told:?}");

        let told = advised("Ops User", "heads");
        assert!(!told.is_empty() && !told.concat().contains("Ops User"), "{told:?}");

        assert_eq!(advised("ops", "Ops User"), [""; 0], "it is told where it is read");
    }
}
