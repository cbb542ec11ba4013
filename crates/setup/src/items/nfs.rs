//! What the host exports by NFS, in a file of our own.

use std::fmt::Write as _;

use phoenix_config::{Export, HostSpec};

use super::ground::Ground;
use super::{plain, units};
use crate::change::Owner;
use crate::host::{Host, Wanted};
use crate::item::{Check, Gone, Item, Look, Refusal};
use crate::state::digest;

const OURS: &str = "/etc/exports.d/phoenix.exports";
const THEIRS: &str = "/etc/exports";
const USUAL: &str = "rw,sync,no_subtree_check";

pub(super) struct Nfs {
    exports: Vec<Export>,
    ground: Ground,
}

impl Nfs {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        Some(Self { exports: spec.exports.clone()?, ground: Ground::of(spec) })
    }
}

impl Item for Nfs {
    fn name(&self) -> &'static str {
        "nfs"
    }

    fn about(&self) -> &'static str {
        "directories that are exported by NFS"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["packages", "pools", "datasets"]
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        self.judge(host, &[])
    }

    fn look_without(&self, host: &Host, gone: &[Gone]) -> Option<Result<Look, Refusal>> {
        Some(self.judge(host, gone))
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        if self.exports.is_empty() {
            return Vec::new();
        }
        let listed = host.asked(&["exportfs", "-s"]);
        let exported = |export: &Export| {
            let found = listed.clone().map(|listed| {
                let missing = export.clients.iter().find(|client| {
                    !listed.lines().any(|line| {
                        let mut words = line.split_whitespace();
                        words.next() == Some(&*export.path)
                            && words.any(|word| word.split('(').next() == Some(client.as_str()))
                    })
                });
                missing.map(|client| format!("not to {client}"))
            });
            Check::of(format!("{} is exported", export.path), found)
        };
        let checks = self.exports.iter().map(exported);
        checks.chain([units::runs(host, "nfs-server.service")]).collect()
    }
}

impl Nfs {
    fn judge(&self, host: &Host, gone: &[Gone]) -> Result<Look, Refusal> {
        let theirs = host.text(THEIRS)?.unwrap_or_default();
        if let Some(twice) = self.exports.iter().find(|export| exports(&theirs, &export.path)) {
            let why = format!("it exports {} already, and not by phoenix", twice.path);
            return Err(Refusal::new(THEIRS, why, "remove that line, or the export from the file"));
        }
        let was = host.text(OURS)?;
        let (mut changes, mut left_out, mut standing) = (Vec::new(), Vec::new(), Vec::new());
        for export in &self.exports {
            plain("nfs.exports.path", &export.path)?;
            if let Some(refusal) = self.ground.refuses(&export.path, gone) {
                // What is exported already may be in use.
                if was.as_ref().is_some_and(|was| exports(was, &export.path)) {
                    standing.push(export.clone());
                }
                left_out.push(refusal);
                continue;
            }
            standing.push(export.clone());
            if !host.at(&export.path).is_dir() {
                let why = "it is to be exported, and is not there";
                changes.extend(host.want_folder(&export.path, 0o755, &Owner::root(), why)?);
            }
        }
        if standing.is_empty() && was.is_none() {
            return Ok(Look { left_out, ..Look::default() });
        }
        let text = text(&standing)?;
        let why = "what is exported, in a file of its own: others stay as they are";
        let wanted = Wanted { path: OURS, text: text.clone(), mode: 0o644, check: &[], why };
        changes.extend(host.want(wanted)?);
        if !standing.is_empty() {
            changes.extend(units::want(host, "nfs-server.service", "who exports has to run")?);
        }
        let heed = units::heed(host, &["exportfs", "-r"]);
        let look = Look { left_out, ..Look::of(changes) };
        Ok(look.settled_by(digest([text]), heed))
    }
}

fn text(exports: &[Export]) -> Result<String, Refusal> {
    let mut text = "# Written by phoenix setup.\n".to_owned();
    for Export { path, clients, options } in exports {
        let options = if options.is_empty() { USUAL.to_owned() } else { options.join(",") };
        plain("nfs.exports.options", &options)?;
        if clients.is_empty() {
            let advice = "name a network in `clients`, such as 10.0.0.0/24";
            return Err(Refusal::new(path, "nobody is named who may mount it", advice));
        }
        // Each client has options of its own: what stands alone would have none.
        let clients = clients.iter().map(|client| {
            let is_word = !client.is_empty()
                && !client.contains(|c: char| c.is_whitespace() || "(),#\"\\".contains(c));
            if is_word {
                return Ok(format!("{client}({options})"));
            }
            let why = format!("`{}` is no client", client.escape_debug());
            Err(Refusal::new(path, why, "name an address, a network or a host, each by itself"))
        });
        let clients = clients.collect::<Result<Vec<_>, _>>()?.join(" ");
        if path.contains(['"', '\\', '#']) {
            return Err(Refusal::new(path, "NFS cannot export it", "give it a plainer path"));
        }
        let path = if path.contains(' ') { format!("\"{path}\"") } else { path.clone() };
        // A String takes everything that is written to it.
        let _written = writeln!(text, "{path} {clients}");
    }
    Ok(text)
}

/// Says whether a file of exports has a path.
fn exports(text: &str, path: &str) -> bool {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.into_iter().any(|line| {
        let line = line.trim_start_matches('"');
        line.strip_prefix(path).is_some_and(|rest| rest.starts_with([' ', '\t', '"']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(path: &str, clients: &[&str]) -> Export {
        let clients = clients.iter().map(|client| (*client).to_owned()).collect();
        Export { path: path.to_owned(), clients, options: vec!["ro".to_owned()] }
    }

    #[test]
    fn each_client_has_the_options() {
        let exports =
            [export("/tank/a", &["10.0.0.0/24", "10.1.0.5"]), export("/tank/b c", &["*"])];

        let text = text(&exports).unwrap();

        assert!(
            text.ends_with("/tank/a 10.0.0.0/24(ro) 10.1.0.5(ro)\n\"/tank/b c\" *(ro)\n"),
            "{text}"
        );
    }

    #[test]
    fn a_client_that_would_be_two_is_refused() {
        for bad in ["", "a b", "10.0.0.1(rw)", "a,b", "a\n/ *"] {
            assert!(text(&[export("/tank/a", &[bad])]).is_err(), "{bad:?}");
        }
        assert!(text(&[export("/tank/a", &[])]).is_err());
    }

    #[test]
    fn a_path_is_another_when_it_is_longer() {
        assert!(exports("/tank/a *(ro)\n", "/tank/a"));
        assert!(!exports("/tank/ab *(ro)\n# /tank/a *(ro)\n", "/tank/a"));
    }
}
