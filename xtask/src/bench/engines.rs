//! Engines of others that keep what a step has done, and what they keep it in.

use std::fs;
use std::path::{self, Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::process::Program;
use crate::servers;
use crate::workspace::Workspace;

use super::peers;

/// The small programs that ask them for guests.
const ASKERS: &str = "tests/peers";

/// Installs them below the target folder; each is returned with what the load generator is told of it, or with why it
/// cannot be had.
pub(super) fn install(workspace: &Workspace) -> Vec<(&'static str, Result<Vec<String>>)> {
    let folder = workspace.target.join("bench/peers");
    vec![
        ("Restate", restate(workspace, &folder)),
        ("BullMQ", bullmq(workspace, &folder)),
        ("DBOS", dbos(workspace, &folder)),
    ]
}

fn restate(workspace: &Workspace, folder: &Path) -> Result<Vec<String>> {
    let npm = peers::npm(folder, "@restatedev/restate-server@1.7.12")?;
    // What the package starts is a program of a package for this kind of machine.
    let kind = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let server = format!("node_modules/@restatedev/restate-server-linux-{kind}/bin/restate-server");
    let built = folder.join("restate");
    let manifest = Path::new(ASKERS).join("restate/Cargo.toml");
    workspace
        .cargo(&["build", "--quiet", "--release", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(&built)
        .run()?;
    let asker = path::absolute(built.join("release/phoenix-peer-restate"))?;
    Ok(vec![
        format!("restate={}", npm.join(server).display()),
        format!("restate-guest={}", asker.display()),
    ])
}

fn bullmq(workspace: &Workspace, folder: &Path) -> Result<Vec<String>> {
    peers::npm(folder, "ioredis@6.0.0")?;
    let npm = peers::npm(folder, "bullmq@6.7.0")?;
    let redis = server(workspace, "usr/bin/redis-server")?;
    Ok(vec![format!("redis={}", redis.display()), asked_from(&npm)?])
}

fn dbos(workspace: &Workspace, folder: &Path) -> Result<Vec<String>> {
    let npm = peers::npm(folder, "@dbos-inc/dbos-sdk@5.3.0")?;
    let programs = server(workspace, "usr/lib/postgresql/15/bin")?;
    Ok(vec![format!("postgres={}", programs.display()), asked_from(&npm)?])
}

/// Where it was unpacked, or else where this machine has it.
fn server(workspace: &Workspace, path: &str) -> Result<PathBuf> {
    let unpacked = path::absolute(servers::for_tests(workspace)?)?.join(path);
    Ok(if unpacked.exists() { unpacked } else { Path::new("/").join(path) })
}

/// Puts the programs that ask to where node finds what they need, which is beside it.
fn asked_from(npm: &Path) -> Result<String> {
    for name in ["loop.mjs", "bullmq.mjs", "dbos.mjs"] {
        let (from, to) = (Path::new(ASKERS).join(name), npm.join(name));
        fs::copy(&from, &to).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Program::new("node").arg("--version").read()?;
    Ok(format!("npm={}", npm.display()))
}
