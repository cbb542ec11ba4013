//! The names under which gateways offer guests.

use crate::{ModelServer, Route};

/// How a gateway speaks to what a route leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS, whoever signed the certificate.
    Https,
    /// Whatever it is: bytes are passed on from the same port of the gateway.
    Tcp,
}

/// What a model server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelKind {
    /// It goes on with a text.
    Chat,
    /// It turns texts into vectors.
    Embedding,
}

/// The longest label of a host name.
const LONGEST: usize = 63;
/// Names by which a gateway calls itself.
const RESERVED: &[&str] = &["localhost"];
/// Ports that a gateway itself listens on.
const OWN_PORTS: &[u16] = &[80, 443];

impl Route {
    /// Returns its name as it stands in addresses, if it is one label of a host name.
    pub fn label(&self) -> Option<String> {
        let label = self.name.to_ascii_lowercase();
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        let is_label = label.len() <= LONGEST
            && bytes.iter().copied().all(is_inner)
            && is_edge(bytes.first())
            && is_edge(bytes.last())
            && !RESERVED.contains(&label.as_str());
        is_label.then_some(label)
    }

    /// Returns how it is spoken to, if its scheme is one that is known.
    pub fn scheme(&self) -> Option<Scheme> {
        match self.scheme.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("http") => Some(Scheme::Http),
            Some("https") => Some(Scheme::Https),
            Some("tcp") => Some(Scheme::Tcp),
            Some(_) => None,
        }
    }

    /// Returns the port of the gateway that it takes for itself.
    pub fn own_port(&self) -> Option<u16> {
        (self.scheme() == Some(Scheme::Tcp)).then_some(self.port)
    }

    /// Says why no gateway can offer it.
    pub fn fault(&self) -> Option<&'static str> {
        let is_taken = self.own_port().is_some_and(|port| OWN_PORTS.contains(&port));
        match (self.label(), self.scheme()) {
            (None, _) => Some("its name is not one label of a host name"),
            (Some(_), None) => Some("its scheme is none of http, https and tcp"),
            (Some(_), Some(_)) if is_taken => Some("the gateway itself listens on its port"),
            (Some(_), Some(_)) => None,
        }
    }
}

impl ModelServer {
    /// Returns what it does.
    pub fn kind(&self) -> ModelKind {
        let kind = self.model_type.as_deref().unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("embed") { ModelKind::Embedding } else { ModelKind::Chat }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str, port: u16, scheme: Option<&str>) -> Route {
        Route { name: name.into(), port, scheme: scheme.map(Into::into) }
    }

    #[test]
    fn a_name_is_one_label_in_small_letters_or_none_at_all() {
        assert_eq!(route("Granite-3b", 1, None).label().as_deref(), Some("granite-3b"));
        assert_eq!(route("open_webui", 1, None).label().as_deref(), Some("open_webui"));
        let long = "x".repeat(64);
        for bad in ["", "a b", "a.b", "-a", "a-", "ä", "a;", "a\n", "localhost", "..", &long] {
            assert_eq!(route(bad, 1, None).label(), None, "{bad:?}");
        }
    }

    #[test]
    fn what_no_gateway_can_offer_is_told_apart() {
        assert_eq!(route("a", 80, None).fault(), None);
        assert_eq!(route("a", 5432, Some("TCP")).fault(), None);
        assert!(route("a b", 80, None).fault().unwrap().contains("name"));
        assert!(route("a", 80, Some("udp")).fault().unwrap().contains("scheme"));
        assert!(route("a", 443, Some("tcp")).fault().unwrap().contains("port"));
    }
}
