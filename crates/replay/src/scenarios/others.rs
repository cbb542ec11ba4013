//! `PostgreSQL`, Redis and nginx.

use crate::scene::{Page, Says, Scene};

const BAD_GATEWAY: &str = include_str!("../../recorded/nginx-502.html");
const GATEWAY_TIMEOUT: &str = include_str!("../../recorded/nginx-504.html");

pub(super) fn pg_password() -> Scene {
    Scene::bytes("postgresql: wants a password", b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0")
}

pub(super) fn pg_no_data() -> Scene {
    Scene::bytes(
        "postgresql: its files are gone",
        b"R\0\0\0\x08\0\0\0\0E\0\0\0\x86SFATAL\0VFATAL\0C3D000\0Mdatabase \"postgres\" does not exist\0\
          DThe database subdirectory \"base/5\" is missing.\0Fpostinit.c\0L1076\0RInit\0\0",
    )
}

pub(super) fn pg_starting() -> Scene {
    Scene::bytes(
        "postgresql: on its way up",
        b"E\0\0\0\x60SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\
          Fpostmaster.c\0L2405\0RProcessStart\0\0",
    )
}

pub(super) fn redis_ok() -> Scene {
    Scene::bytes("redis: healthy", b"+PONG\r\n")
}

pub(super) fn redis_noauth() -> Scene {
    Scene::bytes("redis: wants a password", b"-NOAUTH Authentication required.\r\n")
}

pub(super) fn redis_loading() -> Scene {
    Scene::bytes("redis: loading", b"-LOADING Redis is loading the dataset in memory\r\n")
}

fn nginx(name: &'static str, says: Says) -> Scene {
    let own = Page::new("GET /healthz", Says::text(200, "ok\n"));
    Scene::pages(name, [own, Page::new("GET /*", says)])
}

fn html(status: u16, body: &'static str) -> Says {
    Says::Answer { status, kind: "text/html", body: body.into() }
}

pub(super) fn nginx_ok() -> Scene {
    nginx("nginx: healthy", Says::text(200, "what lies behind\n"))
}

pub(super) fn nginx_502() -> Scene {
    nginx("nginx: what lies behind refuses", html(502, BAD_GATEWAY))
}

pub(super) fn nginx_504() -> Scene {
    nginx("nginx: what lies behind hangs", html(504, GATEWAY_TIMEOUT))
}
