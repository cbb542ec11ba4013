//! `phoenix setup`: makes the host itself as its file says.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use phoenix_config::{HostSpec, Level};
use phoenix_secrets::{Secrets, SecretsArgs};
use phoenix_setup::{
    Act, Given, Hidden, Host, HostChange, Impact, Name, Refusal, Seen, Setup, Told, all,
};
use secrecy::ExposeSecret as _;

use crate::cli::{ListFormat, SetupArgs};
use crate::config;
use crate::confirm::{self, By};
use crate::error::{CommandError, EXIT_DIFFERS, EXIT_FAILED, EXIT_RUN_FAILED};
use crate::hosting;
use crate::output::Output;
use crate::session;

pub(super) fn run(args: &SetupArgs, output: &mut Output) -> Result<u8, CommandError> {
    let loaded = config::read_host(&args.config)?;
    let spec = loaded.host.as_ref().ok_or_else(|| config::refused(&loaded))?;
    if !rustix::process::geteuid().is_root() {
        return Err(CommandError::NotRoot);
    }
    let errors = loaded.count(Level::Error);
    if errors > 0 {
        let these = if errors == 1 { "1 error" } else { &*format!("{errors} errors") };
        output.remark(&format!(
            "warning: the files have {these} about guests, which this host is set up without: `phoenix check` shows them"
        ))?;
    }
    for disk in &args.wipe {
        if !spec.pools.iter().any(|pool| pool.disks.contains(disk)) {
            return Err(CommandError::NothingToWipe { disk: disk.clone() });
        }
    }
    let setup = setup(args, spec)?;
    if args.verify {
        return verify(args, &setup, output);
    }
    let seen = setup.plan();
    let is_asked_for = args.plan || args.output == ListFormat::Text;
    if is_asked_for {
        output.data(&match args.output {
            ListFormat::Text => hosting::plan_text(&seen),
            ListFormat::Json => hosting::plan_json(&seen)?,
        })?;
    }
    if args.plan {
        return Ok(plan_code(&seen, args.exit_code));
    }
    work(args, &setup, &seen, output)
}

/// Returns the host, and what is to be so of it.
fn setup(args: &SetupArgs, spec: &HostSpec) -> Result<Setup, CommandError> {
    let given = Given {
        password: password(args, spec)?,
        wipe: args.wipe.clone(),
        client: client(),
        patience: None,
    };
    let setup = Setup::new(Host::new(&args.root), all(spec, &given), now);
    let is_there = |asked: &&String| setup.names().any(|name| name.is(asked));
    if let Some(asked) = args.only.iter().find(|asked| !is_there(asked)) {
        let mut there: Vec<_> = setup.names().map(|name| name.item).collect();
        there.dedup();
        return Err(CommandError::NoSuchItem { asked: asked.clone(), there });
    }
    let setup = if args.only.is_empty() { setup } else { setup.only(&args.only) };
    let is_the_host = args.root == Path::new("/") && Path::new("/run/systemd/system").exists();
    Ok(match again(args).filter(|_| is_the_host) {
        Some(line) => setup.resumed_by(line),
        None => setup,
    })
}

/// Returns what is typed to go on after a reboot.
fn again(args: &SetupArgs) -> Option<Vec<String>> {
    let program = std::env::current_exe().ok()?;
    let text = |path: &Path| path.to_str().map(str::to_owned);
    let mut line = vec![text(&program)?, "setup".to_owned(), "--yes".to_owned()];
    let mut add = |option: &str, path: &PathBuf| {
        let path = std::path::absolute(path).ok()?;
        line.extend([option.to_owned(), text(&path)?]);
        Some(())
    };
    if let Some(folder) = &args.config.config {
        add("--config", folder)?;
    } else {
        // It was found from here, and is to be found from elsewhere.
        add("--config", &config::folder(&args.config).ok()?)?;
    }
    if let Some(inventory) = &args.config.inventory {
        add("--inventory", inventory)?;
    }
    args.config.features.iter().try_for_each(|folder| add("--features", folder))?;
    line.extend(args.only.iter().flat_map(|item| ["--only".to_owned(), item.clone()]));
    line.extend(sources(&args.secrets)?);
    Some(line)
}

