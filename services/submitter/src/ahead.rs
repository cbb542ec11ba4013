//! What would be done to guests, as workers foresee it: asked for here, and shown to people and
//! programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use phoenix_bus::{Ahead, Answers, Blind, Bus, Difference, Forecast, Inquiry, Question};
use phoenix_domain::{Goal, GuestKey, GuestSpec, Impact, NodeName, Run};
use serde_json::{Value, json};

use crate::words;

/// How long a worker may take to say that it is there.
pub(crate) const HELLO: Duration = Duration::from_secs(2);
/// How long it may take from one answer to the next.
const LOOK: Duration = Duration::from_secs(30);
/// How many hosts are asked at once.
const AT_ONCE: usize = 8;

/// A guest somebody wants to know about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) guest: GuestKey,
    pub(crate) name: String,
    pub(crate) host: NodeName,
    pub(crate) spec: Box<GuestSpec>,
    pub(crate) goal: Goal,
    /// What it is cloned from, where the configuration says how that is made.
    pub(crate) parent: Option<Box<GuestSpec>>,
}

/// Why nothing is known of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    pub(crate) why: String,
    pub(crate) advice: String,
    /// Whether that is because no worker answered.
    pub(crate) is_silence: bool,
}

/// What is known about a guest now.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) guest: GuestKey,
    pub(crate) name: String,
    pub(crate) host: NodeName,
    pub(crate) said: Result<Forecast, Unknown>,
}

/// Returns why no worker answered at all; nothing where one did.
pub(crate) fn silence(known: &[Known]) -> Option<&Unknown> {
    let silence = |one: &'_ Known| one.said.as_ref().is_err_and(|unknown| unknown.is_silence);
    if known.iter().all(silence) { known.first()?.said.as_ref().err() } else { None }
}

/// Asks about guests: each host once about many, and a silent one no second time. What is answered
/// is in the order in which it was asked.
pub(crate) async fn ask(bus: &Bus, subjects: &[Subject]) -> Vec<Known> {
    let mut hosts: BTreeMap<&NodeName, Vec<usize>> = BTreeMap::new();
    for (nth, subject) in subjects.iter().enumerate() {
        hosts.entry(&subject.host).or_default().push(nth);
    }
    let ask = |(host, places): (_, Vec<usize>)| async move {
        let of_host: Vec<_> = places.iter().filter_map(|nth| subjects.get(*nth)).collect();
        let said = ask_host(bus, host, &of_host).await;
        places.into_iter().zip(said).collect::<Vec<_>>()
    };
    let answers = stream::iter(hosts).map(ask).buffer_unordered(AT_ONCE);
    let mut said: Vec<_> = answers.collect::<Vec<_>>().await.into_iter().flatten().collect();
    said.sort_by_key(|(nth, _)| *nth);
    let known = subjects.iter().zip(said).map(|(subject, (_, said))| {
        let Subject { guest, name, host, .. } = subject.clone();
        Known { guest, name, host, said }
    });
    known.collect()
}

/// Asks one host, whose worker has to say first that it is there.
async fn ask_host(
    bus: &Bus,
    host: &NodeName,
    subjects: &[&Subject],
) -> Vec<Result<Forecast, Unknown>> {
    let inquiry = |subject: &&Subject| {
        let Subject { spec, goal, parent, .. } = (*subject).clone();
        Inquiry { guest: spec, goal, parent }
    };
    let answers = match bus.question(host, &Question::Hello, HELLO).await {
        Ok(_) => {
            let inquiries: Vec<_> = subjects.iter().map(inquiry).collect();
            bus.forecasts(host, &inquiries, LOOK).await
        }
        Err(err) => Answers { told: subjects.iter().map(|_| None).collect(), silence: Some(err) },
    };
    let silence = answers.silence.map(|err| Unknown {
        why: err.to_string(),
        advice: err.advice(),
        is_silence: true,
    });
    let look_at_it = || format!("look at host {host}");
    let said = answers.told.into_iter().map(|told| match (told, &silence) {
        (Some(Ok(forecast)), _) => Ok(*forecast),
        (Some(Err(Blind { what, advice })), _) => {
            Err(Unknown { why: what, advice: advice.unwrap_or_else(look_at_it), is_silence: false })
        }
        (None, Some(silence)) => Err(silence.clone()),
        (None, None) => Err(Unknown {
            why: format!("the worker of host {host} did not answer"),
            advice: look_at_it(),
            is_silence: true,
        }),
    });
    said.collect()
}

