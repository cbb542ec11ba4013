//! `phoenix nodes`: whether somebody works on each node, and what waits for that.

use serde_json::json;

use crate::cli::{ListFormat, NodesArgs};
use crate::error::CommandError;
use crate::nodes;
use crate::output::Output;
use crate::session;
use crate::states::States;

pub(super) fn run(args: &NodesArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(show(args, output))
}

async fn show(args: &NodesArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.list.connect, output).await?;
    let bus = &session.bus;
    let (states, hosts, drains) =
        (States::read(bus).await?, bus.hosts().await?, bus.drains().await?);
    let mut nodes = nodes::all(&states, &hosts, &drains);
    if !args.nodes.is_empty() {
        nodes = nodes::find(nodes, &args.nodes)?;
    }
    let now = session::now();
    match args.list.output {
        ListFormat::Json => {
            let nodes: Vec<_> = nodes.iter().map(|one| one.json(now)).collect();
            let document =
                json!({ "apiVersion": "phoenix.dev/v1", "kind": "NodeList", "nodes": nodes });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
        ListFormat::Text if nodes.is_empty() => {
            output.remark("no worker was seen yet, and no guest was submitted")?;
        }
        ListFormat::Text => {
            output.data(&nodes::text(&nodes, now))?;
            for remark in nodes.iter().filter_map(|one| one.remark(now)) {
                output.remark(&remark)?;
            }
        }
    }
    Ok(0)
}
