//! Where the image of a virtual machine is, as an operator writes it.

use std::fmt;
use std::str::FromStr;

use crate::{AbsolutePath, Refused, StorageId};

/// Where an image is. Whoever checks a configuration and whoever fetches the image read it here, so
/// that neither takes what the other refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// A file on the host, in whatever state somebody put it there.
    File(AbsolutePath),
    /// A volume of a storage of Proxmox's, `local:import/noble.qcow2`.
    Volume(Box<str>),
    /// At its publisher's.
    Published {
        /// Its address.
        url: Box<str>,
        /// The SHA-256 that it must have; absent means that a list beside it says.
        digest: Option<Box<str>>,
    },
}

const WANTED: &str = "an image";
const FORMS: &str = "an image is a path of the host (`/srv/images/a.qcow2`), a volume \
    (`local:import/a.qcow2`), an address (`https://…`), or the name of an image of Ubuntu \
    (`noble-server-cloudimg-amd64.img`) or Debian (`debian-12-genericcloud-amd64.qcow2`)";
const PLACE: &str =
    "a path or volume leads to a file, without `.`, `..` or `,`: `local:import/a.qcow2`";
const DIGEST: &str = "behind the address stands nothing, or `#sha256=` and 64 hex digits";
const NO_TLS: &str =
    "what comes without TLS needs its digest: add `#sha256=…`, or write `https://`";
const SCHEME: &str = "an image is fetched by `https://`, or by `http://` with `#sha256=…`";
const ADDRESS: &str = "an address has a host and ends with the name of a file, without blanks: \
    `https://example.org/images/a.qcow2`";

impl FromStr for ImageSource {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let refused = |rule: &'static str| Refused::new(text, WANTED, rule);
        if text.starts_with('/') {
            let path = text.parse().ok().filter(|_| !text.ends_with('/'));
            return path.map(Self::File).ok_or_else(|| refused(PLACE));
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return published_at(scheme, rest).map_err(refused);
        }
        if let Some((storage, name)) = text.split_once(':') {
            let is_volume = storage.parse::<StorageId>().is_ok() && is_way(name);
            let volume = is_volume.then(|| Self::Volume(text.into()));
            return volume.ok_or_else(|| refused(PLACE));
        }
        let folder = folder_of(text).ok_or_else(|| refused(FORMS))?;
        Ok(Self::Published { url: format!("{folder}/{text}").into(), digest: None })
    }
}

impl fmt::Display for ImageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            Self::Volume(volume) => f.write_str(volume),
            Self::Published { url, digest: None } => f.write_str(url),
            Self::Published { url, digest: Some(digest) } => write!(f, "{url}#sha256={digest}"),
        }
    }
}

fn published_at(scheme: &str, rest: &str) -> Result<ImageSource, &'static str> {
    let (address, digest) = match rest.split_once('#') {
        None => (rest, None),
        Some((address, fragment)) => {
            let digest = fragment.strip_prefix("sha256=").ok_or(DIGEST)?;
            let is_digest =
                digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
            (address, Some(is_digest.then(|| digest.to_ascii_lowercase()).ok_or(DIGEST)?))
        }
    };
    match (scheme, &digest) {
        ("https", _) | ("http", Some(_)) => {}
        ("http", None) => return Err(NO_TLS),
        (_, _) => return Err(SCHEME),
    }
    let (_, way) = address.split_once('/').filter(|(host, _)| !host.is_empty()).ok_or(ADDRESS)?;
    if !is_way(way) || address.contains(char::is_whitespace) {
        return Err(ADDRESS);
    }
    let url = format!("{scheme}://{address}").into();
    Ok(ImageSource::Published { url, digest: digest.map(String::into_boxed_str) })
}

/// Says whether a way leads to a file, and nowhere else than it seems.
fn is_way(way: &str) -> bool {
    way.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && !way.contains(|c: char| c.is_control() || c.is_whitespace() || c == ',')
}

