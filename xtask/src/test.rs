//! `cargo xtask test`: every test there is.

use std::{fs, path};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::debian;
use crate::fuzz::{self, Fuzz};
use crate::machine;
use crate::say::say;
use crate::servers;
use crate::tally::Tally;
use crate::tools;
use crate::workspace::{self, Strictness, Workspace};

#[derive(Args)]
pub(crate) struct Test {
    /// Seconds of fuzzing, shared by all targets; 0 leaves it out
    #[arg(long, value_name = "N", default_value_t = fuzz::SECONDS)]
    fuzz_seconds: u64,
}

impl Test {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        tools::NEXTEST.ensure(workspace)?;
        tools::BUSYBOX.ensure(workspace)?;
        tools::SHELLCHECK.ensure(workspace)?;
        tools::ZSTD.ensure(workspace)?;
        tools::WGET.ensure(workspace)?;
        tools::JQ.ensure(workspace)?;
        tools::CURL.ensure(workspace)?;
        tools::PERL.ensure(workspace)?;
        let server = tools::NATS_SERVER.ensure(workspace)?;
        // Tests run in the folder of their package, so the path must hold everywhere.
        let server =
            path::absolute(&server).with_context(|| format!("cannot find {}", server.display()))?;
        let moto = path::absolute(tools::MOTO.ensure(workspace)?)?;
        let debian = path::absolute(debian::archive(workspace)?)?;
        let machine = path::absolute(machine::kit(workspace)?)?;
        let host = path::absolute(debian::host(workspace)?)?;
        let servers = path::absolute(servers::for_tests(workspace)?)?;
        let browser = path::absolute(servers::browser(workspace)?)?;
        let prometheus = path::absolute(servers::prometheus(workspace)?)?;
        let llama = path::absolute(tools::LLAMA.ensure(workspace)?)?;
        let nats_py = path::absolute(tools::NATS_PY.ensure(workspace)?)?;
        let profile = match workspace.strictness {
            Strictness::AtTheDesk => "default",
            Strictness::Ci => "ci",
        };
        let report = workspace.target.join("nextest").join(profile).join("junit.xml");
        // A run that does not compile writes none, and an old one would be counted in its place.
        fs::remove_file(&report).ok();

        // The tests of whole programs build them; built here, no test is slow for it.
        workspace
            .cargo(&[
                "build",
                "--quiet",
                "--package",
                "phoenix",
                "--package",
                "phoenix-submitter",
                "--package",
                "phoenix-fake-proxmox",
            ])
            .run()?;
        let tested = workspace
            .cargo(&["nextest", "run", "--workspace", "--profile", profile])
            // What is off where nobody asks for it is tried with all else; programs that are run have it not.
            .args(["--features", workspace::FEATURES])
            .env("PHOENIX_NATS_SERVER", server)
            .env("PHOENIX_MOTO_SERVER", moto)
            .env("PHOENIX_DEBIAN_ARCHIVE", debian)
            .env("PHOENIX_MACHINE_KIT", machine)
            .env("PHOENIX_DEBIAN_HOST", host)
            .env("PHOENIX_SERVERS", servers)
            .env("PHOENIX_LLAMA_PYTHON", llama)
            .env("PHOENIX_NATS_PYTHON", nats_py)
            .env("PHOENIX_BROWSER", browser)
            .env("PHOENIX_PROMETHEUS", prometheus)
            .run();
        let tally = fs::read_to_string(&report)
            .with_context(|| format!("cannot read {}", report.display()))
            .and_then(|report| Tally::of(&report));
        if let (Err(_), Ok(tally)) = (&tested, &tally) {
            say(tally);
        }
        tested?;

        workspace.cargo(&["test", "--quiet", "--doc", "--workspace"]).run()?;
        if self.fuzz_seconds > 0 {
            Fuzz { seconds: self.fuzz_seconds, target: None }.run(workspace)?;
        }
        say(tally?);
        Ok(())
    }
}
