//! Addresses that messages are sent to: which there can be, and which may go without encryption.

use std::net::{IpAddr, Ipv6Addr};

use url::Url;

/// What is wrong with an address, and what to do about it.
pub type Wrong = (String, String);

/// Whether messages may go over a network that is not private without being encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// Only to this machine and to private networks, by their numbers.
    Private,
    /// Somebody said so.
    Anywhere,
}

/// Reads an address.
pub fn read(text: &str, plain: Plain) -> Result<Url, Wrong> {
    let wrong = |what: &str, help: &str| Err((what.to_owned(), help.to_owned()));
    let whole = "write it whole, such as `https://hooks.example.org/phoenix`";
    let Ok(url) = Url::parse(text.trim()) else {
        return wrong("this is no address", whole);
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return wrong("this is no address of a web server", whole);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong(
            "there is a user or a password in this address",
            "take it out: what lets the monitor in is named by a file",
        );
    }
    if url.fragment().is_some() {
        return wrong("there is a `#` in this address, behind which nothing is sent", whole);
    }
    if url.scheme() == "http" && plain == Plain::Private && !is_private(&url) {
        return wrong(
            "messages would go there without encryption, and it is no private address",
            "write `https://`, or the number of a private address; or say that it may be so: \
             `\"allow_plain_http\": true`",
        );
    }
    Ok(url)
}

/// Returns the address of something that a server has.
pub fn below(server: &Url, path: &str) -> Url {
    let mut url = server.clone();
    let whole = format!("{}/{path}", server.path().trim_end_matches('/'));
    url.set_path(&whole);
    url
}

fn is_private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']').parse();
    match number {
        Ok(IpAddr::V4(at)) => at.is_loopback() || at.is_private() || at.is_link_local(),
        Ok(IpAddr::V6(at)) => is_private_v6(at),
        Err(_) => host == "localhost",
    }
}

fn is_private_v6(at: Ipv6Addr) -> bool {
    at.is_loopback() || at.is_unique_local() || at.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_encryption_messages_go_to_private_addresses_alone() {
        for text in [
            "https://hooks.example.org/x",
            "http://127.0.0.1:8080/x",
            "http://localhost/x",
            "http://10.0.0.5",
            "http://[fd00::1]:9093",
            "http://[::1]/",
        ] {
            assert!(read(text, Plain::Private).is_ok(), "{text}");
        }
        for text in ["http://hooks.example.org/x", "http://8.8.8.8", "http://localhost.example.org"]
        {
            assert!(
                read(text, Plain::Private).unwrap_err().1.contains("allow_plain_http"),
                "{text}"
            );
            assert!(read(text, Plain::Anywhere).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "hooks.example.org",
            "ftp://example.org/",
            "https://",
            "https://kim:pw@example.org/",
            "https://example.org/#x",
            "mailto:kim@example.org",
        ] {
            assert!(read(text, Plain::Anywhere).is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_server_has_is_below_it_wherever_that_is() {
        let at = |text: &str| below(&Url::parse(text).unwrap(), "api/v2/alerts").to_string();

        assert_eq!(at("http://10.0.0.5:9093"), "http://10.0.0.5:9093/api/v2/alerts");
        assert_eq!(at("http://10.0.0.5/alerts/"), "http://10.0.0.5/alerts/api/v2/alerts");
    }
}
