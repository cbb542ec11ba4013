//! What a driver stands on in the suite.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backoff::ExponentialBuilder;
use phoenix_domain::{
    Begun, Change, Facets, Goal, GuestSpec, Nic, Owner, PackName, Repair, Seen, Step, StepName,
};
use phoenix_engine::{Caution, Halt, Journal, Outcome, Taken, Walk};
use phoenix_hypervisor::lxc::Lxc;
use phoenix_hypervisor::proxmox::Proxmox;
use phoenix_hypervisor::simulated::{Effects, Settings, Simulated, admin, init};
use phoenix_hypervisor::{Ear, Hand, Hypervisor, Lock};
use phoenix_testkit::lxc::LxcLab;
use phoenix_testkit::pve::PveNode;
use phoenix_testkit::{Builder, Purse, guest, lxc, pack, pve};
use tempfile::{TempDir, tempdir};

pub(crate) const AGAIN: Goal = Goal::Repaired { by: Repair::Recreate };

/// A host, its driver, and how a test puts things there behind the driver's back.
pub(crate) trait Ground: Default {
    /// The driver.
    type Host: Hypervisor;
    /// What guests are made of.
    const ARCHIVE: &str;
    /// Where their disks are.
    const STORAGE: &str;

    fn host(&self) -> &Self::Host;

    /// Puts a file into the library: `features/NAME/install.sh`, `scripts/NAME`.
    fn write(&self, path: &str, text: &str);

    /// Puts a feature into the library.
    fn feature(&self, name: &str, script: &str) {
        self.write(&format!("features/{name}/install.sh"), script);
    }

    /// Puts a pack there, as if it had been brought along.
    fn brought(&self, files: &[(&str, &str)]) -> PackName {
        let (pack, archive) = pack(files);
        self.write(&format!("packs/{pack}"), &archive);
        pack
    }

    /// Returns the secrets that guests may be given.
    fn purse(&self) -> &Purse;

    /// Takes the mark off a guest.
    fn disown(&self, want: &GuestSpec);

    /// Returns a file of a guest that runs, or nothing.
    fn file(&self, vmid: u64, path: &str) -> Option<String>;

    /// Begins a guest out of the archive.
    fn guest(&self, vmid: u64) -> Builder {
        guest(vmid).archive(Self::ARCHIVE).storage(Self::STORAGE).disk(1)
    }

    /// Begins a clone.
    fn clone_of(&self, parent: u64, vmid: u64) -> Builder {
        guest(vmid).of(parent).storage(Self::STORAGE).disk(1)
    }

    async fn walk(&self, want: &GuestSpec, goal: Goal) -> Outcome {
        self.walk_heard(want, goal).await.0
    }

    /// Walks, and returns what was said inside of the guest as well.
    async fn walk_heard(&self, want: &GuestSpec, goal: Goal) -> (Outcome, Vec<String>) {
        self.walk_told(want, goal, &Listening::default()).await
    }

    /// Walks until somebody stops it before the change after so many.
    async fn walk_cut(&self, want: &GuestSpec, goal: Goal, after: usize) -> Outcome {
        let journal = Listening::until(after);
        self.walk_told(want, goal, &journal).await.0
    }

    async fn walk_told(
        &self,
        want: &GuestSpec,
        goal: Goal,
        journal: &Listening,
    ) -> (Outcome, Vec<String>) {
        self.walk_way(want, &goal.way(want, Some(&begun())), journal).await
    }

    async fn walk_way(
        &self,
        want: &GuestSpec,
        way: &[Box<dyn Step>],
        journal: &Listening,
    ) -> (Outcome, Vec<String>) {
        let said = Arc::<Mutex<Vec<String>>>::default();
        let memory = Arc::clone(&said);
        let ear = Ear::new(move |line| memory.lock().unwrap().push(line.to_owned()));
        let patience = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(1))
            .with_max_times(0);
        let folder = tempdir().unwrap();
        let lock = Lock::try_take(&folder.path().join("lock")).unwrap();
        let walk = Walk {
            want,
            way,
            host: self.host(),
            journal,
            hand: &Hand::holding([&lock]).heard_by(ear),
            caution: Caution::None,
            patience,
        };
        let outcome = walk.go().await;
        let said = std::mem::take(&mut *said.lock().unwrap());
        (outcome, said)
    }

    /// Walks, and is surprised by anything but an arrival; returns the number of changes.
    #[expect(clippy::panic, reason = "what did not arrive should stop the test")]
    async fn arrive(&self, want: &GuestSpec) -> u32 {
        match self.walk(want, Goal::Present).await {
            Outcome::Arrived { changes, .. } => changes,
            outcome @ (Outcome::Halted { .. } | Outcome::Stuck { .. }) => {
                panic!("{} did not arrive: {outcome:?}", want.vmid)
            }
        }
    }

    async fn look(&self, want: &GuestSpec) -> Seen {
        self.host().look(want, Facets::Inside).await.unwrap()
    }
}

/// Returns what every walk here goes by: it is always the same one that goes on.
pub(crate) fn begun() -> Begun {
    Begun::foretold(None)
}