/// Returns what says again who has the secrets: everybody may read a unit, so none of it is one.
fn sources(secrets: &SecretsArgs) -> Option<Vec<String>> {
    let mut line = Vec::new();
    let mut add = |option: &str, value: &str| line.extend([option.to_owned(), value.to_owned()]);
    let text = |path: &Path| std::path::absolute(path).ok()?.to_str().map(str::to_owned);
    add("--secrets-file", &text(&secrets.secrets_file)?);
    // What systemd has put below /run for this process is gone after the reboot.
    if let Some(folder) = secrets.credentials.as_deref().filter(|path| !path.starts_with("/run")) {
        add("--credentials", &text(folder)?);
    }
    if secrets.aws {
        add("--aws-stage", &secrets.aws_stage);
        if let Some(region) = &secrets.aws_region {
            add("--aws-region", region);
        }
        if let Some(endpoint) = &secrets.aws_endpoint {
            // What stands before the name of a host is a user and a password.
            if endpoint.contains('@') {
                return None;
            }
            add("--aws-endpoint", endpoint);
        }
        line.push("--aws".to_owned());
    }
    Some(line)
}

/// Fetches the hash of the administrator's password. Where it cannot be had, only that item is
/// refused.
fn password(
    args: &SetupArgs,
    spec: &HostSpec,
) -> Result<Option<Result<Hidden, Refusal>>, CommandError> {
    let Some(reference) = spec.administrator.as_ref().and_then(|user| user.password.as_ref())
    else {
        return Ok(None);
    };
    if args.verify || !(args.only.is_empty() || args.only.iter().any(|item| item == "users")) {
        return Ok(None);
    }
    let secrets = Secrets::new(args.secrets.settings());
    let (name, key) = (reference.name().clone(), reference.key().map(str::to_owned));
    let fetched = session::run(async { Ok(secrets.fetch(&name, key.as_deref()).await) })?;
    Ok(Some(match fetched {
        Ok(value) => Ok(Hidden::new(value.expose_secret().to_owned())),
        Err(err) => {
            let advice = "`phoenix secrets check` says who has which secret";
            Err(Refusal::new("users.password_hash", err.to_string(), advice))
        }
    }))
}

/// Returns from where whoever sits in front is connected.
fn client() -> Option<IpAddr> {
    #[expect(clippy::disallowed_methods, reason = "sshd says it there and nowhere else")]
    let said = std::env::var("SSH_CONNECTION").ok()?;
    said.split_whitespace().next()?.parse().ok()
}

fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn plan_code(seen: &[Seen], is_asked: bool) -> u8 {
    let is_whole = |seen: &Seen| seen.look.as_ref().is_ok_and(|look| look.left_out.is_empty());
    if !seen.iter().all(is_whole) {
        return EXIT_FAILED;
    }
    if is_asked && seen.iter().any(|seen| !seen.is_right()) { EXIT_DIFFERS } else { 0 }
}

fn verify(args: &SetupArgs, setup: &Setup, output: &mut Output) -> Result<u8, CommandError> {
    let checked = setup.verify();
    output.data(&match args.output {
        ListFormat::Text => hosting::checks_text(&checked),
        ListFormat::Json => hosting::checks_json(&checked)?,
    })?;
    let is_wrong = checked.iter().flat_map(|(_, checks)| checks).any(|check| check.wrong.is_some());
    Ok(if is_wrong { EXIT_DIFFERS } else { 0 })
}

