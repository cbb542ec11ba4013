//! `cargo xtask`: the tasks of the repository.

fn main() {}