/// Gives a guest an interface in the lab's network.
pub(crate) fn on_net(mut spec: GuestSpec, address: &str) -> GuestSpec {
    spec.nics = vec![Nic {
        name: Some("eth0".into()),
        bridge: "vmbr0".parse().unwrap(),
        address: address.parse().unwrap(),
        gateway: None,
        mac: None,
        nameservers: Vec::new(),
    }];
    spec
}

/// A journal that hears everything, and stops nothing before so many changes were made.
#[derive(Default)]
pub(crate) struct Listening {
    most: Option<usize>,
    made: AtomicUsize,
}

impl Listening {
    /// Returns one that stops before the change after so many.
    pub(crate) fn until(most: usize) -> Self {
        Self { most: Some(most), ..Self::default() }
    }
}

impl Journal for Listening {
    async fn before(&self, _step: StepName, _change: &Change) -> Result<(), Halt> {
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        if self.most.is_some_and(|most| made >= most) { Err(Halt::ShuttingDown) } else { Ok(()) }
    }

    fn stumbled(&self, _step: StepName, _change: &Change, _why: &str, _after: Duration) {}

    async fn taken(&self, _taken: Taken) -> Result<(), Halt> {
        Ok(())
    }
}

/// The simulated host.
pub(crate) struct Pretended {
    dir: TempDir,
    host: Simulated,
    purse: Purse,
}

impl Default for Pretended {
    fn default() -> Self {
        let dir = tempdir().unwrap();
        init(dir.path(), &Settings::instant()).unwrap();
        let host = Simulated::open(dir.path(), Effects::InProcess).unwrap();
        Self { dir, host, purse: Purse::default() }
    }
}

impl Ground for Pretended {
    type Host = Simulated;
    const ARCHIVE: &str = "debian-12.tar.zst";
    const STORAGE: &str = "local-lvm";

    fn host(&self) -> &Simulated {
        &self.host
    }

    fn write(&self, _path: &str, _text: &str) {}

    fn purse(&self) -> &Purse {
        &self.purse
    }

    fn disown(&self, want: &GuestSpec) {
        admin::give(self.dir.path(), want.into(), Owner::Somebody).unwrap();
    }

    fn file(&self, _vmid: u64, _path: &str) -> Option<String> {
        None
    }
}

/// The made-up Proxmox node.
pub(crate) struct MadeUp {
    pub(crate) node: PveNode,
    host: Proxmox,
    purse: Purse,
}

impl Default for MadeUp {
    fn default() -> Self {
        let node = PveNode::default();
        let (mut told, purse) = (node.node(), Purse::default());
        told.library.vault = Some(Arc::new(purse.clone()));
        let host = Proxmox::open(&told).unwrap();
        Self { node, host, purse }
    }
}

impl Ground for MadeUp {
    type Host = Proxmox;
    const ARCHIVE: &str = pve::ARCHIVE;
    const STORAGE: &str = "fast";

    fn host(&self) -> &Proxmox {
        &self.host
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.node.dir().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn purse(&self) -> &Purse {
        &self.purse
    }

    fn disown(&self, want: &GuestSpec) {
        let vmid = want.vmid.to_string().parse().unwrap();
        let conf = self.node.world.conf(vmid).unwrap().unwrap();
        let theirs: Vec<_> = conf.lines().filter(|line| !line.starts_with('#')).collect();
        self.node.world.write_conf(vmid, &format!("{}\n", theirs.join("\n"))).unwrap();
    }

    fn file(&self, vmid: u64, path: &str) -> Option<String> {
        let pid = self.node.world.pid(u32::try_from(vmid).unwrap()).unwrap();
        let root = self.node.world.at(&format!("/proc/{pid}/root"));
        fs::read_to_string(root.join(path.trim_start_matches('/'))).ok()
    }
}

/// Real containers.
pub(crate) struct Plain {
    pub(crate) lab: LxcLab,
    host: Lxc,
    purse: Purse,
}

impl Default for Plain {
    fn default() -> Self {
        let lab = LxcLab::default();
        let (mut machine, purse) = (lab.machine(), Purse::default());
        machine.library.vault = Some(Arc::new(purse.clone()));
        let host = Lxc::open(&machine).unwrap();
        Self { lab, host, purse }
    }
}

impl Ground for Plain {
    type Host = Lxc;
    const ARCHIVE: &str = lxc::ARCHIVE;
    const STORAGE: &str = "fast";

    fn host(&self) -> &Lxc {
        &self.host
    }

    fn write(&self, path: &str, text: &str) {
        self.lab.write(path, text);
    }

    fn purse(&self) -> &Purse {
        &self.purse
    }

    fn disown(&self, want: &GuestSpec) {
        let sheet = self.lab.machine().dir.join(format!("guests/{}/phoenix.json", want.vmid));
        let text = fs::read_to_string(&sheet).unwrap();
        let theirs = text.replace("\"cell\": \"home\"", "\"cell\": \"away\"");
        assert_ne!(theirs, text);
        fs::write(sheet, theirs).unwrap();
    }

    fn file(&self, vmid: u64, path: &str) -> Option<String> {
        let script = format!("cat '{path}' 2>/dev/null || :");
        Some(self.lab.inside(vmid, &["sh", "-c", &script]))
    }
}
