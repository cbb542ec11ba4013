//! `meta-data`: who a machine is.

use serde::Serialize;

use super::Names;

/// Who a machine is.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct MetaData<'m> {
    instance_id: &'m str,
    local_hostname: &'m str,
}

/// Returns who a machine is.
pub(super) fn data<'m>(instance: &'m str, names: &Names<'m>) -> MetaData<'m> {
    MetaData { instance_id: instance, local_hostname: names.host }
}
