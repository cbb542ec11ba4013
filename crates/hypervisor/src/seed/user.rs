//! `user-data`: what is done in a machine once, at its first boot.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phoenix_domain::{GuestSpec, Machine, User, VolumeSource};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::{Names, SeedError, hash};

/// What makes Proxmox able to speak to it, and what mounts directories of NFS servers.
const AGENT: &str = "qemu-guest-agent";
const NFS: &str = "nfs-common";
/// How a directory of an NFS server is mounted: the machine boots without it, and it waits for the network.
const NFS_OPTIONS: &str = "defaults,nofail,_netdev";
/// Starts the agent, now and whenever the machine does, whatever starts things there.
const START_AGENT: &str = "if [ -d /run/systemd/system ]; then \
     systemctl enable qemu-guest-agent; systemctl start qemu-guest-agent; \
     else service qemu-guest-agent start; fi";
/// What a key begins with that may log in.
const KEYS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// What is done in a machine once.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "Cloud-Init has them")]
pub(super) struct UserData<'u> {
    hostname: &'u str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fqdn: Option<&'u str>,
    manage_etc_hosts: bool,
    // Nobody cannot be said: without one, the image's own user is made, who may not log in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<Account<'u>>,
    ssh_pwauth: bool,
    // Another seed is another instance, and still the same machine: its keys stay.
    ssh_deletekeys: bool,
    growpart: Growpart,
    resize_rootfs: bool,
    package_update: bool,
    packages: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mounts: Vec<[String; 6]>,
    runcmd: Vec<Vec<&'static str>>,
    final_message: String,
}

#[derive(Serialize)]
struct Account<'u> {
    name: &'u str,
    groups: [&'static str; 2],
    shell: &'static str,
    sudo: &'static str,
    lock_passwd: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    passwd: Option<&'u str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh_authorized_keys: Option<[&'u str; 1]>,
}

#[derive(Serialize)]
struct Growpart {
    mode: &'static str,
    devices: [&'static str; 1],
}

/// Returns what is done in a machine once.
pub(super) fn data<'u>(
    want: &'u GuestSpec,
    machine: &'u Machine,
    names: &'u Names<'_>,
    password_hash: Option<&'u SecretString>,
) -> Result<UserData<'u>, SeedError> {
    let account = machine.user.as_ref().map(|user| account(want, user, password_hash));
    let users: Vec<_> = account.transpose()?.into_iter().collect();
    let mounts = mounts(want)?;
    let mut packages = vec![AGENT];
    let mut runcmd = vec![vec!["sh", "-c", START_AGENT]];
    if !mounts.is_empty() {
        packages.push(NFS);
        // At the first boot they are wanted before there is what mounts them.
        runcmd.push(vec!["mount", "-a", "-t", "nfs,nfs4"]);
    }
    Ok(UserData {
        hostname: names.host,
        fqdn: names.full.as_deref(),
        manage_etc_hosts: true,
        ssh_pwauth: users.iter().any(|account| account.passwd.is_some()),
        users,
        ssh_deletekeys: false,
        growpart: Growpart { mode: "auto", devices: ["/"] },
        resize_rootfs: true,
        package_update: true,
        packages,
        mounts,
        runcmd,
        final_message: format!("{} has what its first boot brings, after $UPTIME s", want.vmid),
    })
}

fn account<'u>(
    want: &GuestSpec,
    user: &'u User,
    password_hash: Option<&'u SecretString>,
) -> Result<Account<'u>, SeedError> {
    let (vmid, name) = (want.vmid, &*user.name);
    if !is_user(name) {
        return Err(SeedError::NoUser { vmid, name: name.to_owned() });
    }
    let passwd = password_hash.map(|hash| hash.expose_secret().trim());
    if passwd.is_some_and(|hash| !hash::is_strong(hash)) {
        return Err(SeedError::NoHash { vmid, name: name.to_owned() });
    }
    let key = user.ssh_key.as_deref().map(str::trim);
    if let Some(why) = key.and_then(fault_of) {
        return Err(SeedError::NoKey { vmid, name: name.to_owned(), why });
    }
    Ok(Account {
        name,
        groups: ["adm", "sudo"],
        shell: "/bin/bash",
        sudo: "ALL=(ALL) NOPASSWD:ALL",
        lock_passwd: passwd.is_none(),
        passwd,
        ssh_authorized_keys: key.map(|key| [key]),
    })
}

/// Says whether Linux may have a user of that name, who is not root.
fn is_user(name: &str) -> bool {
    let is_ours = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=32).contains(&name.len())
        && name != "root"
        && name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.bytes().all(|byte| is_ours(byte) || byte == b'_' || byte == b'-')
}

/// Returns what is wrong with a public key. It is not shown: it may be the other half.
fn fault_of(key: &str) -> Option<&'static str> {
    if key.contains("PRIVATE KEY") {
        return Some("it is a private one");
    }
    if key.chars().any(char::is_control) {
        return Some("it is more than one line");
    }
    let mut words = key.split(' ').filter(|word| !word.is_empty());
    let (kind, body) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !KEYS.contains(&kind) {
        return Some("it begins with no kind of key that is known");
    }
    // What it begins with stands inside of it once more, behind its length.
    let decoded = STANDARD.decode(body).unwrap_or_default();
    let is_whole = decoded.get(4..).is_some_and(|rest| rest.starts_with(kind.as_bytes()));
    (!is_whole).then_some("what follows its kind is not such a key")
}

fn mounts(want: &GuestSpec) -> Result<Vec<[String; 6]>, SeedError> {
    let nfs = want.volumes.iter().filter_map(|volume| match &volume.source {
        VolumeSource::Nfs { server, path } => Some((server, path, volume.place.place())),
        VolumeSource::Storage { .. } | VolumeSource::Host { .. } => None,
    });
    nfs.map(|(server, path, place)| {
        let is_ipv6 = server.contains(':') && !server.starts_with('[');
        let server = if is_ipv6 { format!("[{server}]") } else { server.to_string() };
        let from = format!("{server}:{}", path.place());
        // They become the words of a line, and Cloud-Init does not see to that.
        if [from.as_str(), place].iter().any(|word| word.contains(char::is_whitespace)) {
            return Err(SeedError::NoMount { vmid: want.vmid, place: place.to_owned() });
        }
        let words = ["nfs", NFS_OPTIONS, "0", "0"].map(str::to_owned);
        let [kind, options, dump, pass] = words;
        Ok([from, place.to_owned(), kind, options, dump, pass])
    })
    .collect()
}
