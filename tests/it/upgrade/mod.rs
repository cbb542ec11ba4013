//! Two versions at one stream: the programs of an older revision beside those that are built here. `cargo xtask
//! upgrade` builds them and runs this; it is not part of the other tests.

#![expect(clippy::indexing_slicing, reason = "a broken fixture should stop the test")]

mod continued;
mod neighbours;
mod rolling;
mod site;
