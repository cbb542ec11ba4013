//! Guests in one line: everything a test does not name has a value that nobody has to look at.

use std::str::FromStr;

use phoenix_domain::{
    Body, Container, Disk, GibiBytes, GuestSpec, IdMap, Machine, MebiBytes, ModelServer, Nic,
    Origin, Route, Seal, Vmid, Volume, VolumeSource,
};

/// A guest that is being described.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder(GuestSpec);

/// Returns an unprivileged container out of an archive, with a disk of 4 GiB and nothing in it.
pub fn guest(vmid: u64) -> Builder {
    let origin = Origin::Template { archive: "debian.tar.zst".into() };
    let root_disk = Disk { storage: word("local"), size: GibiBytes(4) };
    let body = Body::Container(Container::default());
    Builder(GuestSpec::plain(id(vmid), word(&format!("guest-{vmid}")), origin, root_disk, body))
}

/// Returns a virtual machine out of an image, with a disk of 8 GiB and nothing in it.
pub fn machine(vmid: u64) -> Builder {
    let mut builder = guest(vmid).disk(8);
    builder.0.origin = Origin::CloudImage { image: "debian-cloud.img".into() };
    builder.0.body = Body::Machine(Machine::default());
    builder
}

impl Builder {
    /// Returns the guest.
    pub fn build(self) -> GuestSpec {
        self.0
    }

    /// Clones it from this guest.
    pub fn of(mut self, parent: u64) -> Self {
        self.0.origin = Origin::Clone { parent: id(parent) };
        self
    }

    /// Makes it out of this archive.
    pub fn archive(mut self, archive: &str) -> Self {
        self.0.origin = Origin::Template { archive: archive.into() };
        self
    }

    /// Gives it another name.
    pub fn name(mut self, name: &str) -> Self {
        self.0.name = word(name);
        self
    }

    /// Gives it that many cores.
    pub fn cores(mut self, cores: u32) -> Self {
        self.0.cores = Some(cores);
        self
    }

    /// Gives it that much memory, in MiB.
    pub fn memory(mut self, mebibytes: u64) -> Self {
        self.0.memory = MebiBytes(mebibytes);
        self
    }

    /// Gives it a root disk of that many GiB.
    pub fn disk(mut self, gibibytes: u64) -> Self {
        self.0.root_disk.size = GibiBytes(gibibytes);
        self
    }

    /// Puts its root disk into this storage.
    pub fn storage(mut self, storage: &str) -> Self {
        self.0.root_disk.storage = word(storage);
        self
    }

    /// Gives it an interface with the address DHCP has for it.
    pub fn nic(mut self, bridge: &str) -> Self {
        self.0.nics.push(Nic {
            name: Some("eth0".into()),
            bridge: word(bridge),
            address: phoenix_domain::Address::Dhcp,
            gateway: None,
            mac: None,
            nameservers: Vec::new(),
        });
        self
    }

    /// Leaves a snapshot for others to be cloned from.
    pub fn seal(mut self, snapshot: &str) -> Self {
        self.0.seal = Some(Seal::Snapshot(word(snapshot)));
        self
    }

    /// Turns it into a template once it is done.
    pub fn template(mut self) -> Self {
        self.0.seal = Some(Seal::Template { snapshot: None });
        self
    }

    /// Turns it into a template, with a snapshot before.
    pub fn template_with(mut self, snapshot: &str) -> Self {
        self.0.seal = Some(Seal::Template { snapshot: Some(word(snapshot)) });
        self
    }

    /// Starts it with the host.
    pub fn at_boot(mut self) -> Self {
        self.0.boot.at_boot = true;
        self
    }

    /// Installs these features, in this order.
    pub fn features(mut self, features: &[&str]) -> Self {
        self.0.features = features.iter().map(|name| word(name)).collect();
        self
    }

    /// Runs this script last.
    pub fn application(mut self, script: &str) -> Self {
        self.0.application_script = Some(word(script));
        self
    }

