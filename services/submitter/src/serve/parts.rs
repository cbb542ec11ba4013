//! The parts of the page, as they are loaded by a browser.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use super::answers::Shared;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Where each part is, what it is, and its text.
const PARTS: [(&str, &str, &str); 10] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/page/page.css", CSS, include_str!("page/page.css")),
    ("/page/page.js", SCRIPT, include_str!("page/page.js")),
    ("/page/make.js", SCRIPT, include_str!("page/make.js")),
    ("/page/site.js", SCRIPT, include_str!("page/site.js")),
    ("/page/table.js", SCRIPT, include_str!("page/table.js")),
    ("/page/lists.js", SCRIPT, include_str!("page/lists.js")),
    ("/page/guest.js", SCRIPT, include_str!("page/guest.js")),
    ("/page/act.js", SCRIPT, include_str!("page/act.js")),
    ("/page/door.js", SCRIPT, include_str!("page/door.js")),
];

pub(super) fn routes() -> Router<Shared> {
    PARTS.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(move || async move { ([(CONTENT_TYPE, kind)], text) }))
    })
}
