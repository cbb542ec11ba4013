//! `phoenix explain`: the page of a code, or the story of an incident.

use phoenix_config::Code;

use crate::cli::ExplainArgs;
use crate::error::CommandError;
use crate::output::Output;

pub(super) fn run(args: &ExplainArgs, output: &mut Output) -> Result<u8, CommandError> {
    let Some(name) = &args.code else {
        for code in Code::all() {
            output.data(&format!("{code}  {:<7}  {}\n", code.level.word(), code.title))?;
        }
        return Ok(0);
    };
    if let Ok(incident) = name.parse() {
        return super::health::explain(&incident, &args.connect, output);
    }
    let code = Code::find(name).ok_or_else(|| CommandError::NoSuchCode { code: name.clone() })?;
    output.data(code.page)?;
    Ok(0)
}
