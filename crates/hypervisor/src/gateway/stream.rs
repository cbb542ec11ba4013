//! Routes whose bytes are passed on, whatever they are.

use std::fmt::Write as _;

use super::HEAD;
use super::offer::Offers;

/// Returns the file; nothing but its head where there is no such route.
pub(super) fn text(offers: &Offers<'_>) -> String {
    let mut text = HEAD.to_owned();
    if offers.ports.is_empty() {
        return text;
    }
    text.push_str("\nstream {\n");
    for offer in &offers.ports {
        let (called, port) = (offer.called(), offer.port);
        // A String takes everything that is written to it.
        let _written = match offer.at() {
            Some(at) => write!(
                text,
                "    server {{ # {called}\n        listen {port};\n        listen [::]:{port}; # ipv6\n        \
                 proxy_pass {at};\n        proxy_connect_timeout 5s;\n        proxy_timeout 1h;\n    }}\n"
            ),
            None => writeln!(
                text,
                "    # {called}: port {port} leads nowhere, its address is not known"
            ),
        };
    }
    text.push_str("}\n");
    text
}
