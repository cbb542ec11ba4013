//! `cargo xtask lint`: every check that is not a test.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;

use crate::configuration;
use crate::events;
use crate::manifests;
use crate::process::Program;
use crate::say::say;
use crate::schemas::Schemas;
use crate::workspace::{self, Strictness, Workspace};
use crate::{law, links, package, tools};

/// One check: what it is called on the command line, and what it does.
type Check = (&'static str, fn(&Workspace) -> Result<()>);

/// All of them; the quick ones first.
const CHECKS: [Check; 14] = [
    ("fmt", fmt),
    ("law", law::check),
    ("links", links::check),
    ("units", package::units::check),
    ("deny", deny),
    ("typos", typos),
    ("machete", machete),
    ("shellcheck", shellcheck),
    ("clippy", clippy),
    ("rustdoc", rustdoc),
    ("schemas", |workspace| Schemas { check: true }.run(workspace)),
    ("events", |_| events::check()),
    ("configuration", |_| configuration::check()),
    ("features", |_| manifests::check()),
];

#[derive(Args)]
pub(crate) struct Lint {
    /// Only these checks
    #[arg(value_parser = CHECKS.map(|(name, _)| name))]
    only: Vec<String>,
}

impl Lint {
    /// Runs them all, so that one run tells everything there is to mend.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        let mut refused = Vec::new();
        for (name, check) in CHECKS {
            if !self.only.is_empty() && !self.only.iter().any(|only| only == name) {
                continue;
            }
            say(format_args!("\n== {name}"));
            if let Err(err) = check(workspace) {
                say(format_args!("error: {name}: {err:#}"));
                refused.push(name);
            }
        }
        if workspace.strictness == Strictness::Ci
            && let Err(err) = lock()
        {
            say(format_args!("error: {err:#}"));
            refused.push("lock");
        }
        if refused.is_empty() {
            say("\nlint: nothing to mend");
            return Ok(());
        }
        bail!("refused by: {}; `cargo xtask lint NAME` runs one alone", refused.join(", "))
    }
}

/// Building this very program may already have mended a stale lock file, so cargo cannot tell.
fn lock() -> Result<()> {
    if Program::new("git").args(["diff", "--exit-code", "--", "Cargo.lock"]).run().is_err() {
        bail!("Cargo.lock is not what the manifests ask for: build once and commit it");
    }
    Ok(())
}

fn fmt(_: &Workspace) -> Result<()> {
    Program::new("cargo").args(["fmt", "--all", "--check"]).run()?;
    Program::new("cargo")
        .args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check", "--"])
        .args(["--config-path", "rustfmt.toml"])
        .run()
}

fn clippy(workspace: &Workspace) -> Result<()> {
    workspace
        .cargo(&["clippy", "--quiet", "--workspace", "--all-targets"])
        .args(["--", "-D", "warnings"])
        .run()?;
    // What only a feature brings, which is off where nobody asks for it.
    workspace
        .cargo(&["clippy", "--quiet", "--workspace", "--all-targets"])
        .args(["--features", workspace::FEATURES, "--", "-D", "warnings"])
        .run()
}

fn deny(workspace: &Workspace) -> Result<()> {
    tools::DENY.ensure(workspace)?;
    Program::new("cargo")
        .args(["deny", "--locked", "--workspace", "--all-features", "check"])
        // The law names crates and users that are still to come.
        .args(["--allow", "unused-wrapper", "--hide-inclusion-graph"])
        .args(["bans", "licenses", "sources"])
        .run()
}

fn typos(workspace: &Workspace) -> Result<()> {
    Program::new(tools::TYPOS.ensure(workspace)?).run()
}

fn machete(workspace: &Workspace) -> Result<()> {
    tools::MACHETE.ensure(workspace)?;
    Program::new("cargo").args(["machete", "."]).run()
}

fn rustdoc(workspace: &Workspace) -> Result<()> {
    workspace
        .cargo(&["doc", "--quiet", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

fn shellcheck(workspace: &Workspace) -> Result<()> {
    let is_script = |path: &Path| {
        path.extension().is_some_and(|ending| ending == "sh")
            || path == Path::new(".ci/run")
            || path.starts_with("deploy/scripts")
    };
    let scripts: Vec<_> = workspace::files()?.into_iter().filter(|path| is_script(path)).collect();
    Program::new(tools::SHELLCHECK.ensure(workspace)?).args(scripts).run()
}
