//! What the host shares by Samba: sections of our own in a file that others write too.

use std::fmt::Write as _;

use phoenix_config::{HostSpec, Samba as Wish, Share};

use super::ground::Ground;
use super::{plain, units};
use crate::block;
use crate::change::Owner;
use crate::host::{Host, Wanted};
use crate::item::{Check, Gone, Item, Look, Refusal};
use crate::state::digest;

const FILE: &str = "/etc/samba/smb.conf";
const NAME: &str = "shares";

pub(super) struct Samba {
    wish: Wish,
    ground: Ground,
}

impl Samba {
    pub(super) fn of(spec: &HostSpec) -> Option<Self> {
        Some(Self { wish: spec.samba.clone()?, ground: Ground::of(spec) })
    }
}

impl Item for Samba {
    fn name(&self) -> &'static str {
        "samba"
    }

    fn about(&self) -> &'static str {
        "directories that are shared by Samba"
    }

    fn needs(&self) -> &'static [&'static str] {
        &["packages", "pools", "datasets", "users"]
    }

    fn look(&self, host: &Host) -> Result<Look, Refusal> {
        self.judge(host, &[])
    }

    fn look_without(&self, host: &Host, gone: &[Gone]) -> Option<Result<Look, Refusal>> {
        Some(self.judge(host, gone))
    }

    fn verify(&self, host: &Host) -> Vec<Check> {
        let listed = host.asked(&["testparm", "--suppress-prompt"]);
        let shared = |share: &Share| {
            let found = listed.clone().map(|listed| {
                let there = sections(&listed).contains(&share.name.to_lowercase());
                (!there).then(|| "Samba does not know it".to_owned())
            });
            Check::of(format!("{} is shared", share.name), found)
        };
        let users = host.asked(&["pdbedit", "-L"]);
        let known = users.map(|users| {
            let known = users.lines().any(|line| line.split(':').next() == Some(&*self.wish.user));
            (!known)
                .then(|| format!("it has no password for Samba: `smbpasswd -a {}`", self.wish.user))
        });
        let user = Check::of(format!("{} can log in to Samba", self.wish.user), known);
        let checks = self.wish.shares.iter().map(shared);
        checks.chain([user, units::runs(host, "smbd.service")]).collect()
    }
}

impl Samba {
    fn judge(&self, host: &Host, gone: &[Gone]) -> Result<Look, Refusal> {
        let user = &self.wish.user;
        let account = host.account(user)?;
        let was = host.text(FILE)?.unwrap_or_default();
        let theirs = sections(&block::foreign(&was, NAME));
        let is_theirs = |share: &&Share| theirs.contains(&share.name.to_lowercase());
        if let Some(twice) = self.wish.shares.iter().find(is_theirs) {
            let why = format!("it has the section [{}] already, and not by phoenix", twice.name);
            return Err(Refusal::new(
                FILE,
                why,
                "remove that section, or give the share another name",
            ));
        }
        let there = sections(&was);
        let (mut changes, mut left_out, mut standing) = (Vec::new(), Vec::new(), Vec::new());
        for share in &self.wish.shares {
            if let Some(refusal) = self.ground.refuses(&share.path, gone) {
                // What is shared already may be in use.
                if there.contains(&share.name.to_lowercase()) {
                    standing.push(share.clone());
                }
                left_out.push(refusal);
                continue;
            }
            standing.push(share.clone());
            let why = "it is shared, and belongs to whom the shares belong to";
            let owner = match &account {
                Some(_) => Owner::of(user, &group(host, user)?),
                None => Owner::of(user, user),
            };
            changes.extend(host.want_folder(&share.path, 0o770, &owner, why)?);
        }
        let ours = text(&Wish { user: user.clone(), shares: standing })?;
        let text = block::with_block(FILE, &was, NAME, &ours)?;
        let why = "the shares, in a block of ours: what others wrote stays";
        let check = ["testparm", "--suppress-prompt", "{}"];
        let wanted = Wanted { path: FILE, text, mode: 0o644, check: &check, why };
        changes.extend(host.want(wanted)?);
        changes.extend(units::want(host, "smbd.service", "who shares has to run")?);
        let heed = units::heed(host, &["smbcontrol", "smbd", "reload-config"]);
        let look = Look { left_out, ..Look::of(changes) };
        Ok(look.settled_by(digest([ours]), heed))
    }
}

fn group(host: &Host, user: &str) -> Result<String, Refusal> {
    let Some(account) = host.account(user)? else { return Ok(user.to_owned()) };
    let groups = host.text("/etc/group")?.unwrap_or_default();
    let name = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(account.gid)).then(|| name.to_owned())
    });
    Ok(name.unwrap_or_else(|| user.to_owned()))
}

/// Returns the names of the sections of a file, in small letters as Samba compares them.
fn sections(text: &str) -> Vec<String> {
    let name =
        |line: &str| Some(line.trim().strip_prefix('[')?.split(']').next()?.trim().to_lowercase());
    text.lines().filter_map(name).collect()
}

fn text(wish: &Wish) -> Result<String, Refusal> {
    let mut text = String::new();
    for share in &wish.shares {
        for (what, value) in [("name", &share.name), ("path", &share.path), ("user", &wish.user)] {
            plain(&format!("samba.shares.{what}"), value)?;
        }
        let is_special = ["global", "homes", "printers", "print$", "ipc$"];
        if share.name.contains(['[', ']', '/', '\\', '%'])
            || is_special.contains(&&*share.name.to_lowercase())
        {
            let why = format!("a share cannot be called `{}`", share.name);
            return Err(Refusal::new("samba.shares.name", why, "give it a plain name"));
        }
        if share.path.contains(['%', '"']) {
            let why = format!("Samba reads `{}` as another path", share.path);
            return Err(Refusal::new("samba.shares.path", why, "give it a plainer path"));
        }
        let who =
            if share.users.is_empty() { vec![wish.user.clone()] } else { share.users.clone() };
        who.iter().try_for_each(|who| plain("samba.shares.valid_users", who))?;
        // A String takes everything that is written to it.
        let _written = writeln!(
            text,
            "[{}]\n    path = {}\n    valid users = {}\n    read only = no\n    force user = {}\n    create mask = 0660\n    directory mask = 0770",
            share.name,
            share.path,
            who.join(" "),
            wish.user
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(name: &str, path: &str) -> Wish {
        let share = Share { name: name.to_owned(), path: path.to_owned(), users: Vec::new() };
        Wish { user: "heads".to_owned(), shares: vec![share] }
    }

    #[test]
    fn a_share_is_a_section_of_whom_it_belongs_to() {
        let text = text(&wish("data", "/tank/data")).unwrap();

        assert!(
            text.starts_with("[data]\n    path = /tank/data\n    valid users = heads\n"),
            "{text}"
        );
    }

    #[test]
    fn what_would_be_another_section_is_refused() {
        for bad in ["", "a]\n[global", "global", "a\nb", "%U"] {
            assert!(text(&wish(bad, "/tank")).is_err(), "{bad:?}");
        }
        assert!(text(&wish("a", "/tank\ninclude = /x")).is_err());
    }
}
