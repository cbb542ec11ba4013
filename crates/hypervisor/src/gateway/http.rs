//! Routes over HTTP: a server for each name, and a path for each of them on the default server.

use std::fmt::Write as _;

use phoenix_domain::{ModelKind, Scheme};

use super::HEAD;
use super::offer::{Offer, Offers, called};

/// What holds for all servers. The hashes have room for labels of any length.
const COMMON: &str = r"
server_names_hash_bucket_size 256;
server_names_hash_max_size 4096;

map $http_upgrade $phoenix_connection {
    default upgrade;
    '' close;
}
map $http_host $phoenix_host {
    default $http_host;
    '' $host;
}
";

/// What every server has. A header that would be empty is not sent.
const SERVER: &str = r#"
    server_tokens off;
    ssl_certificate @certificate@; # tls
    ssl_certificate_key @key@; # tls
    ssl_protocols TLSv1.2 TLSv1.3; # tls

    set $phoenix_prefix "";
    proxy_http_version 1.1;
    proxy_connect_timeout 5s;
    proxy_set_header Host $phoenix_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $phoenix_connection;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $phoenix_host;
    proxy_set_header X-Forwarded-Prefix $phoenix_prefix;
"#;

/// What models need: every piece at once in both directions, answers that take their time, bodies of
/// any size.
const STREAMING: &str = r"        proxy_buffering off;
        proxy_request_buffering off;
        proxy_read_timeout 3600s;
        proxy_send_timeout 3600s;
        send_timeout 3600s;
        client_max_body_size 0;
        gzip off;
";

/// What everything else has.
const PLAIN: &str = r"        proxy_read_timeout 600s;
        proxy_send_timeout 600s;
        client_max_body_size 100m;
";

/// The paths of what models offer, by kind.
const CHAT: &[&str] = &["/v1/chat/completions", "/v1/completions"];
const EMBEDDING: &[&str] = &["/v1/embeddings"];
const MODELS: &[&str] = &["/v1/models"];

/// Returns the file.
pub(super) fn text(offers: &Offers<'_>) -> String {
    let mut text = format!("{HEAD}{COMMON}");
    // A String takes everything that is written to it.
    for (upstream, why) in &offers.left_out {
        let _written = writeln!(text, "\n# {} is not offered: {why}.", called(upstream));
    }
    let _written = write!(
        text,
        "\n# Whoever asks by an address, or by a name that is no route's.\nserver {{\n{listen}    \
         server_name _;\n{SERVER}\n    location = /phoenix/health {{\n        access_log off;\n        \
         return 204;\n    }}\n    location = /phoenix/generation {{\n        access_log off;\n        \
         default_type text/plain;\n        return 200 @generation@;\n    }}\n    location / {{\n{nowhere}    \
         }}\n",
        listen = listen(" default_server"),
        nowhere = sentence(404, "The gateway has no route of this name or path."),
    );
    models(offers, &mut text);
    for offer in &offers.sites {
        let label = &offer.label;
        let _written = write!(
            text,
            "\n    location /{label}/ {{ # {called}\n{leads}    }}\n",
            called = offer.called(),
            leads = leads(offer, true)
        );
    }
    text.push_str("}\n");
    for offer in &offers.sites {
        let label = &offer.label;
        let _written = write!(
            text,
            "\nserver {{ # {called}\n{listen}    server_name {label} {label}.*;\n{SERVER}\n    \
             location / {{\n{leads}    }}\n}}\n",
            called = offer.called(),
            listen = listen(""),
            leads = leads(offer, false)
        );
    }
    text
}

/// Returns where a server listens.
fn listen(more: &str) -> String {
    format!(
        "    listen 80{more};\n    listen [::]:80{more}; # ipv6\n    listen 443 ssl{more}; # tls\n    \
         listen [::]:443 ssl{more}; # ipv6 # tls\n"
    )
}

/// Writes the paths of what models offer, where it is clear which one is meant.
fn models(offers: &Offers<'_>, text: &mut String) {
    let (chat, embedding) = (offers.models(ModelKind::Chat), offers.models(ModelKind::Embedding));
    let all = if chat.is_empty() { &embedding } else { &chat };
    for (paths, servers, what) in [
        (CHAT, &chat, "serve chat models"),
        (EMBEDDING, &embedding, "serve embedding models"),
        (MODELS, all, "serve models"),
    ] {
        let leads = match servers.as_slice() {
            [] => continue,
            [one] => leads(one, false),
            several => {
                let guests: Vec<_> = several.iter().map(|offer| offer.called()).collect();
                let whom = guests.join(", ");
                let why =
                    format!("Several guests {what} ({whom}): ask one by the name of its route.");
                sentence(404, &why)
            }
        };
        for path in paths {
            let _written = write!(text, "\n    location = {path} {{\n{leads}    }}\n");
        }
    }
}

/// Returns what passes requests on to a guest; below a path of the gateway that path is taken away.
fn leads(offer: &Offer<'_>, is_path: bool) -> String {
    let (label, profile) = (&offer.label, if offer.streams { STREAMING } else { PLAIN });
    let Some(at) = offer.at() else {
        let called = offer.called();
        let why =
            format!("The address of guest {called} is not known now. It is taken up once it is.");
        return format!("        add_header Retry-After 10 always;\n{}", sentence(503, &why));
    };
    let (scheme, tls) = match offer.scheme {
        Scheme::Http | Scheme::Tcp => ("http", String::new()),
        Scheme::Https => (
            "https",
            format!(
                "        proxy_ssl_verify off;\n        proxy_ssl_server_name on;\n        \
                 proxy_ssl_name {label};\n"
            ),
        ),
    };
    if !is_path {
        return format!("        proxy_pass {scheme}://{at};\n{tls}{profile}");
    }
    format!(
        "        set $phoenix_prefix /{label};\n        proxy_pass {scheme}://{at}/;\n        \
         proxy_redirect {scheme}://{at}/ /{label}/;\n        proxy_redirect / /{label}/;\n        \
         proxy_cookie_path / /{label}/;\n{tls}{profile}"
    )
}

/// Returns what answers with a sentence.
fn sentence(status: u16, text: &str) -> String {
    format!("        default_type text/plain;\n        return {status} \"{text}\\n\";\n")
}
