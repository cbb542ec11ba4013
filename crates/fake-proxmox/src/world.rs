//! A made-up node, to be made and to be looked at.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::conf::Conf;
use crate::die::{Die, Outcome};
use crate::node::{Node, write_deep};
use crate::run::Run;
use crate::running;
use crate::settings::{Settings, StorageSetting};
use crate::storage::{Kind, Storages};
use crate::{PROGRAMS, apparmor, vmlist};

/// The made-up node could not be made, changed or read.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Broken(String);

impl From<Die> for Broken {
    fn from(die: Die) -> Self {
        Self(die.text().trim_end().to_owned())
    }
}

/// Makes the folder of a node without guests. `binary` is the program `fake-pve`.
pub fn init(root: &Path, settings: &Settings, binary: &Path) -> Result<World, Broken> {
    make(root, settings, binary)?;
    World::open(root)
}

fn make(root: &Path, settings: &Settings, binary: &Path) -> Outcome<()> {
    fs::create_dir_all(root)?;
    let root = fs::canonicalize(root)?;
    let binary = fs::canonicalize(binary)?;
    let node = Node::new(&root);
    let name = &settings.node;
    for folder in [
        "dev",
        "etc/apparmor.d",
        "etc/pve/firewall",
        "etc/network",
        "fake/mirror",
        "fake/running",
        "fake/storage",
        "proc/net",
        "run/lock/lxc",
        "run/lock/qemu-server",
        "run/pve",
        "sys/class/net",
        "sys/fs/cgroup/lxc",
        "usr/bin",
        "usr/sbin",
        "var/lib/lxc",
    ] {
        fs::create_dir_all(root.join(folder))?;
    }
    for kind in ["lxc", "qemu-server"] {
        fs::create_dir_all(root.join("etc/pve/nodes").join(name).join(kind))?;
        link(&format!("nodes/{name}/{kind}"), &root.join("etc/pve").join(kind))?;
    }
    link("../run/lock", &root.join("var/lock"))?;
    // What fetches images is no program of Proxmox: it is this machine's own.
    let wget = Path::new("/usr/bin/wget");
    if wget.exists() {
        link(&wget.to_string_lossy(), &root.join("usr/bin/wget"))?;
    }
    for program in PROGRAMS {
        let folder = if program == "lxc-attach" || program == "umount" { "bin" } else { "sbin" };
        link(&binary.to_string_lossy(), &root.join("usr").join(folder).join(program))?;
    }
    let local = StorageSetting { name: "local".into(), kind: "dir".into(), gib: 1000 };
    let mut settings = settings.clone();
    if !settings.storages.iter().any(|storage| storage.name == "local") {
        settings.storages.insert(0, local);
    }
    let mut config = String::new();
    for storage in &settings.storages {
        config.push_str(&section(storage)?);
        make_storage(&node, storage)?;
    }
    write_deep(&node.at("/etc/pve/storage.cfg"), &config)?;
    for bridge in &settings.bridges {
        make_bridge(&node, bridge)?;
    }
    for file in ["/etc/subuid", "/etc/subgid"] {
        write_deep(&node.at(file), "root:100000:65536\n")?;
    }
    write_deep(&node.at("/etc/hostname"), &format!("{name}\n"))?;
    write_deep(&node.at("/etc/resolv.conf"), "nameserver 10.77.0.1\n")?;
    let unix = "Num               RefCount Protocol Flags    Type St Inode Path\n";
    write_deep(&node.at("/proc/net/unix"), unix)?;
    write_deep(&node.at("/proc/mounts"), "")?;
    apparmor::begin(&node)?;
    node.write_json("settings.json", &settings)?;
    vmlist::refresh(&node)
}

fn make_bridge(node: &Node, name: &str) -> Outcome<()> {
    let own = format!("/sys/class/net/{name}");
    fs::create_dir_all(node.at(format!("{own}/bridge")))?;
    write_deep(&node.at(format!("{own}/flags")), "0x1003\n")?;
    write_deep(&node.at(format!("{own}/mtu")), "1500\n")
}

fn link(to: &str, at: &Path) -> Outcome<()> {
    if at.is_symlink() {
        fs::remove_file(at)?;
    }
    Ok(symlink(to, at)?)
}

/// Returns the section of a storage in `storage.cfg`.
fn section(storage: &StorageSetting) -> Outcome<String> {
    let StorageSetting { name, kind, .. } = storage;
    let Some(known) = Kind::named(kind) else {
        return Err(Die::new(format!(
            "storage {name}: there is no kind '{kind}'; take dir, btrfs, zfspool, lvmthin, lvm or nfs"
        )));
    };
    let own = match known {
        Kind::Dir if name == "local" => {
            return Ok("dir: local\n\tpath /var/lib/vz\n\tcontent \
                       vztmpl,backup,iso,snippets,import\n\n"
                .into());
        }
        Kind::Dir | Kind::Btrfs => format!("\tpath /var/lib/{name}\n"),
        Kind::Nfs => {
            format!("\tpath /mnt/pve/{name}\n\tserver 10.77.0.2\n\texport /export/{name}\n")
        }
        Kind::ZfsPool => format!("\tpool {name}\n\tsparse 1\n"),
        Kind::LvmThin => "\tthinpool data\n\tvgname pve\n".into(),
        Kind::Lvm => format!("\tvgname {name}\n"),
    };
    Ok(format!("{kind}: {name}\n{own}\tcontent rootdir,images\n\n"))
}