    /// Lets it use these GPUs: `0`, `0,1`.
    pub fn gpus(mut self, gpus: &str) -> Self {
        self.0.gpus = word(gpus);
        self
    }

    /// Mounts a volume of its own into it, of that many GiB.
    pub fn volume(mut self, name: &str, place: &str, gibibytes: u64) -> Self {
        let source = VolumeSource::Storage {
            name: word(name),
            storage: word("local"),
            size: GibiBytes(gibibytes),
        };
        self.0.volumes.push(Volume { source, place: word(place) });
        self
    }

    /// Mounts a directory of the host into it.
    pub fn directory(mut self, path: &str, place: &str) -> Self {
        let source = VolumeSource::Host { path: word(path), owner: None, group: None };
        self.0.volumes.push(Volume { source, place: word(place) });
        self
    }

    /// Makes it wait for these guests.
    pub fn depends_on(mut self, guests: &[u64]) -> Self {
        self.0.dependencies = guests.iter().copied().map(id).collect();
        self
    }

    /// Serves this model with vLLM.
    pub fn model(mut self, model: &str) -> Self {
        self.0.model_server = Some(ModelServer {
            model: model.into(),
            served_name: None,
            model_type: None,
            port: Some(8000),
            arguments: Vec::new(),
        });
        self
    }

    /// Starts its model server with these arguments.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        if let Some(server) = &mut self.0.model_server {
            server.arguments = arguments.iter().map(|argument| (*argument).into()).collect();
        }
        self
    }

    /// Gives it a secret: under which name, and where it is kept.
    pub fn secret(mut self, name: &str, secret: &str) -> Self {
        self.0.secrets.insert(name.into(), word(secret));
        self
    }

    /// Offers what listens at this port under this name.
    pub fn route(mut self, name: &str, port: u16) -> Self {
        self.0.route = Some(Route { name: name.into(), port, scheme: None });
        self
    }

    /// Makes its root an ordinary root of the host; says nothing of a machine.
    pub fn privileged(self) -> Self {
        self.container(|container| container.unprivileged = false)
    }

    /// Sets one of Proxmox's own features; says nothing of a machine.
    pub fn option(self, key: &str, value: &str) -> Self {
        self.container(|container| {
            container.options.insert(key.into(), value.into());
        })
    }

    /// Maps a user id of its own; says nothing of a machine.
    pub fn id_map(self, inside: u32, outside: u32) -> Self {
        let map = IdMap { group: false, inside, outside, count: 1 };
        self.container(|container| container.id_maps.push(map))
    }

    /// Takes this snapshot before the features; says nothing of a container.
    pub fn before_features(self, snapshot: &str) -> Self {
        self.machine(|machine| machine.before_features = Some(word(snapshot)))
    }

    /// Takes this snapshot after the features; says nothing of a container.
    pub fn after_features(self, snapshot: &str) -> Self {
        self.machine(|machine| machine.after_features = Some(word(snapshot)))
    }

    fn container(mut self, change: impl FnOnce(&mut Container)) -> Self {
        match &mut self.0.body {
            Body::Container(container) => change(container),
            Body::Machine(_) => {}
        }
        self
    }

    fn machine(mut self, change: impl FnOnce(&mut Machine)) -> Self {
        match &mut self.0.body {
            Body::Machine(machine) => change(machine),
            Body::Container(_) => {}
        }
        self
    }
}

/// Takes text as a word of the domain; a fixture that is not one should stop its test.
#[expect(clippy::panic, reason = "used by tests only, which a broken fixture should stop")]
fn word<W: FromStr>(text: &str) -> W {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no word of the domain"))
}

#[expect(clippy::panic, reason = "used by tests only, which a broken fixture should stop")]
fn id(number: u64) -> Vmid {
    Vmid::try_from(number).unwrap_or_else(|_| panic!("{number} is no guest id"))
}