/// Returns where the publisher of an image of this name always has the newest of it.
fn folder_of(name: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !name.bytes().all(is_plain) || name.contains("..") {
        return None;
    }
    if let Some((release, _)) = name.split_once("-server-cloudimg-") {
        if let Some(number) = release.strip_prefix("ubuntu-") {
            let is_number = number.split_once('.').is_some_and(|(year, month)| {
                let is_two = |text: &str| text.len() == 2 && text.parse::<u8>().is_ok();
                is_two(year) && is_two(month)
            });
            return is_number
                .then(|| format!("https://cloud-images.ubuntu.com/releases/{number}/release"));
        }
        let is_word = !release.is_empty() && release.bytes().all(|byte| byte.is_ascii_lowercase());
        return is_word.then(|| format!("https://cloud-images.ubuntu.com/{release}/current"));
    }
    let (number, _) = name.strip_prefix("debian-")?.split_once('-')?;
    let release = match number {
        "11" => "bullseye",
        "12" => "bookworm",
        "13" => "trixie",
        _ => return None,
    };
    Some(format!("https://cloud.debian.org/images/cloud/{release}/latest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ImageSource, &'static str> {
        text.parse().map_err(|refused: Refused| refused.rule)
    }

    #[test]
    fn an_image_is_named_by_where_it_is_or_by_its_publishers_name() {
        for (name, url) in [
            (
                "noble-server-cloudimg-amd64.img",
                "https://cloud-images.ubuntu.com/noble/current/noble-server-cloudimg-amd64.img",
            ),
            (
                "ubuntu-24.04-server-cloudimg-amd64.img",
                "https://cloud-images.ubuntu.com/releases/24.04/release/ubuntu-24.04-server-cloudimg-amd64.img",
            ),
            (
                "debian-13-genericcloud-amd64.qcow2",
                "https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2",
            ),
            ("https://h/a.img", "https://h/a.img"),
        ] {
            let there = ImageSource::Published { url: url.into(), digest: None };
            assert_eq!(read(name), Ok(there), "{name}");
        }
        let path = "/srv/images/a.img";
        assert_eq!(read(path), Ok(ImageSource::File(path.parse().unwrap())));
        for volume in ["local:iso/a.img", "local:import/a.qcow2", "tank-vm:base-8000-disk-0"] {
            assert_eq!(read(volume), Ok(ImageSource::Volume(volume.into())), "{volume}");
        }
    }

    #[test]
    fn a_digest_is_whole_and_of_the_one_kind_that_is_compared() {
        let digest = "aB".repeat(32);
        let there = ImageSource::Published {
            url: "http://h/a.img".into(),
            digest: Some("ab".repeat(32).into()),
        };
        assert_eq!(read(&format!("http://h/a.img#sha256={digest}")), Ok(there.clone()));
        assert_eq!(read(&there.to_string()), Ok(there));
        for bad in ["#sha256=abc", "#sha256=", "#md5=0123", "#", &format!("#sha256={digest}0")] {
            assert_eq!(read(&format!("https://h/a.img{bad}")), Err(DIGEST), "{bad}");
        }
        assert_eq!(read("http://h/a.img"), Err(NO_TLS));
    }

    #[test]
    fn what_would_lead_elsewhere_is_no_image() {
        for (bad, rule) in [
            ("", FORMS),
            ("a.img", FORMS),
            ("debain-12-genericcloud-amd64.qcow2", FORMS), // typos: on purpose
            ("debian-9-genericcloud-amd64.qcow2", FORMS),
            ("ubuntu-noble-server-cloudimg-amd64.img", FORMS),
            ("../x-server-cloudimg-amd64.img", FORMS),
            ("debian-12-../../x.qcow2", FORMS),
            ("ftp://h/a.img", SCHEME),
            ("file:///srv/a.img", SCHEME),
            ("https://h", ADDRESS),
            ("https:///a.img", ADDRESS),
            ("https://h/images/", ADDRESS),
            ("https://h/../a.img", ADDRESS),
            ("https://h/a b.img", ADDRESS),
            ("/srv/../a.img", PLACE),
            ("/srv/images/", PLACE),
            ("/srv/a,format=raw", PLACE),
            ("local:../a.img", PLACE),
            ("local:", PLACE),
            ("-x:a.img", PLACE),
        ] {
            assert_eq!(read(bad), Err(rule), "{bad}");
        }
    }
}
