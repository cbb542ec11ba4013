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
    let digits =
        name.get(..3).filter(|start| start.eq_ignore_ascii_case("PHX")).map(|_| &name[3..]);
    let is_code = digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_code && let Ok(incident) = name.parse() {
        return super::health::explain(&incident, &args.connect, output);
    }
    let code = Code::find(name).ok_or_else(|| CommandError::NoSuchCode { code: name.clone() })?;
    output.data(code.page)?;
    Ok(0)
}