fn work(
    args: &SetupArgs,
    setup: &Setup,
    seen: &[Seen],
    output: &mut Output,
) -> Result<u8, CommandError> {
    let planned: Vec<_> = seen.iter().filter_map(|seen| seen.look.as_ref().ok()).collect();
    let planned: Vec<_> = planned.iter().flat_map(|look| &look.changes).collect();
    for disk in &args.wipe {
        let loses = |change: &HostChange| {
            matches!(&change.act, Act::Run(run) if run.argv.contains(disk))
                && change.impact == Impact::Destroys
        };
        if !planned.iter().any(|change| loses(change)) {
            return Err(CommandError::NothingToWipe { disk: disk.clone() });
        }
        if !confirm::is_terminal() {
            return Err(CommandError::NobodyToWipe { disk: disk.clone() });
        }
        let name = disk.rsplit('/').next().unwrap_or(disk).to_owned();
        if !confirm::is_agreed(&format!("lose what is on {disk}"), &By::Words(name), output)? {
            output.remark("nothing was done")?;
            return Ok(EXIT_FAILED);
        }
    }
    let is_work = seen.iter().any(|seen| seen.unsettled.is_some()) || !planned.is_empty();
    if is_work && !args.yes && !confirm::is_agreed("make these changes", &By::Yes, output)? {
        output.remark("nothing was done")?;
        return Ok(EXIT_FAILED);
    }
    let agreed = |_: &Name, change: &HostChange| match change.impact {
        Impact::Live | Impact::Reboot | Impact::Network => true,
        // It was shown, package by package; who says yes to everything says so to this.
        Impact::Restarts => args.yes || planned.contains(&change),
        // It was shown, word for word, and its name was typed.
        Impact::Destroys => planned.iter().any(|planned| planned.act == change.act),
    };
    let is_text = args.output == ListFormat::Text;
    let mut told = |item: &Name, told: Told<'_>| {
        if let Some(line) = hosting::told(item, &told).filter(|_| is_text) {
            // Where nobody listens any more, the work goes on.
            drop(output.remark(&line));
        }
    };
    let ended = setup.run(&agreed, &mut told)?;
    output.data(&match args.output {
        ListFormat::Text => hosting::ended_text(&ended),
        ListFormat::Json => hosting::ended_json(&ended)?,
    })?;
    Ok(hosting::ended_code(&ended, EXIT_FAILED, EXIT_RUN_FAILED))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        setup: SetupArgs,
    }

    fn again_after(words: &[&str]) -> Option<Vec<String>> {
        let words = ["phoenix"].iter().chain(words);
        let line = again(&Typed::try_parse_from(words).unwrap().setup)?;
        // What is typed again is understood.
        Typed::try_parse_from(line.iter().skip(1)).unwrap();
        Some(line.into_iter().skip(1).collect())
    }

    #[test]
    fn after_a_reboot_the_same_is_typed_again() {
        let line = again_after(&[
            "--config",
            "/etc/phoenix",
            "--inventory",
            "/etc/phoenix/facts.json",
            "--features",
            "/srv/features",
            "--only",
            "nvidia",
            "--aws",
            "--aws-region",
            "eu-central-1",
            "--aws-endpoint",
            "https://secrets.example.org",
            "--aws-stage",
            "AWSPENDING",
            "--secrets-file",
            "/srv/secrets.json",
            "--credentials",
            "/srv/credentials",
        ]);

        assert_eq!(
            line.unwrap().join(" "),
            "setup --yes --config /etc/phoenix --inventory /etc/phoenix/facts.json \
             --features /srv/features --only nvidia --secrets-file /srv/secrets.json \
             --credentials /srv/credentials --aws-stage AWSPENDING --aws-region eu-central-1 \
             --aws-endpoint https://secrets.example.org --aws"
        );
    }

    #[test]
    fn what_is_gone_or_secret_is_not_typed_again() {
        let usual = ["--config", "/etc/phoenix"];

        let line = again_after(&[&usual[..], &["--credentials", "/run/credentials/x"]].concat());
        assert_eq!(
            line.unwrap(),
            [
                "setup",
                "--yes",
                "--config",
                "/etc/phoenix",
                "--secrets-file",
                "/etc/phoenix/secrets.json"
            ]
        );
        let endpoint = ["--aws", "--aws-endpoint", "https://me:canary@secrets.example.org"];
        assert_eq!(again_after(&[&usual[..], &endpoint].concat()), None);
    }
}
