//! `phoenix feature new`: the folder of a feature, with all that belongs into it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use phoenix_config::{Described, feature_folders, schema};

use crate::cli::FeatureNewArgs;
use crate::error::CommandError;
use crate::output::Output;

/// Each file of a feature: where it is, what it begins with, and whether it is a program.
const FILES: [(&str, &str, Mode); 5] = [
    ("feature.json", include_str!("new/feature.json"), Mode::Text),
    ("install.sh", include_str!("new/install.sh"), Mode::Program),
    ("check.sh", include_str!("new/check.sh"), Mode::Program),
    ("README.md", include_str!("new/README.md"), Mode::Text),
    ("test/break.sh", include_str!("new/break.sh"), Mode::Program),
];
/// Where the schema of manifests is, seen from a feature of the repository.
const SCHEMA: &str = "../../schemas/feature.schema.json";
/// Where a feature elsewhere has it: what is below `test` is brought into no guest.
const OWN_SCHEMA: &str = "test/feature.schema.json";
/// Where features are made when nobody says where.
const OWN: &str = "/etc/phoenix/features";

/// How a file is to be used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Text,
    Program,
}

pub(super) fn run(args: &FeatureNewArgs, output: &mut Output) -> Result<u8, CommandError> {
    let repository = PathBuf::from("features");
    let into = args.into.clone().unwrap_or_else(|| {
        let is_here = feature_folders(&[], None).contains(&repository);
        if is_here { repository } else { PathBuf::from(OWN) }
    });
    let folder = into.join(args.name.as_str());
    make(&into, &folder)?;
    let has_schema = folder.join(SCHEMA).is_file();
    let kept_at = if has_schema { SCHEMA } else { OWN_SCHEMA };
    for (path, text, mode) in FILES {
        let text = text.replace("@name@", args.name.as_str()).replace("@schema@", kept_at);
        put(&folder.join(path), &text, mode)?;
    }
    if !has_schema {
        let schema = serde_json::to_string_pretty(&schema(Described::Feature))?;
        put(&folder.join(OWN_SCHEMA), &format!("{schema}\n"), Mode::Text)?;
    }
    output.data(&format!("{}\n", folder.display()))?;
    let (name, into) = (&args.name, into.display());
    output.remark(&format!(
        "it works already, and does next to nothing. Now:\n  \
         1. say what it is:                 feature.json, README.md\n  \
         2. have it be installed:           install.sh\n  \
         3. see whether it works:           check.sh\n  \
         4. break it:                       test/break.sh\n  \
         5. try all that in a container:    phoenix feature test {name} --features {into}\n  \
         6. see how a guest asks for it:    phoenix feature show {name} --features {into}"
    ))?;
    Ok(0)
}

/// Makes the folder, which must not be there.
fn make(into: &Path, folder: &Path) -> Result<(), CommandError> {
    let wrap = |path: &Path| {
        let path = path.to_owned();
        move |err| CommandError::FileNotWritten { path, err }
    };
    fs::create_dir_all(into).map_err(wrap(into))?;
    match fs::create_dir(folder) {
        Ok(()) => Ok(()),
        Err(err) if err.kind() == ErrorKind::AlreadyExists => {
            Err(CommandError::FeatureThere { folder: folder.to_owned() })
        }
        Err(err) => Err(wrap(folder)(err)),
    }
}

fn put(path: &Path, text: &str, mode: Mode) -> Result<(), CommandError> {
    let written = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)?;
        match mode {
            Mode::Text => Ok(()),
            Mode::Program => fs::set_permissions(path, fs::Permissions::from_mode(0o755)),
        }
    };
    written().map_err(|err| CommandError::FileNotWritten { path: path.to_owned(), err })
}
