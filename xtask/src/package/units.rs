//! The units: how little they may do, and that the worker sees the mounts of its host.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::process::Program;
use crate::tools;
use crate::workspace::Workspace;

const FOLDER: &str = "deploy/systemd";
/// The unit whose mounts are its host's.
const OF_THE_HOST: &str = "phoenix-worker.service";
/// How exposed a unit may be at most, in tenths, as `systemd-analyze security` of Debian 12 counts. It is how
/// exposed it is, so that no protection is lost unseen: what is better is entered here, and nothing worse.
const EXPOSED: [(&str, &str); 3] = [
    (OF_THE_HOST, "84"),
    ("phoenix-health-monitor.service", "12"),
    ("phoenix-serve.service", "12"),
];

/// The directives for which systemd gives a service a mount namespace of its own, up to version 257. Some do so
/// only with some values; a unit that has to share the mounts of its host does without all of them.
const OWN_MOUNTS: [&str; 42] = [
    "BindLogSockets",
    "BindPaths",
    "BindReadOnlyPaths",
    "CacheDirectory",
    "ConfigurationDirectory",
    "DynamicUser",
    "ExecPaths",
    "ExtensionDirectories",
    "ExtensionImages",
    "InaccessibleDirectories",
    "InaccessiblePaths",
    "LogNamespace",
    "LogsDirectory",
    "MountAPIVFS",
    "MountFlags",
    "MountImages",
    "NetworkNamespacePath",
    "NoExecPaths",
    "PrivateDevices",
    "PrivateIPC",
    "PrivateMounts",
    "PrivateNetwork",
    "PrivatePIDs",
    "PrivateTmp",
    "PrivateUsers",
    "ProcSubset",
    "ProtectControlGroups",
    "ProtectHome",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectProc",
    "ProtectSystem",
    "ReadOnlyDirectories",
    "ReadOnlyPaths",
    "ReadWriteDirectories",
    "ReadWritePaths",
    "RootDirectory",
    "RootImage",
    "StateDirectory",
    "TemporaryFileSystem",
];

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let analyze = tools::SYSTEMD_ANALYZE.ensure(workspace)?;
    for unit in there()? {
        let name = unit.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((_, most)) = EXPOSED.iter().find(|(of, _)| *of == name) else {
            bail!("{name}: how exposed it may be stands nowhere in {}", file!());
        };
        if name == OF_THE_HOST {
            let text = fs::read_to_string(&unit)
                .with_context(|| format!("cannot read {}", unit.display()))?;
            let hidden: Vec<_> = own_mounts(&text).collect();
            if !hidden.is_empty() {
                bail!(
                    "{name}: what is mounted for guests would stay in there: {}",
                    hidden.join(", ")
                );
            }
        }
        let judged = Program::new(&analyze)
            .args(["security", "--no-pager", "--offline=true", &format!("--threshold={most}")])
            .arg(&unit);
        judged.run().with_context(|| format!("{name} may do more than {most} tenths"))?;
    }
    Ok(())
}

/// All units of services.
fn there() -> Result<Vec<PathBuf>> {
    let unread = || format!("cannot read {FOLDER}");
    let files = fs::read_dir(FOLDER).with_context(unread)?.map(|entry| Ok(entry?.path()));
    let files = files.collect::<std::io::Result<Vec<_>>>().with_context(unread)?;
    let is_service =
        |path: &PathBuf| Path::new(path).extension().is_some_and(|end| end == "service");
    Ok(files.into_iter().filter(is_service).collect())
}

/// The directives of a unit that would give it a mount namespace of its own.
fn own_mounts(unit: &str) -> impl Iterator<Item = &str> {
    let settings = unit.lines().map(str::trim_start).filter(|line| !line.starts_with(['#', ';']));
    let names = settings.filter_map(|line| Some(line.split_once('=')?.0.trim_end()));
    names.filter(|name| OWN_MOUNTS.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_that_would_hide_mounts_is_found_wherever_it_stands() {
        for name in OWN_MOUNTS {
            let unit = format!("[Service]\nType=notify\n  {name} = yes\n# {name}=commented\n");
            assert_eq!(own_mounts(&unit).collect::<Vec<_>>(), [name]);
        }
        let unit = "[Service]\n# PrivateTmp=yes\n; ProtectSystem=strict\nProtectClock=yes\n";
        assert_eq!(own_mounts(unit).count(), 0);
    }

    #[test]
    fn what_is_mounted_by_the_worker_reaches_its_host() {
        let worker = include_str!("../../../deploy/systemd/phoenix-worker.service");
        let serve = include_str!("../../../deploy/systemd/phoenix-serve.service");

        assert_eq!(own_mounts(worker).collect::<Vec<_>>(), Vec::<&str>::new());
        assert!(own_mounts(serve).count() > 5, "it is the sandboxed ones that have them");
    }
}