fn make_storage(node: &Node, storage: &StorageSetting) -> Outcome<()> {
    let shelf = node.own("storage").join(&storage.name);
    fs::create_dir_all(&shelf)?;
    let path = match storage.kind.as_str() {
        "dir" if storage.name == "local" => {
            for folder in ["template/cache", "snippets", "dump"] {
                fs::create_dir_all(shelf.join(folder))?;
            }
            "/var/lib/vz".to_owned()
        }
        "dir" | "btrfs" => {
            for folder in ["dump", "images", "private"] {
                fs::create_dir_all(shelf.join(folder))?;
            }
            format!("/var/lib/{}", storage.name)
        }
        "nfs" => format!("/mnt/pve/{}", storage.name),
        _ => return Ok(()),
    };
    let path = node.at(path);
    path.parent().map(fs::create_dir_all);
    link(&shelf.to_string_lossy(), &path)
}

/// A made-up node, to be looked at.
#[derive(Clone, Debug)]
pub struct World {
    node: Node,
}

/// A volume of a made-up node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SeenVolume {
    /// Its name, as `local-lvm:vm-950-disk-0`.
    pub id: String,
    /// How large it may become, in bytes.
    pub size: u64,
    /// The folder with its content.
    pub folder: PathBuf,
}

impl World {
    /// Takes a folder that [`init`] made.
    pub fn open(root: &Path) -> Result<Self, Broken> {
        let node = Node::new(fs::canonicalize(root).map_err(Die::from)?);
        if node.own("settings.json").is_file() {
            return Ok(Self { node });
        }
        Err(Broken(format!("there is no made-up node in {}", root.display())))
    }

    /// Returns the folder.
    pub fn root(&self) -> &Path {
        self.node.root()
    }

    /// Returns where a path of the node is in truth.
    pub fn at(&self, path: &str) -> PathBuf {
        self.node.at(path)
    }

    /// Returns the program of this name.
    pub fn program(&self, name: &str) -> PathBuf {
        let folder = if name == "lxc-attach" || name == "umount" { "bin" } else { "sbin" };
        self.node.root().join("usr").join(folder).join(name)
    }

    /// Returns what the node has, and how slow it is.
    pub fn settings(&self) -> Result<Settings, Broken> {
        Ok(self.node.read_json("settings.json")?.unwrap_or_default())
    }

    /// Changes what the node has, or how slow it is. Storages are not made by this.
    pub fn set(&self, settings: &Settings) -> Result<(), Broken> {
        Ok(self.node.write_json("settings.json", settings)?)
    }

    /// Puts an archive where `local:vztmpl/NAME` finds it.
    pub fn add_template(&self, name: &str, file: &Path) -> Result<(), Broken> {
        let to = self.node.own("storage/local/template/cache").join(name);
        fs::copy(file, to).map_err(Die::from)?;
        Ok(())
    }

    /// Puts a bridge or `VNet` on the node.
    pub fn add_bridge(&self, name: &str) -> Result<(), Broken> {
        Ok(make_bridge(&self.node, name)?)
    }

    fn run(&self) -> Result<Run, Broken> {
        Ok(Run::new(self.node.clone(), self.settings()?, "pct"))
    }

    /// Returns the text of a container's configuration.
    pub fn conf(&self, vmid: u32) -> Result<Option<String>, Broken> {
        let path = self.run()?.conf_path(vmid);
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(err) => Err(Die::from(err).into()),
        }
    }

    /// Writes a container's configuration as somebody with an editor would.
    pub fn write_conf(&self, vmid: u32, text: &str) -> Result<(), Broken> {
        Ok(write_deep(&self.run()?.conf_path(vmid), text)?)
    }

    /// Returns a key of a container's configuration.
    pub fn value(&self, vmid: u32, key: &str) -> Result<Option<String>, Broken> {
        let text = self.conf(vmid)?.unwrap_or_default();
        Ok(Conf::parse(vmid, &text).0.main.get(key).map(str::to_owned))
    }

    /// Returns the numbers of the containers of this node.
    pub fn containers(&self) -> Result<Vec<u32>, Broken> {
        Ok(self.run()?.containers()?)
    }

    /// Whether a container runs.
    pub fn is_running(&self, vmid: u32) -> bool {
        running::is_running(&self.node, vmid)
    }

    /// Returns the number of the first process of a container that runs.
    pub fn pid(&self, vmid: u32) -> Option<u32> {
        running::life(&self.node, vmid).ok().map(|life| life.pid)
    }

    /// Returns all volumes of all storages.
    pub fn volumes(&self) -> Result<Vec<SeenVolume>, Broken> {
        let run = self.run()?;
        let mut seen = Vec::new();
        for storage in Storages::read(&run)?.all() {
            for (volume, label) in run.volumes(storage)? {
                let folder = run.folder(&volume, None);
                seen.push(SeenVolume { id: volume.id(), size: label.size, folder });
            }
        }
        Ok(seen)
    }

    /// Returns the folder that is the content of a volume.
    pub fn volume(&self, id: &str) -> Result<Option<PathBuf>, Broken> {
        Ok(self.volumes()?.into_iter().find(|volume| volume.id == id).map(|volume| volume.folder))
    }

    /// Returns what is mounted below `/var/lib/lxc`, which nothing is but for a crash.
    pub fn stale_mounts(&self) -> Vec<String> {
        let text = fs::read_to_string(self.at("/proc/mounts")).unwrap_or_default();
        text.lines().filter_map(|line| line.split(' ').nth(1)).map(str::to_owned).collect()
    }
}
