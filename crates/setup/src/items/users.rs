//! Who administers the host.

use phoenix_config::{Administrator, HostSpec};
use phoenix_domain::LoginName;

use super::{Given, plain};
use crate::change::{Act, Hidden, HostChange, Owner, Run};
use crate::host::{Account, Host, Wanted};
use crate::item::{Check, Item, Look, Refusal};

pub(super) struct Users {
    who: Administrator,
    password: Option<Result<Hidden, Refusal>>,
}

impl Users {
    pub(super) fn of(spec: &HostSpec, given: &Given) -> Option<Self> {
        let who = spec.administrator.clone()?;
        Some(Self { who, password: given.password.clone() })
    }

    fn realm(&self) -> String {
        format!("{}@pam", self.who.name)
    }
}

impl Item for Users {
    fn name(&self) -> &'static str {
        "users"
    }

    fn about(&self) -> &'static str {
        "who administers the host"
    }

    fn needs(&self) -> &'static [&'static str] {
        if self.who.sudo { &["packages"] } else { &[] }
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        let name = &self.who.name;
        if !LoginName::is_administrator(name) {
            let why = format!("`{}` is no login name", name.escape_debug());
            let advice = "write small letters, digits, `-` and `_`, beginning with a letter";
            return Err(Refusal::new("users.username", why, advice));
        }
        let mut changes = Vec::new();
        let account = host.account(name)?;
        if account.is_none() {
            let run = Run::of(["useradd", "--create-home", "--shell", "/bin/bash", name]);
            changes.push(HostChange::live(Act::Run(run), "there is no such user"));
        }
        changes.extend(self.password(host)?);
        changes.extend(self.sudo(host)?);
        changes.extend(self.keys(host, account.as_ref())?);
        if host.has("pveum") {
            changes.extend(self.proxmox(host)?);
        }
        let mut look = Look::of(changes);
        if self.who.sudo && self.password.is_none() {
            let remark = format!(
                "{name} has no password here, and sudo asks for one: give it a `password_hash`"
            );
            look.remarks.push(remark);
        }
        Ok(look)
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        let name = &self.who.name;
        let account = host.ask(&["getent", "passwd", name]);
        let there = account.map(|answer| (!answer.is_good()).then(|| "there is none".to_owned()));
        let mut checks = vec![Check::of(format!("{name} is a user"), there)];
        if self.who.sudo {
            let may = host.ask(&["sudo", "-l", "-U", name]);
            let may = may.map(|answer| {
                let may = answer.is_good() && answer.out.contains("(ALL");
                (!may).then(|| "sudo lets it do nothing, or not everything".to_owned())
            });
            checks.push(Check::of(format!("{name} may use sudo"), may));
        }
        checks
    }
}

impl Users {
    fn password(&self, host: &Host) -> Result<Option<HostChange>, Refusal> {
        let Some(password) = &self.password else { return Ok(None) };
        let hash = password.as_ref().map_err(Clone::clone)?;
        let (name, hash) = (&self.who.name, hash.expose());
        if !hash.starts_with('$') || hash.chars().any(|c| c == ':' || c.is_control()) {
            let why = "the secret is no hash of a password as crypt(3) makes them";
            let advice = "`mkpasswd -m yescrypt` makes one: it begins with a `$`";
            return Err(Refusal::new("users.password_hash", why, advice));
        }
        let shadow = host.text("/etc/shadow")?.unwrap_or_default();
        let now = shadow.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        if now.and_then(|fields| fields.split(':').next()) == Some(hash) {
            return Ok(None);
        }
        let stdin = Hidden::new(format!("{name}:{hash}\n"));
        let run = Run::of(["chpasswd", "-e"]).reading(stdin);
        Ok(Some(HostChange::live(Act::Run(run), "the password is another one")))
    }

    fn sudo(&self, host: &Host) -> Result<Option<HostChange>, Refusal> {
        let name = &self.who.name;
        let path = format!("/etc/sudoers.d/phoenix-{name}");
        if !self.who.sudo {
            let why = "sudo is not for this user any more";
            return Ok(host
                .text(&path)?
                .map(|was| HostChange::live(Act::NoFile { path, was }, why)));
        }
        let text = format!("# Written by phoenix setup.\n{name} ALL=(ALL:ALL) ALL\n");
        let check = ["visudo", "-c", "-q", "-f", "{}"];
        let why = "the administrator may use sudo";
        host.want(Wanted { path: &path, text, mode: 0o440, check: &check, why })
    }

    fn keys(&self, host: &Host, account: Option<&Account>) -> Result<Vec<HostChange>, Refusal> {
        if self.who.keys.is_empty() {
            return Ok(Vec::new());
        }
        let name = &self.who.name;
        let home = account.map_or_else(|| format!("/home/{name}"), |account| account.home.clone());
        let (folder, path) = (format!("{home}/.ssh"), format!("{home}/.ssh/authorized_keys"));
        // Root writes there, and whose folder it is could lead that anywhere.
        if let Some(leads) = [&folder, &path].into_iter().find(|path| host.link(path).is_some()) {
            let advice = "make it a folder or file of its own";
            return Err(Refusal::new(leads, "it is a symbolic link", advice));
        }
        let group = match account {
            Some(account) => group_name(host, account.gid)?.unwrap_or_else(|| name.clone()),
            None => name.clone(),
        };
        let owner = Owner::of(name, &group);
        let mut text = host.text(&path)?.unwrap_or_default();
        for key in &self.who.keys {
            plain("users.ssh_public_key", key)?;
            text = super::subids::once(&text, key);
        }
        let why = "the key of the administrator lets in, and those of others stay";
        let wanted = Wanted { path: &path, text, mode: 0o600, check: &[], why };
        let folder =
            host.want_folder(&folder, 0o700, &owner, "only its owner sees who may log in")?;
        Ok(folder.into_iter().chain(host.want_of(wanted, owner)?).collect())
    }

    fn proxmox(&self, host: &Host) -> Result<Vec<HostChange>, Refusal> {
        let realm = self.realm();
        let users = host.asked_json(&["pveum", "user", "list", "--output-format", "json"])?;
        let is_user = |user: &serde_json::Value| user.get("userid").is_some_and(|id| *id == *realm);
        let mut changes = Vec::new();
        if !users.as_array().into_iter().flatten().any(is_user) {
            let run =
                Run::of(["pveum", "user", "add", &realm, "--comment", "made by phoenix setup"]);
            changes.push(HostChange::live(Act::Run(run), "Proxmox does not know this user"));
        }
        let rights = host.asked_json(&["pveum", "acl", "list", "--output-format", "json"])?;
        let may = |right: &serde_json::Value| {
            let is = |key: &str, value: &str| right.get(key).is_some_and(|found| found == value);
            is("path", "/")
                && is("roleid", "Administrator")
                && is("type", "user")
                && is("ugid", &realm)
        };
        if !rights.as_array().into_iter().flatten().any(may) {
            let run =
                ["pveum", "acl", "modify", "/", "--users", &realm, "--roles", "Administrator"];
            changes.push(HostChange::live(Act::Run(Run::of(run)), "it may not administer Proxmox"));
        }
        Ok(changes)
    }
}

fn group_name(host: &Host, gid: u32) -> Result<Option<String>, Refusal> {
    let groups = host.text("/etc/group")?.unwrap_or_default();
    Ok(groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(gid)).then(|| name.to_owned())
    }))
}
