//! What Proxmox does inside a container: finds out what it is, names it, tells it its network.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::conf::Conf;
use crate::die::{Die, ENOENT, Outcome};
use crate::process;
use crate::run::Run;
use crate::say::{self, add};
use crate::storage::{Storages, Volume};

/// Resolves a path as the container would, so that no link leads out of it.
pub(crate) fn inside(root: &Path, path: &str) -> PathBuf {
    let mut done = PathBuf::new();
    let mut waiting: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    // A loop of links ends here, and what is returned does not exist.
    for _ in 0..400 {
        let Some(part) = waiting.pop() else { break };
        match part.as_str() {
            "" | "." => {}
            ".." => {
                done.pop();
            }
            part => {
                let next = done.join(part);
                match fs::read_link(root.join(&next)) {
                    Ok(link) => {
                        if link.is_absolute() {
                            done = PathBuf::new();
                        }
                        let parts = link.components().rev().filter_map(|part| match part {
                            Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
                            Component::ParentDir => Some("..".into()),
                            Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
                        });
                        waiting.extend(parts);
                    }
                    Err(_) => done = next,
                }
            }
        }
    }
    root.join(done)
}

fn read(root: &Path, path: &str) -> Option<String> {
    fs::read_to_string(inside(root, path)).ok()
}

fn write(root: &Path, path: &str, text: &str) -> Outcome<()> {
    let path = inside(root, path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, text)?)
}

const PLUGINS: [&str; 12] = [
    "alpine",
    "archlinux",
    "centos",
    "debian",
    "devuan",
    "fedora",
    "gentoo",
    "openeuler",
    "opensuse",
    "ubuntu",
    "nixos",
    "unmanaged",
];

fn detect(root: &Path) -> Outcome<String> {
    let release = read(root, "/etc/os-release").or_else(|| read(root, "/usr/lib/os-release"));
    let id = release.as_deref().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("ID="));
        line.map(|id| id.trim().trim_matches(['"', '\'']).to_owned())
    });
    if let Some(id) = id {
        if PLUGINS.contains(&id.as_str()) {
            return Ok(id);
        }
        match id.as_str() {
            "opensuse-leap" | "opensuse-tumbleweed" | "opensuse-slowroll" | "sles" => {
                return Ok("opensuse".into());
            }
            "arch" => return Ok("archlinux".into()),
            "rocky" | "almalinux" => return Ok("centos".into()),
            "openEuler" => return Ok("openeuler".into()),
            _ => say::err(&format!(
                "unknown ID '{id}' in /etc/os-release file, trying fallback detection\n"
            )),
        }
    }
    let marks = [
        ("/etc/debian_version", "debian"),
        ("/etc/devuan_version", "devuan"),
        ("/etc/SuSE-brand", "opensuse"),
        ("/etc/SuSE-release", "opensuse"),
        ("/etc/fedora-release", "fedora"),
        ("/etc/centos-release", "centos"),
        ("/etc/redhat-release", "centos"),
        ("/etc/arch-release", "archlinux"),
        ("/etc/alpine-release", "alpine"),
        ("/etc/gentoo-release", "gentoo"),
    ];
    if let Some((_, kind)) = marks.iter().find(|(mark, _)| inside(root, mark).is_file()) {
        return Ok((*kind).into());
    }
    if inside(root, "/etc/os-release").is_file() {
        return Err(Die::new("unable to detect OS distribution"));
    }
    say::err(
        "/etc/os-release file not found and autodetection failed, falling back to 'unmanaged'\n",
    );
    Ok("unmanaged".into())
}

/// Finds out what is in a container, and writes it into its configuration.
pub(crate) fn recognise(root: &Path, conf: &mut Conf) -> Outcome<()> {
    let given = conf.main.get("ostype").map(str::to_owned);
    let kind = match &given {
        Some(kind) if kind == "unmanaged" => kind.clone(),
        _ => detect(root)?,
    };
    if let Some(expected) = given.filter(|expected| *expected != kind) {
        if !root.join("etc").exists() {
            say::err("WARNING: /etc not present in CT, is the rootfs mounted?\n");
        }
        say::err(&format!("got unexpected ostype ({kind} != {expected})\n"));
    }
    if !conf.main.has("ostype") {
        conf.main.set("ostype", kind.clone());
    }
    if conf.main.has("arch") {
        return Ok(());
    }
    let arch = (kind != "unmanaged").then(|| architecture(root)).flatten();
    if let Some(arch) = arch {
        say::out(&format!("Detected container architecture: {arch}\n"));
    } else {
        say::out("Falling back to amd64.\nUse `pct set VMID --arch ARCH` to change.\n");
    }
    conf.main.set("arch", arch.unwrap_or("amd64"));
    Ok(())
}

