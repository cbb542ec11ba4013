//! Collects the manifests of the feature library, so that adding a feature is adding a folder.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[expect(clippy::disallowed_methods, reason = "cargo speaks to a build script by its environment")]
fn main() -> Result<(), Box<dyn Error>> {
    let features = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../features");
    println!("cargo::rerun-if-changed={}", features.display());

    let mut manifests = Vec::new();
    for entry in fs::read_dir(&features)? {
        let manifest = entry?.path().join("feature.json");
        if manifest.is_file() {
            println!("cargo::rerun-if-changed={}", manifest.display());
            manifests.push(fs::canonicalize(manifest)?);
        }
    }
    manifests.sort();

    let mut code = String::from("const BUILT_IN: &[(&str, &str)] = &[\n");
    for manifest in manifests {
        let name = manifest.parent().and_then(Path::file_name).and_then(OsStr::to_str);
        let (name, path) = name.zip(manifest.to_str()).ok_or("a feature has no name in UTF-8")?;
        writeln!(code, "    ({name:?}, include_str!({path:?})),")?;
    }
    code.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("built_in_features.rs"), code)?;
    Ok(())
}
