//! One probe: which readings make which condition.

use phoenix_domain::health::{
    Ask, Condition, Found, Judge, Probe, Process, Progress, Reading, Reason, Silence,
};

use crate::ward::{evidence, time, vllm};

const REFUSED: Found = Found::Silent(Silence::Refused);
const TIMED_OUT: Found = Found::Silent(Silence::TimedOut);

fn alive(stir: u64) -> Process {
    Process::Alive { stir, restarts: 0 }
}

/// A probe of a server that has been well for long.
struct Bench {
    judge: Judge,
    probe: Probe,
    second: i64,
    stir: u64,
}

impl Bench {
    fn new(ask: Ask) -> Self {
        let probe = Probe::new("api", ask);
        Self { judge: Judge::new(time(0)), probe, second: 0, stir: 0 }
    }

    fn well(ask: Ask) -> Self {
        let mut bench = Self::new(ask);
        bench.reads(2, Found::Serving);
        assert_eq!(bench.judge.condition(), Condition::Healthy);
        bench
    }

    fn started(ask: Ask) -> Self {
        let mut bench = Self::new(ask);
        bench.judge.restarted(time(0));
        bench
    }

    fn read(&mut self, found: Found, progress: Option<Progress>) -> Condition {
        self.second += 10;
        let reading = Reading { at: time(self.second), found, progress, evidence: evidence() };
        self.judge.read(&self.probe, &reading, None);
        self.judge.condition()
    }

    fn reads(&mut self, times: usize, found: Found) -> Condition {
        for _ in 0..times {
            self.read(found.clone(), None);
        }
        self.judge.condition()
    }

    fn counts(&mut self, times: usize, found: Found, each: u64, running: u32) -> Condition {
        for _ in 0..times {
            let done = self.stir + each;
            self.stir = done;
            self.read(found.clone(), Some(Progress { done, running, waiting: 0 }));
        }
        self.judge.condition()
    }

    fn sees(&mut self, process: Process) {
        self.judge.see(process, time(self.second + 9));
    }
}

/// How many such readings in a row make a server that was well fail, within 30.
fn falls_after(ask: Ask, found: &Found, process: Option<Process>) -> Option<(usize, Condition)> {
    let mut bench = Bench::well(ask);
    (1..=30).find_map(|count| {
        if let Some(process) = process {
            bench.sees(process);
        }
        let condition = bench.read(found.clone(), None);
        condition.is_failed().then_some((count, condition))
    })
}

#[test]
fn a_server_fails_after_as_many_readings_as_what_they_say_deserves() {
    let alive = Some(alive(7));
    let failing = |reason| Found::Failing(reason);
    #[rustfmt::skip]
    let table = [
        (REFUSED,                         Some(Process::Gone),       Some((2, Reason::Exited))),
        (REFUSED,                         Some(Process::Restarting { restarts: 0 }), Some((2, Reason::Exited))),
        (REFUSED,                         Some(Process::GivenUp),    Some((2, Reason::CrashLoop))),
        (TIMED_OUT,                       Some(Process::Gone),       Some((2, Reason::Exited))),
        (failing(Reason::EngineDead),     alive,                     Some((2, Reason::EngineDead))),
        (TIMED_OUT,                       alive,                     Some((3, Reason::Unresponsive))),
        (TIMED_OUT,                       None,                      Some((3, Reason::Unresponsive))),
        (Found::Silent(Silence::Broken),  None,                      Some((3, Reason::Unresponsive))),
        (failing(Reason::AnswersError),   None,                      Some((3, Reason::AnswersError))),
        (failing(Reason::DataMissing),    alive,                     Some((3, Reason::DataMissing))),
        (failing(Reason::RecoveryMode),   alive,                     Some((3, Reason::RecoveryMode))),
        (failing(Reason::QuorumLost),     alive,                     Some((3, Reason::QuorumLost))),
        // One token that does not come says little; none for two minutes does.
        (failing(Reason::Hung),           alive,                     Some((13, Reason::Hung))),
        (failing(Reason::Saturated),      alive,                     None),
        (failing(Reason::UpstreamDown),   None,                      None),
        (failing(Reason::Optimising),     None,                      None),
        (Found::Worse(Reason::WrongModel), alive,                    None),
        (Found::Unasked(Reason::ProbeAuth), None,                    None),
        (Found::Unasked(Reason::Unreachable), None,                  None),
    ];
    for (found, process, wanted) in table {
        let came = falls_after(vllm(), &found, process);
        let wanted = wanted.map(|(count, reason)| (count, Condition::Failed(reason)));
        assert_eq!(came, wanted, "{found:?} with {process:?}");
    }
}

