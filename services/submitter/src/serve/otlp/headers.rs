//! What lets us in at a collector: headers, written as other programs of OpenTelemetry are told them.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use phoenix_post::address::{self, Plain};
use phoenix_secrets::alone;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use zeroize::Zeroizing;

use crate::cli::ServeArgs;
use crate::error::CommandError;

/// How they are written.
const FORM: &str =
    "write `NAME=VALUE`, several separated by commas, and what is no plain character as %20";

/// Returns the headers of a file, or else of the environment; none where neither says any.
pub(super) fn of(args: &ServeArgs) -> Result<HeaderMap, CommandError> {
    let (file, own);
    let (text, place) = if let Some(path) = &args.otlp_headers_file {
        file = alone(path).map_err(|err| CommandError::HeadersRefused {
            why: err.to_string(),
            advice: err.advice(),
        })?;
        own = path.display().to_string();
        (&file, own.as_str())
    } else if let Some(text) = &args.otlp_headers {
        (text, "OTEL_EXPORTER_OTLP_HEADERS")
    } else {
        return Ok(HeaderMap::new());
    };
    let headers = read(text).map_err(|nth| CommandError::HeadersRefused {
        why: format!("what {place} says as number {nth} is no header"),
        advice: FORM.to_owned(),
    })?;
    let goes_openly = |to: &Url| address::read(to.as_str(), Plain::Private).is_err();
    match &args.otlp_endpoint {
        Some(to) if !headers.is_empty() && goes_openly(to) => Err(CommandError::HeadersRefused {
            why: format!("what {place} says would be sent to {to} without encryption"),
            advice: "write `https://`, or the number of a private address".to_owned(),
        }),
        Some(_) | None => Ok(headers),
    }
}

/// Reads headers; where one is none, says which. Nothing that it says is told: it may be the secret.
fn read(text: &SecretString) -> Result<HeaderMap, usize> {
    let mut headers = HeaderMap::new();
    let each = text.expose_secret().split(',').map(str::trim).enumerate();
    for (index, one) in each.filter(|(_, one)| !one.is_empty()) {
        let (name, value) = header(one).ok_or(index + 1)?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn header(one: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = one.split_once('=')?;
    let value = Zeroizing::new(percent_decode_str(value.trim()).collect::<Vec<u8>>());
    let mut value = HeaderValue::from_bytes(&value).ok()?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn of_text(text: &str) -> Result<Vec<(String, String)>, usize> {
        let headers = read(&text.into())?;
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        Ok(headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect())
    }

    #[test]
    fn headers_are_read_as_every_exporter_reads_them() {
        let both = of_text(" Authorization=Basic%20a2ltOnM= , x-scope-orgid = 7,").unwrap();

        let wanted = [("authorization", "Basic a2ltOnM="), ("x-scope-orgid", "7")];
        assert_eq!(both, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(of_text(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_header_is_named_by_its_place_and_none_is_shown() {
        for (text, nth) in [("s3cret", 1), ("a=b,s3cret", 2), ("a b=s3cret", 1), ("a=%0as3cret", 1)]
        {
            assert_eq!(of_text(text), Err(nth), "{text}");
        }
        let shown = format!("{:?}", read(&"a=s3cret".into()).unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_key_that_others_can_read_or_would_on_its_way_is_refused_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, mode| {
            let path = folder.path().join(name);
            fs::write(&path, "authorization=Bearer%20canary\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path.display().to_string()
        };
        let (own, open) = (file("own", 0o600), file("open", 0o644));
        let far = "http://collector.example.org:4318";
        let of_typed = |at: &str, option: &str, text: &str| {
            of(&Typed::parse_from(["phoenix", "--otlp-endpoint", at, option, text]).serve)
        };

        let near = of_typed("http://10.0.0.5:4318", "--otlp-headers-file", &own).unwrap();
        assert_eq!(near.get("authorization").unwrap(), "Bearer canary");
        for (at, option, text, why) in [
            ("https://example.org", "--otlp-headers-file", &*open, "can be read or written"),
            (far, "--otlp-headers-file", &own, "without encryption"),
            (far, "--otlp-headers-of-the-environment", "canary", "HEADERS says as number 1"),
        ] {
            let said = of_typed(at, option, text).unwrap_err();
            let said = format!("{said} {said:?} {:?}", said.hints());
            assert!(said.contains(why) && !said.contains("canary"), "{said}");
        }
    }
}