/// How many changes of each kind there are, and of how many guests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) guests: usize,
    pub(crate) live: usize,
    pub(crate) restart: usize,
    pub(crate) rebuild: usize,
    pub(crate) data_loss: usize,
    /// Guests of which it is not known, or whose plan stands still at a refusal.
    pub(crate) open: usize,
}

impl Tally {
    pub(crate) fn of(known: &[Known]) -> Self {
        let mut tally = Self::default();
        for one in known {
            let Ok(forecast) = &one.said else {
                tally.open += 1;
                continue;
            };
            tally.open += usize::from(forecast.refusal.is_some());
            tally.guests += usize::from(!forecast.changes.is_empty());
            for change in &forecast.changes {
                *match change.impact {
                    Impact::Live => &mut tally.live,
                    Impact::Restart => &mut tally.restart,
                    Impact::Rebuild => &mut tally.rebuild,
                    Impact::DataLoss => &mut tally.data_loss,
                } += 1;
            }
        }
        tally
    }

    pub(crate) fn changes(self) -> usize {
        self.live + self.restart + self.rebuild + self.data_loss
    }

    fn text(self) -> String {
        let Self { guests, live, restart, rebuild, data_loss, open } = self;
        let kinds = [
            (live, Impact::Live),
            (restart, Impact::Restart),
            (rebuild, Impact::Rebuild),
            (data_loss, Impact::DataLoss),
        ];
        let kinds: Vec<_> = kinds
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, impact)| format!("{count} {impact}"))
            .collect();
        let mut text = match self.changes() {
            0 => "no changes".to_owned(),
            changes => format!(
                "{} to {}: {}",
                words::count(changes, "change", "changes"),
                words::count(guests, "guest", "guests"),
                kinds.join(", ")
            ),
        };
        if open > 0 {
            let open = words::count(open, "guest is", "guests are");
            // A String takes everything that is written to it.
            let _written = write!(text, "; {open} not known to the end");
        }
        text.push_str("; nothing was run\n");
        text
    }
}

/// Returns what would be done, for people.
pub(crate) fn text(known: &[Known]) -> String {
    let mut text = String::new();
    let mut unchanged = Vec::new();
    for one in known {
        let title = words::guest(one.guest, &one.name);
        match &one.said {
            Ok(forecast) if forecast.changes.is_empty() && forecast.refusal.is_none() => {
                unchanged.push(title);
            }
            Ok(forecast) => {
                let _written = writeln!(text, "{title} on {}{}", one.host, state(forecast));
                let widest =
                    forecast.changes.iter().map(|ahead| ahead.step.to_string().len()).max();
                for ahead in &forecast.changes {
                    change(&mut text, ahead, widest.unwrap_or_default());
                }
                if let Some(refusal) = &forecast.refusal {
                    let (what, advice) = (words::line(&refusal.what), words::line(&refusal.advice));
                    let _written =
                        writeln!(text, "  then it stands still at {}: {what}", refusal.step);
                    let _written = writeln!(text, "    {advice}");
                }
                text.push('\n');
            }
            Err(unknown) => {
                let _written = writeln!(text, "{title} on {}", one.host);
                let _written = writeln!(text, "  not known: {}", words::line(&unknown.why));
                let _written = writeln!(text, "    {}\n", words::line(&unknown.advice));
            }
        }
    }
    if !unchanged.is_empty() {
        let _written = writeln!(text, "no change: {}\n", unchanged.join(", "));
    }
    text.push_str(&Tally::of(known).text());
    text
}

fn state(forecast: &Forecast) -> &'static str {
    match forecast.run {
        None => ", not there yet",
        Some(Run::Stopped) => ", stands still",
        Some(Run::Running) => ", runs",
        Some(Run::RunningStale) => ", runs, and waits for a restart",
    }
}

