//! Cloud images: where they are, and how they get here.
//!
//! An image is kept under the digest its publisher names, so that nothing is fetched twice, nothing
//! that was cut off is taken for whole, and a newer one never takes the place of one in use.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_domain::{ImageSource, Refused};
use sha2::{Digest as _, Sha256, Sha512};

use crate::proxmox::look::unreachable;
use crate::proxmox::{Proxmox, tool};
use crate::{Hand, HostError};

/// How long the download of an image may take.
const LONG: Duration = Duration::from_hours(2);
/// How long the list of digests may take.
const SHORT: Duration = Duration::from_mins(2);
/// The lists of digests that publishers put beside their images.
const LISTS: [(&str, usize); 2] = [("SHA256SUMS", 64), ("SHA512SUMS", 128)];

fn is_digest(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

impl Proxmox {
    /// Says before anything is done that an image cannot be had.
    pub(super) fn check_image(&self, image: &str) -> Result<(), HostError> {
        match source(image)? {
            ImageSource::File(path) if !self.layout.host(path.as_str()).is_file() => {
                Err(impossible(image, "there is no such file on the host"))
            }
            ImageSource::Volume(volume) => self.check_volume(image, &volume),
            ImageSource::File(_) | ImageSource::Published { .. } => Ok(()),
        }
    }

    /// Says that a volume with an image is not in its storage. Of a storage that is no folder only
    /// Proxmox knows how to look there.
    fn check_volume(&self, image: &str, volume: &str) -> Result<(), HostError> {
        let Some((storage, name)) = volume.split_once(':') else { return Ok(()) };
        let Some(folder) = self.folders().into_iter().find(|folder| folder.name == storage) else {
            return Ok(());
        };
        let name = match name.split_once('/') {
            Some(("iso", file)) => format!("template/iso/{file}"),
            Some((kind @ "import", file)) => format!("{kind}/{file}"),
            Some(_) | None => format!("images/{name}"),
        };
        let path = format!("{}/{name}", folder.path);
        if self.layout.host(&path).is_file() {
            return Ok(());
        }
        Err(impossible(image, &format!("there is no {path} on the host")))
    }

    /// Returns an image as Proxmox imports it, and fetches it where it is not here yet.
    pub(super) async fn bring_image(&self, image: &str, hand: &Hand) -> Result<String, HostError> {
        let (url, said) = match source(image)? {
            ImageSource::File(path) => {
                return Ok(self.layout.host(path.as_str()).display().to_string());
            }
            ImageSource::Volume(volume) => return Ok(volume.into()),
            ImageSource::Published { url, digest } => (url, digest.map(String::from)),
        };
        let (folder, name) = url.rsplit_once('/').unwrap_or_default();
        let is_pinned = said.is_some();
        let digest = match said {
            Some(digest) => Ok(digest),
            None => self.listed(folder, name, hand).await,
        };
        let digest = match digest {
            Ok(digest) => digest,
            // A guest is made anew by what it was made of, also when its publisher cannot be asked.
            Err(err) => return self.kept(name).ok_or(err),
        };
        let kept = self.images.join(&digest).join(name);
        if kept.is_file() {
            return Ok(kept.display().to_string());
        }
        let part = self.images.join(&digest).join(format!("{name}.part"));
        part.parent().map_or(Ok(()), fs::create_dir_all).map_err(unreachable)?;
        let target = part.display().to_string();
        let arguments =
            ["--continue", "--tries=3", "--timeout=60", "--progress=dot:giga", "-O", &target, &url];
        tool::tell(&self.layout, "wget", &arguments, LONG, hand).await?;
        let whole = {
            let part = part.clone();
            let length = digest.len();
            tokio::task::spawn_blocking(move || digest_of(&part, length)).await
        };
        let whole = whole.map_err(io::Error::other).and_then(|read| read).map_err(unreachable)?;
        if whole != digest {
            // Going on from here would never make it right.
            fs::remove_file(&part).map_err(unreachable)?;
            if is_pinned {
                // Nor would another download: what the operator wrote stays as it is.
                return Err(impossible(
                    image,
                    &format!(
                        "its digest is {whole}, and the file says {digest}; what came was thrown away: see which of the two is right"
                    ),
                ));
            }
            return Err(HostError::Failed {
                what: format!("fetching {url}"),
                why: format!(
                    "what came has the digest {whole}, and {digest} is published; it was thrown away"
                ),
                output: String::new(),
            });
        }
        fs::rename(&part, &kept).map_err(unreachable)?;
        Ok(kept.display().to_string())
    }

    /// Returns the digest that the publisher names for an image.
    async fn listed(&self, folder: &str, name: &str, hand: &Hand) -> Result<String, HostError> {
        let mut last = None;
        for (list, length) in LISTS {
            let url = format!("{folder}/{list}");
            let arguments = ["--quiet", "--tries=2", "--timeout=30", "-O", "-", &url];
            match tool::ask(&self.layout, "wget", &arguments, SHORT, hand).await {
                Ok(text) => {
                    if let Some(digest) = digest_in(&text, name, length) {
                        return Ok(digest);
                    }
                }
                Err(err) => last = Some(err),
            }
        }
        Err(last.unwrap_or_else(|| {
            let why = format!("neither SHA256SUMS nor SHA512SUMS of {folder} names it");
            impossible(name, &format!("{why}; add `#sha256=…` to its address"))
        }))
    }

    /// Returns the newest image of this name that was fetched before.
    fn kept(&self, name: &str) -> Option<String> {
        let folders = fs::read_dir(&self.images).ok()?.filter_map(Result::ok);
        let images = folders.map(|folder| folder.path().join(name)).filter(|path| path.is_file());
        let age = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        images.max_by_key(age).map(|path| path.display().to_string())
    }
}

/// Returns the digest of a name in a list of them.
fn digest_in(list: &str, name: &str, length: usize) -> Option<String> {
    list.lines().find_map(|line| {
        let (digest, of) = line.split_once(char::is_whitespace)?;
        let is_it = of.trim_start().trim_start_matches('*') == name && is_digest(digest, length);
        is_it.then(|| digest.to_ascii_lowercase())
    })
}

fn digest_of(path: &Path, length: usize) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut short, mut long) = (Sha256::new(), Sha512::new());
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut piece)?;
        let Some(piece) = piece.get(..read).filter(|piece| !piece.is_empty()) else { break };
        if length == 64 { short.update(piece) } else { long.update(piece) }
    }
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            // A String takes everything that is written to it.
            let _written = write!(text, "{byte:02x}");
            text
        })
    };
    Ok(if length == 64 { hex(&short.finalize()) } else { hex(&long.finalize()) })
}

/// Reads how an operator names an image. What is checked beforehand is read by the same rule.
fn source(image: &str) -> Result<ImageSource, HostError> {
    image.parse().map_err(|refused: Refused| impossible(image, refused.rule))
}

fn impossible(image: &str, why: &str) -> HostError {
    let what = format!("making a machine of {image}");
    HostError::Impossible { what, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_very_name() {
        let digest = "0123".repeat(16);
        let list =
            format!("{digest} *noble.img\n{} other.img\n{} short.img\n", "f".repeat(64), "ab");
        assert_eq!(digest_in(&list, "noble.img", 64), Some(digest));
        assert_eq!(digest_in(&list, "noble", 64), None);
        assert_eq!(digest_in(&list, "short.img", 64), None);
    }
}