fn architecture(root: &Path) -> Option<&'static str> {
    let bytes = fs::read(inside(root, "/bin/sh")).unwrap_or_default();
    let is_elf = bytes.starts_with(b"\x7fELF");
    let machine =
        bytes.get(18..20).map(|two| two.iter().rev().fold(0_u16, |m, b| m << 8 | u16::from(*b)));
    match (is_elf, machine, bytes.get(4)) {
        (true, Some(0x3e), _) => Some("amd64"),
        (true, Some(0x03), _) => Some("i386"),
        (true, Some(0xb7), _) => Some("arm64"),
        (true, Some(0x28), _) => Some("armhf"),
        (true, Some(0xf3), Some(1)) => Some("riscv32"),
        (true, Some(0xf3), _) => Some("riscv64"),
        _ => {
            say::err("Architecture detection failed: '/bin/sh' does not resolve to an ELF!\n");
            None
        }
    }
}

/// Writes what a container must know of itself: at its making, and at every start.
pub(crate) fn set_up(run: &Run, root: &Path, conf: &Conf) -> Outcome<()> {
    if conf.main.get("ostype") == Some("unmanaged") {
        return Ok(());
    }
    let host = fs::read_to_string(run.node.at("/etc/resolv.conf")).unwrap_or_default();
    let hostname = conf.main.get("hostname").unwrap_or("localhost");
    let short = hostname.split('.').next().unwrap_or(hostname);
    let search =
        conf.main.get("searchdomain").map(str::to_owned).or_else(|| {
            host.lines().find_map(|line| line.strip_prefix("search ")).map(str::to_owned)
        });
    if matches!(conf.main.get("ostype"), Some("debian" | "ubuntu" | "devuan" | "alpine")) {
        network(root, conf)?;
    }
    hosts(root, conf, hostname, short, search.as_deref())?;
    write(root, "/etc/hostname", &format!("{short}\n"))?;
    let own = conf.main.get("nameserver").map(|list| list.split(' ').map(str::to_owned).collect());
    let servers: Vec<String> = own.unwrap_or_else(|| {
        host.lines()
            .filter_map(|line| line.strip_prefix("nameserver "))
            .map(|server| server.trim().to_owned())
            .collect()
    });
    let mut text = search.map(|search| format!("search {search}\n")).unwrap_or_default();
    text.extend(servers.iter().map(|server| format!("nameserver {server}\n")));
    section(root, "/etc/resolv.conf", &text, true)
}

fn hosts(
    root: &Path,
    conf: &Conf,
    hostname: &str,
    short: &str,
    search: Option<&str>,
) -> Outcome<()> {
    let domains = search.unwrap_or_default().split_whitespace();
    let names = if hostname.contains('.') {
        format!("{hostname} {short}")
    } else {
        let full: Vec<String> = domains.map(|domain| format!("{hostname}.{domain}")).collect();
        [full.as_slice(), &[hostname.to_owned()]].concat().join(" ")
    };
    let text = read(root, "/etc/hosts").map(|text| without_section(&text)).unwrap_or_default();
    let has = |ip: &str| text.lines().any(|line| line.split_whitespace().next() == Some(ip));
    let mut lines = String::new();
    if !has("127.0.0.1") {
        lines.push_str("127.0.0.1 localhost.localnet localhost\n");
    }
    if !has("::1") {
        lines.push_str("::1 localhost.localnet localhost\n");
    }
    let address = Run::nets(conf).values().find_map(|net| {
        let ip = net.get("ip").or_else(|| net.get("ip6"))?;
        ip.split_once('/').map(|(ip, _)| ip.to_owned())
    });
    let address = address.unwrap_or_else(|| "127.0.1.1".into());
    add!(lines, "{address} {names}\n");
    section(root, "/etc/hosts", &lines, false)
}

const BEGIN: &str = "# --- BEGIN PVE ---";
const END: &str = "# --- END PVE ---";

fn without_section(text: &str) -> String {
    let mut within = false;
    let mut kept = String::new();
    for line in text.lines() {
        within = within || line.starts_with(BEGIN);
        if !within {
            add!(kept, "{line}\n");
        }
        if line.starts_with(END) {
            within = false;
        }
    }
    kept
}

/// Writes the part of a file that is Proxmox's.
fn section(root: &Path, path: &str, lines: &str, replaces: bool) -> Outcome<()> {
    let own = format!("{BEGIN}\n{lines}{END}\n");
    let old = read(root, path).unwrap_or_default();
    if let (Some(begin), Some(end)) = (old.find(BEGIN), old.find(END)) {
        let head = old.get(..begin).unwrap_or_default();
        let tail = old.get(end + END.len()..).unwrap_or_default().trim_start_matches('\n');
        return write(root, path, &format!("{head}{own}{tail}"));
    }
    if lines.is_empty() {
        return Ok(());
    }
    write(root, path, &if replaces { own } else { format!("{old}{own}") })
}

