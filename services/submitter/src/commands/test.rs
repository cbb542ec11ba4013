//! `phoenix test`: runs the tests of a guest inside of it, and says which passed.

use std::fmt::Write as _;

use phoenix_bus::{Answer, Bus, Question, Unanswered};
use phoenix_domain::{GuestSpec, Record, TestScript};
use serde_json::{Value, json};

use crate::cli::{ListFormat, TestArgs};
use crate::error::{CommandError, EXIT_FAILED, EXIT_UNAVAILABLE};
use crate::output::Output;
use crate::session;
use crate::states::States;
use crate::words;

/// How much of what a test printed is shown where it failed.
const SHOWN: usize = 20;

/// A test, and how it went.
struct Ran<'s> {
    suite: &'s str,
    test: &'s TestScript,
    went: Result<Went, Unanswered>,
}

struct Went {
    passed: bool,
    output: String,
    took_ms: u64,
}

pub(super) fn run(args: &TestArgs, output: &mut Output) -> Result<u8, CommandError> {
    session::run(test(args, output))
}

async fn test(args: &TestArgs, output: &mut Output) -> Result<u8, CommandError> {
    let session = session::open(&args.list.connect, output).await?;
    let states = States::read(&session.bus).await?;
    let never = CommandError::NeverSubmitted { asked: args.guest };
    let record = states.with_number(args.guest).ok_or(never)?;
    let spec = record.desired.spec.read().map_err(|err| CommandError::NotKnown {
        asked: args.guest,
        why: format!("its spec cannot be read by this version: {err}"),
        advice: format!("`phoenix submit {}` writes it anew", args.guest),
    })?;
    let wanted = wanted(&spec, args)?;
    let mut all = Vec::new();
    for (suite, test) in wanted {
        let ran = Ran { suite, test, went: ask(&session.bus, record, &spec, test, args).await };
        if args.list.output == ListFormat::Text {
            output.data(&line(&ran))?;
        }
        all.push(ran);
    }
    let failed = all.iter().filter(|ran| !matches!(&ran.went, Ok(went) if went.passed)).count();
    match args.list.output {
        ListFormat::Text => {
            let count = words::count(all.len(), "test", "tests");
            let not_run = all.iter().filter(|ran| ran.went.is_err()).count();
            let end = match (failed - not_run, not_run) {
                (0, 0) => "all passed".to_owned(),
                (failed, 0) => format!("{failed} failed"),
                (0, not_run) => format!("{not_run} not run"),
                (failed, not_run) => format!("{failed} failed, {not_run} not run"),
            };
            output.data(&format!("{count}: {end}\n"))?;
        }
        ListFormat::Json => {
            let tests: Vec<_> = all.iter().map(to_json).collect();
            let document = json!({
                "apiVersion": "phoenix.dev/v1", "kind": "TestList",
                "guest": record.guest, "tests": tests,
            });
            output.data(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
    }
    let is_silent = |ran: &Ran<'_>| {
        matches!(ran.went, Err(Unanswered::Nobody { .. } | Unanswered::NotAsked { .. }))
    };
    Ok(match failed {
        0 => 0,
        _ if all.iter().all(is_silent) => EXIT_UNAVAILABLE,
        _ => EXIT_FAILED,
    })
}

/// Returns the tests that were asked for, suite by suite.
fn wanted<'s>(
    spec: &'s GuestSpec,
    args: &TestArgs,
) -> Result<Vec<(&'s str, &'s TestScript)>, CommandError> {
    let is_wanted =
        |suite: &str| args.suite.is_empty() || args.suite.iter().any(|one| one == suite);
    let suites = spec.tests.iter().filter(|(suite, _)| is_wanted(suite));
    let wanted: Vec<_> =
        suites.flat_map(|(suite, tests)| tests.iter().map(|test| (&**suite, test))).collect();
    let missing = args.suite.iter().find(|suite| !spec.tests.contains_key(suite.as_str()));
    match missing {
        None if !wanted.is_empty() => Ok(wanted),
        missing => Err(CommandError::NoSuchTests {
            asked: args.guest,
            suite: missing.cloned(),
            there: spec.tests.keys().map(ToString::to_string).collect(),
        }),
    }
}

async fn ask(
    bus: &Bus,
    record: &Record,
    spec: &GuestSpec,
    test: &TestScript,
    args: &TestArgs,
) -> Result<Went, Unanswered> {
    let host = &record.desired.host;
    let question = Question::Test { guest: Box::new(spec.clone()), script: test.path.clone() };
    match bus.question(host, &question, args.timeout).await? {
        Answer::Tested { passed, output, took_ms } => Ok(Went { passed, output, took_ms }),
        Answer::Failed { what, advice } => {
            Err(Unanswered::Failed { host: host.clone(), what, advice })
        }
        Answer::Here { .. }
        | Answer::Inspected { .. }
        | Answer::Plan { .. }
        | Answer::Blind { .. } => {
            let what = "it says something else".to_owned();
            Err(Unanswered::Failed { host: host.clone(), what, advice: None })
        }
    }
}

fn line(Ran { suite, test, went }: &Ran<'_>) -> String {
    let title = format!("{suite}: {} ({})", words::line(&test.name), test.path);
    match went {
        Ok(Went { passed: true, took_ms, .. }) => {
            format!("passed  {title}  {}\n", words::took(*took_ms))
        }
        Ok(Went { passed: false, output, took_ms }) => {
            let mut text = format!("failed  {title}  {}\n", words::took(*took_ms));
            let lines = words::lines(output);
            for line in lines.iter().skip(lines.len().saturating_sub(SHOWN)) {
                let _written = writeln!(text, "        | {line}");
            }
            text
        }
        Err(err) => {
            let (err_line, advice) = (words::line(&err.to_string()), words::line(&err.advice()));
            format!("not run {title}\n        {err_line}\n        {advice}\n")
        }
    }
}

fn to_json(Ran { suite, test, went }: &Ran<'_>) -> Value {
    let mut value = json!({ "suite": suite, "name": test.name, "script": test.path });
    let more = match went {
        Ok(Went { passed, output, took_ms }) => json!({
            "result": if *passed { "passed" } else { "failed" },
            "output": output, "tookMs": took_ms,
        }),
        Err(err) => {
            json!({ "result": "not-run", "why": err.to_string(), "advice": err.advice() })
        }
    };
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}