#[test]
fn a_server_that_serves_worse_or_cannot_be_asked_is_called_that() {
    let after = |found: Found| Bench::well(vllm()).reads(3, found);
    let degraded = Condition::Degraded;
    assert_eq!(after(Found::Worse(Reason::WrongModel)), degraded(Reason::WrongModel));
    assert_eq!(after(Found::Worse(Reason::GpuLost)), degraded(Reason::GpuLost));
    assert_eq!(after(Found::Failing(Reason::Saturated)), degraded(Reason::Saturated));
    assert_eq!(after(Found::Failing(Reason::UpstreamDown)), degraded(Reason::UpstreamDown));
    assert_eq!(after(Found::Unasked(Reason::ProbeAuth)), Condition::Unknown(Reason::ProbeAuth));
}

#[test]
fn a_refusal_alone_may_be_a_start() {
    for process in [None, Some(alive(1))] {
        let mut bench = Bench::well(vllm());
        let saw = |bench: &mut Bench, times: usize| {
            for _ in 0..times {
                if let Some(process) = process {
                    bench.sees(process);
                }
                bench.read(REFUSED, None);
            }
            bench.judge.condition()
        };
        assert_eq!(saw(&mut bench, 2), Condition::Healthy);
        assert_eq!(saw(&mut bench, 1), Condition::Starting);
        assert_eq!(saw(&mut bench, 117), Condition::Starting, "it has its 20 minutes");
        assert_eq!(saw(&mut bench, 5), Condition::Failed(Reason::StartStalled));
    }
}

#[test]
fn work_that_stands_for_two_minutes_is_a_hang_however_well_it_answers() {
    for found in [Found::Serving, TIMED_OUT, Found::Failing(Reason::AnswersError)] {
        let mut bench = Bench::well(vllm());
        bench.counts(1, Found::Serving, 634, 4);
        if found == Found::Serving {
            assert_eq!(bench.counts(11, found.clone(), 0, 4), Condition::Healthy);
        } else {
            bench.counts(11, Found::Serving, 0, 4);
        }
        assert_eq!(bench.counts(1, found, 0, 4), Condition::Failed(Reason::Hung));
    }
}

#[test]
fn whatever_moves_is_never_failed() {
    for found in [
        TIMED_OUT,
        REFUSED,
        Found::Failing(Reason::EngineDead),
        Found::Failing(Reason::Hung),
        Found::Failing(Reason::AnswersError),
    ] {
        let mut bench = Bench::well(vllm());
        for _ in 0..1000 {
            let condition = bench.counts(1, found.clone(), 1, 4);
            assert!(!condition.is_failed(), "{found:?}: {condition}");
        }
    }
}

#[test]
fn answers_in_between_that_show_work_keep_a_busy_server_from_failing() {
    let mut bench = Bench::well(vllm());
    bench.counts(1, Found::Serving, 5, 40);
    for _ in 0..1000 {
        bench.reads(2, TIMED_OUT);
        let condition = bench.counts(1, TIMED_OUT, 3, 40);
        assert!(!condition.is_failed(), "{condition}");
    }
}

#[test]
fn a_process_that_stirs_is_given_longer_to_answer() {
    let mut bench = Bench::well(vllm());
    for stir in 0..11 {
        bench.sees(alive(stir));
        assert!(!bench.read(TIMED_OUT, None).is_failed());
    }
    bench.sees(alive(12));
    assert_eq!(bench.read(TIMED_OUT, None), Condition::Failed(Reason::Unresponsive));
}