fn change(text: &mut String, ahead: &Ahead, widest: usize) {
    let (impact, what) = (ahead.impact.to_string(), words::line(&ahead.change));
    let perhaps = if ahead.is_certain {
        ""
    } else {
        " (unless it is there already: nobody can look inside now)"
    };
    let step = ahead.step.to_string();
    let _written = writeln!(text, "  {impact:<9}  {step:<widest$}  {what}{perhaps}");
    for command in &ahead.commands {
        let _written = writeln!(text, "             $ {}", words::line(command));
    }
}

/// Returns what would be done to one guest, for programs.
pub(crate) fn json(known: &Known) -> Value {
    match &known.said {
        Ok(forecast) => json!({
            "host": known.host,
            "owner": forecast.owner,
            "run": forecast.run,
            "changes": forecast.changes.iter().map(change_json).collect::<Vec<_>>(),
            "refusal": forecast.refusal.as_ref().map(|refusal| json!({
                "step": refusal.step, "what": refusal.what, "advice": refusal.advice,
            })),
        }),
        Err(unknown) => json!({
            "host": known.host,
            "error": { "what": unknown.why, "advice": unknown.advice },
        }),
    }
}

fn difference_json(difference: &Difference) -> Value {
    let Difference { what, have, wanted } = difference;
    json!({ "what": what, "have": have, "wanted": wanted })
}

fn change_json(ahead: &Ahead) -> Value {
    json!({
        "step": ahead.step,
        "change": ahead.change,
        "differences": ahead.differences.iter().map(difference_json).collect::<Vec<_>>(),
        "impact": ahead.impact,
        "isCertain": ahead.is_certain,
        "commands": ahead.commands,
    })
}

#[cfg(test)]
mod tests {
    use phoenix_bus::Refused;
    use phoenix_domain::{Owner, StepName, Verdict};

    use super::*;

    fn ahead(step: StepName, change: &str, impact: Impact, commands: &[&str]) -> Ahead {
        let commands = commands.iter().map(|one| (*one).to_owned()).collect();
        Ahead {
            step,
            change: change.to_owned(),
            impact,
            is_certain: true,
            differences: Vec::new(),
            commands,
        }
    }

    fn forecast(changes: Vec<Ahead>) -> Forecast {
        Forecast {
            owner: Some(Owner::Phoenix),
            run: Some(Run::Running),
            addresses: Vec::new(),
            root_disk: None,
            volumes: Vec::new(),
            kept: Vec::new(),
            snapshots: Vec::new(),
            outdated: std::collections::BTreeSet::new(),
            changes,
            refusal: None,
        }
    }

    fn known(vmid: u32, said: Result<Forecast, Unknown>) -> Known {
        let guest: GuestKey = format!("lxc-{vmid}").parse().unwrap();
        Known { guest, name: format!("guest-{vmid}"), host: "pve1".parse().unwrap(), said }
    }

    #[test]
    fn a_plan_says_of_every_change_what_it_costs_and_how_it_is_made() {
        let set = ahead(
            StepName::ApplyConfigurations,
            "set memory, cores",
            Impact::Live,
            &["pct set 950 --memory 8192", "pct set 950 --cores 4"],
        );
        let restart =
            ahead(StepName::StartContainer, "restart it", Impact::Restart, &["pct reboot 950"]);
        let feature = Ahead {
            is_certain: false,
            ..ahead(StepName::ApplyFeatures, "install base", Impact::Live, &[])
        };
        let refusal = Refused {
            step: StepName::EnsureContainerDefined,
            what: "the number belongs to a guest that Phoenix did not make".to_owned(),
            advice: "take it over with `phoenix adopt`".to_owned(),
            verdict: Verdict::AskHuman,
        };
        let (why, advice) = ("no worker\nlistens".to_owned(), "start one".to_owned());
        let silent = Unknown { why, advice, is_silence: true };
        let all = [
            known(900, Ok(forecast(Vec::new()))),
            known(901, Ok(forecast(Vec::new()))),
            known(950, Ok(forecast(vec![set, restart, feature]))),
            known(951, Ok(Forecast { refusal: Some(refusal), ..forecast(Vec::new()) })),
            known(952, Err(silent)),
        ];

        insta::assert_snapshot!(text(&all));
        insta::assert_snapshot!(text(all.get(..2).unwrap_or_default()), @r"
        no change: 900 guest-900, 901 guest-901

        no changes; nothing was run
        ");
    }
}
