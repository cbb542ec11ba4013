//! `phoenix schema`: the JSON Schema of a file.

use phoenix_config::{Described, schema};

use crate::cli::{SchemaArgs, SchemaOf};
use crate::error::CommandError;
use crate::output::Output;

pub(super) fn run(args: &SchemaArgs, output: &mut Output) -> Result<u8, CommandError> {
    let described = match args.file {
        SchemaOf::Lxc => Described::Lxc,
        SchemaOf::Vm => Described::Vm,
        SchemaOf::Hypervisor => Described::Hypervisor,
        SchemaOf::Inventory => Described::Inventory,
        SchemaOf::Feature => Described::Feature,
        SchemaOf::Channels => Described::Channels,
        SchemaOf::Webhooks => Described::Webhooks,
    };
    output.data(&format!("{}\n", serde_json::to_string_pretty(&schema(described))?))?;
    Ok(0)
}
