//! Finding and reading the configuration.

use std::path::PathBuf;

use phoenix_config::{
    CheckedFleet, Finding, Folder, Input, Level, Library, Loaded, feature_folders, load, load_host,
};
use phoenix_domain::Vmid;

use crate::cli::ConfigArgs;
use crate::error::CommandError;

/// Where a configuration is looked for when nobody says where it is.
const USUAL_FOLDERS: &[&str] = &[".", "/etc/phoenix", "/usr/local/phoenix_hypervisor/etc"];
/// Reads and checks the configuration.
pub(crate) fn read(args: &ConfigArgs) -> Result<Loaded, CommandError> {
    read_by(args, load)
}

/// Reads and checks what is said of the host, which may have no guests yet.
pub(crate) fn read_host(args: &ConfigArgs) -> Result<Loaded, CommandError> {
    read_by(args, load_host)
}

fn read_by(
    args: &ConfigArgs,
    load: impl FnOnce(&Input<'_>) -> Loaded,
) -> Result<Loaded, CommandError> {
    let mut library = Library::built_in()?;
    // What is added later takes the place of what was there, and the first folder is to win.
    let folder = found(args)?;
    for folder in feature_folders(&args.features, Some(&folder)).iter().rev() {
        library.add_folder(folder)?;
    }
    let inventory = args.inventory.clone();
    Ok(load(&Input { folder: &folder, inventory, library: &library }))
}

fn found(args: &ConfigArgs) -> Result<Folder, CommandError> {
    match &args.config {
        Some(folder) if folder.is_dir() => Ok(Folder::new(folder)),
        Some(folder) => {
            Err(CommandError::NoConfig { looked_in: vec![folder.display().to_string()] })
        }
        None => Folder::find(USUAL_FOLDERS.iter().map(PathBuf::from)).ok_or_else(|| {
            let looked_in = USUAL_FOLDERS.iter().map(|folder| (*folder).to_owned()).collect();
            CommandError::NoConfig { looked_in }
        }),
    }
}

/// Returns the folder of the configuration.
pub(crate) fn folder(args: &ConfigArgs) -> Result<PathBuf, CommandError> {
    Ok(found(args)?.path().to_owned())
}

/// Makes sure that every guest that was asked for is there, before anything else is done.
pub(crate) fn known(loaded: &Loaded, asked: &[Vmid]) -> Result<(), CommandError> {
    let Some(asked) = asked.iter().find(|vmid| !loaded.knows(**vmid)) else { return Ok(()) };
    match loaded.unread() {
        Some(unread) => Err(refused_for(loaded, unread)),
        None => Err(CommandError::NoSuchGuest { asked: *asked, near: loaded.near(*asked) }),
    }
}

/// Returns the fleet, unless the configuration is refused.
pub(crate) fn fleet(loaded: &Loaded) -> Result<&CheckedFleet, CommandError> {
    loaded.fleet.as_ref().ok_or_else(|| refused(loaded))
}

/// Says that the configuration is refused, and for what.
pub(crate) fn refused(loaded: &Loaded) -> CommandError {
    match loaded.findings.iter().find(|finding| finding.level() == Level::Error) {
        Some(first) => refused_for(loaded, first),
        None => CommandError::Refused { errors: 0, first: String::new() },
    }
}

fn refused_for(loaded: &Loaded, finding: &Finding) -> CommandError {
    let errors = loaded.count(Level::Error);
    let which = if errors == 1 { "" } else { "one of them is " };
    let first = format!(": {which}{}, {}", finding.code, finding.message);
    CommandError::Refused { errors, first }
}