#[test]
fn a_service_that_is_started_again_and_again_fails_though_each_look_finds_it_starting() {
    for found in [REFUSED, Found::Loading] {
        let mut bench = Bench::started(vllm());
        let mut turns = (0..30).filter_map(|restarts| {
            bench.sees(Process::Alive { stir: 0, restarts });
            let condition = bench.read(found.clone(), None);
            condition.is_failed().then_some((restarts, condition))
        });

        let fell = turns.next();

        assert_eq!(fell, Some((4, Condition::Failed(Reason::CrashLoop))), "{found:?}");
    }
}

#[test]
fn a_service_that_was_started_again_once_or_twice_is_on_its_way_up() {
    let mut bench = Bench::started(vllm());
    for restarts in [0, 1, 2, 2, 2, 2] {
        bench.sees(Process::Alive { stir: 0, restarts });
        assert_eq!(bench.read(REFUSED, None), Condition::Starting);
    }
}

#[test]
fn a_server_with_nothing_to_do_does_not_hang() {
    let mut bench = Bench::well(vllm());
    assert_eq!(bench.counts(1000, Found::Serving, 0, 0), Condition::Healthy);
}

#[test]
fn a_long_queue_is_told_after_five_minutes_and_no_failure() {
    let mut bench = Bench::well(vllm());
    let queue = |done| Some(Progress { done, running: 4, waiting: 40 });
    for done in 0..30 {
        assert_eq!(bench.read(Found::Serving, queue(done)), Condition::Healthy);
    }
    assert_eq!(bench.read(Found::Serving, queue(99)), Condition::Degraded(Reason::Saturated));
    bench.counts(1, Found::Serving, 200, 4);
    assert_eq!(bench.counts(1, Found::Serving, 1, 4), Condition::Healthy);
}

#[test]
fn one_that_fails_every_other_time_is_found_and_one_in_three_is_a_blemish() {
    let pattern = |bads: usize, goods: usize| {
        let mut bench = Bench::well(Ask::Tcp { port: 80 });
        for _ in 0..4 {
            bench.reads(bads, TIMED_OUT);
            if bench.judge.condition().is_failed() {
                break;
            }
            bench.reads(goods, Found::Serving);
        }
        bench.judge.condition()
    };
    assert_eq!(pattern(1, 1), Condition::Degraded(Reason::Unresponsive));
    let mut bench = Bench::well(Ask::Tcp { port: 80 });
    let fell = (0..10).any(|turn| {
        bench.reads(1, if turn % 2 == 0 { TIMED_OUT } else { Found::Serving }).is_failed()
    });
    assert!(fell, "five of ten");
    assert_eq!(pattern(1, 2), Condition::Degraded(Reason::Unresponsive));
    assert_eq!(pattern(1, 9), Condition::Healthy);
}

#[test]
fn two_good_readings_in_a_row_end_a_failure_and_one_does_not() {
    let mut bench = Bench::well(vllm());
    bench.reads(3, TIMED_OUT);
    assert!(bench.reads(1, Found::Serving).is_failed());
    bench.reads(1, TIMED_OUT);
    assert!(bench.reads(1, Found::Serving).is_failed());
    assert_eq!(bench.reads(1, Found::Serving), Condition::Healthy);
}

#[test]
fn a_start_ends_with_the_first_success_and_not_later() {
    let mut bench = Bench::started(vllm());
    assert_eq!(bench.reads(3, REFUSED), Condition::Starting);
    assert_eq!(bench.reads(1, Found::Serving), Condition::Healthy);
}

