//! `qm`: the commands for machines, as far as they were recorded.

pub(crate) mod job;

use serde_json::Value;

use crate::cli::Program;
use crate::run::Run;

/// The commands.
pub(crate) const QM: Program = Program { name: "qm", groups: &[] };

/// Returns what `qemu-img` says when it makes a file.
pub(crate) fn formatting(path: &str, bytes: u64) -> String {
    format!(
        "Formatting '{path}', fmt=qcow2 cluster_size=65536 extended_l2=off preallocation=metadata \
         compression_type=zlib size={bytes} lazy_refcounts=off refcount_bits=16\n"
    )
}

pub(crate) fn all_as_json(_: &Run) -> Value {
    Value::Array(Vec::new())
}

pub(crate) fn tags(_: &Run, _: u32) -> Option<String> {
    None
}
