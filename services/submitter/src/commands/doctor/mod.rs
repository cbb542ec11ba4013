//! `phoenix doctor`: everything an operator would look at, a line each, and what to type where it is not well.

mod clock;
mod configuration;
mod disk;
mod locks;
mod nats;
mod report;
mod secrets;
mod site;
mod streams;
mod tools;
mod units;
mod versions;

use phoenix_setup::Host;
use serde_json::json;

use self::report::{Report, Sign};
use self::site::Site;
use crate::cli::{DoctorArgs, ListFormat};
use crate::error::{CommandError, EXIT_DIFFERS};
use crate::output::Output;
use crate::session;

pub(super) fn run(args: &DoctorArgs, output: &mut Output) -> Result<u8, CommandError> {
    let report = session::run(async { Ok(look(args).await) })?;
    match args.list.output {
        ListFormat::Text => output.data(&report.text())?,
        ListFormat::Json => {
            let document = json!({
                "apiVersion": "phoenix.dev/v1", "kind": "DoctorReport", "checks": report.lines,
            });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    output.remark(&report.summary())?;
    Ok(if report.count(Sign::Wrong) > 0 { EXIT_DIFFERS } else { 0 })
}

/// Looks at everything, whatever of it cannot be looked at.
async fn look(args: &DoctorArgs) -> Report {
    let mut report = Report::default();
    let host = Host::new(&args.root);
    let bus = nats::reach(args, &mut report).await;
    let store = nats::store(args, &mut report).await;
    let site = if let Some(bus) = &bus {
        streams::look(bus, &mut report).await;
        Some(Site::read(bus).await)
    } else {
        streams::not_looked_at(&mut report);
        None
    };
    versions::look(site.as_ref(), &mut report);
    clock::look(bus.as_ref(), &host, &mut report).await;
    disk::look(args, store.as_ref(), &host, &mut report);
    let loaded = configuration::look(&args.config, &mut report);
    tools::look(loaded.as_ref(), site.as_ref(), &host, &mut report);
    units::look(&host, &mut report);
    secrets::look(args, loaded.as_ref(), &host, &mut report).await;
    locks::look(&args.run_dir, site.as_ref(), &host, &mut report);
    site::look(site.as_ref(), &mut report);
    report
}