#[test]
fn a_start_has_its_time_and_twice_that_while_something_moves() {
    let ends = |ask: Ask, found: Found, stirs: bool| {
        let mut bench = Bench::started(ask);
        (1..10_000).find(|turn| {
            if stirs {
                bench.sees(alive(*turn));
            }
            bench.read(found.clone(), None).is_failed()
        })
    };
    assert_eq!(ends(vllm(), REFUSED, false), Some(121));
    assert_eq!(ends(vllm(), REFUSED, true), Some(241));
    assert_eq!(ends(vllm(), TIMED_OUT, false), Some(121));
    assert_eq!(ends(vllm(), Found::Loading, false), Some(241), "that it says so is a stir");
    assert_eq!(ends(Ask::Tcp { port: 80 }, REFUSED, false), Some(13));
    assert_eq!(ends(Ask::Qdrant { port: 80, collections: vec![] }, REFUSED, false), Some(61));
}

#[test]
fn a_start_is_no_excuse_for_what_cannot_come_right() {
    for reason in [Reason::EngineDead, Reason::DataMissing, Reason::ArtifactMissing] {
        let mut bench = Bench::started(vllm());
        assert_eq!(bench.reads(3, Found::Failing(reason)), Condition::Failed(reason));
    }
    for reason in [Reason::AnswersError, Reason::CheckFailed, Reason::Hung] {
        let mut bench = Bench::started(vllm());
        assert_eq!(bench.reads(30, Found::Failing(reason)), Condition::Starting);
    }
}

#[test]
fn a_service_between_two_processes_is_not_gone_yet() {
    let mut bench = Bench::started(vllm());
    for _ in 0..5 {
        bench.sees(Process::Gone);
        assert_eq!(bench.read(REFUSED, None), Condition::Starting);
    }
    for _ in 0..2 {
        bench.sees(Process::Gone);
        bench.read(REFUSED, None);
    }
    assert_eq!(bench.judge.condition(), Condition::Failed(Reason::Exited));
}

#[test]
fn a_server_that_says_it_loads_is_starting_and_one_that_never_comes_up_stays_failed() {
    let mut bench = Bench::well(vllm());
    assert_eq!(bench.reads(1, Found::Loading), Condition::Starting);
    assert_eq!(bench.reads(300, Found::Loading), Condition::Failed(Reason::StartStalled));
    bench.judge.restarted(time(bench.second));
    assert_eq!(bench.reads(1, Found::Loading), Condition::Starting);
}

#[test]
fn four_turns_in_half_an_hour_are_flapping_until_they_are_old() {
    let mut bench = Bench::well(vllm());
    for _ in 0..2 {
        bench.reads(3, TIMED_OUT);
        bench.reads(2, Found::Serving);
    }
    assert_eq!(bench.judge.condition(), Condition::Degraded(Reason::Flapping));
    assert_eq!(bench.reads(3, TIMED_OUT), Condition::Degraded(Reason::Flapping));
    // It stays down, and so there are no more turns; they are forgotten all the same.
    bench.reads(175, TIMED_OUT);
    assert_eq!(bench.judge.condition(), Condition::Failed(Reason::Unresponsive));
}

#[test]
fn a_repair_is_no_turn_of_its_own() {
    let mut bench = Bench::well(vllm());
    for _ in 0..5 {
        bench.reads(3, TIMED_OUT);
        bench.judge.restarted(time(bench.second));
        bench.reads(2, Found::Serving);
    }
    assert_eq!(bench.judge.condition(), Condition::Healthy);
}

#[test]
fn what_stands_on_something_broken_is_unknown_and_not_failed() {
    let mut bench = Bench::well(vllm());
    for _ in 0..100 {
        bench.second += 10;
        let at = time(bench.second);
        let reading = Reading { at, found: TIMED_OUT, progress: None, evidence: evidence() };
        bench.judge.read(&bench.probe, &reading, Some(Reason::HostSilent));
        assert!(!bench.judge.condition().is_failed());
    }
    assert_eq!(bench.judge.condition(), Condition::Unknown(Reason::HostSilent));
}

#[test]
fn a_reading_that_was_heard_is_not_heard_again() {
    let mut bench = Bench::well(vllm());
    bench.read(TIMED_OUT, None);
    for _ in 0..10 {
        bench.second -= 10;
        bench.read(TIMED_OUT, None);
    }
    assert_eq!(bench.judge.condition(), Condition::Healthy);
}