/// Writes `/etc/network/interfaces`: what is there for other interfaces stays.
fn network(root: &Path, conf: &Conf) -> Outcome<()> {
    let nets = Run::nets(conf);
    if nets.is_empty() {
        return Ok(());
    }
    let is_ours = |line: &str| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("auto" | "iface"))
            && words.next().is_some_and(|name| {
                nets.values().any(|net| net.get("name").is_some_and(|known| known == name))
            })
    };
    let mut text = String::new();
    let mut skipping = false;
    for line in read(root, "/etc/network/interfaces").unwrap_or_default().lines() {
        let goes_on = line.starts_with(char::is_whitespace) && !line.trim().is_empty();
        skipping = is_ours(line) || (skipping && (goes_on || line.trim().is_empty()));
        if !skipping {
            add!(text, "{line}\n");
        }
    }
    if !text.lines().any(|line| line.trim() == "auto lo") {
        text = format!("auto lo\niface lo inet loopback\niface lo inet6 loopback\n\n{text}");
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    for net in nets.values() {
        let name = net.get("name").map(String::as_str).unwrap_or_default();
        if net.contains_key("ip") || net.contains_key("ip6") {
            add!(text, "auto {name}\n");
        }
        for (key, family, gateway) in [("ip", "inet", "gw"), ("ip6", "inet6", "gw6")] {
            match net.get(key).map(String::as_str) {
                None => {}
                Some(word @ ("dhcp" | "manual" | "auto")) => {
                    add!(text, "iface {name} {family} {word}\n\n");
                }
                Some(address) => {
                    add!(text, "iface {name} {family} static\n\taddress {address}\n");
                    if let Some(gateway) = net.get(gateway) {
                        add!(text, "\tgateway {gateway}\n");
                    }
                    text.push('\n');
                }
            }
        }
    }
    write(root, "/etc/network/interfaces", &text)
}

/// Puts keys where `sshd` looks for root's.
pub(crate) fn authorize(root: &Path, keys: &str) -> Outcome<()> {
    write(root, "/root/.ssh/authorized_keys", keys)
}

/// Returns what is to be said of a systemd that cannot isolate its services.
pub(crate) fn nesting_warning(root: &Path, conf: &Conf) -> Option<String> {
    let features = conf.main.get("features").unwrap_or_default();
    let features = crate::schema::parts::parse(&crate::conf::keys::FEATURES, features, "").ok()?;
    let has_nesting = features.get("nesting").is_some_and(|is| is == "1");
    if has_nesting || conf.main.get("ostype") == Some("unmanaged") {
        return None;
    }
    let init = inside(root, "/sbin/init");
    if init.file_name()? != "systemd" {
        return None;
    }
    // The real one asks the program which library it needs; the library is beside it.
    let libraries = fs::read_dir(init.parent()?).ok()?;
    let version: u32 = libraries.flatten().find_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let version = name.strip_prefix("libsystemd-shared-")?.split(['.', '-']).next()?.to_owned();
        version.parse().ok()
    })?;
    (version > 241).then(|| format!("Systemd {version} detected. You may need to enable nesting."))
}

/// Returns the path of a hook script that can be run.
pub(crate) fn check_hookscript(run: &Run, id: &str) -> Outcome<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let volume = Volume::parse(&Storages::read(run)?, id)?;
    if volume.content != "snippets" {
        return Err(Die::new(format!("'{id}' is not in the snippets directory")));
    }
    let Ok(found) = fs::metadata(run.folder(&volume, None)) else {
        return Err(Die::new(format!("script '{id}' does not exist")).errno(ENOENT));
    };
    if found.permissions().mode() & 0o111 == 0 {
        return Err(Die::new(format!("script '{id}' is not executable")));
    }
    Ok(volume.path())
}

/// Runs the hook script of a container; whether it may stop what is being done is up to the phase.
pub(crate) fn hook(run: &Run, vmid: u32, conf: &Conf, phase: &str) -> Outcome<()> {
    let Some(id) = conf.main.get("hookscript") else { return Ok(()) };
    let tried = check_hookscript(run, id).and_then(|path| {
        let mut command = process::program(run.node.at(&path));
        command.arg(vmid.to_string()).arg(phase).stdin(std::process::Stdio::null());
        let shown = format!("{path} {vmid} {phase}");
        process::run(run.signals.as_ref(), command, &shown)
    });
    let Err(die) = tried else { return Ok(()) };
    let words = format!("hookscript error for {vmid} on {phase}: {}", die.text());
    if phase == "pre-start" {
        return Err(Die::new(words));
    }
    say::err(&format!("{words}\n"));
    Ok(())
}
