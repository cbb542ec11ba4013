//! The subjects that reading, writing and taking need.

use phoenix_domain::Class;

use crate::names::{Cell, LIBRARY_STREAM, LIBRARY_SUBJECTS, WORK};

/// The GPUs of a host whose guests a worker may take: a permission cannot say "any" of a consumer's name.
const GPUS: u8 = 16;

/// The subjects that an act takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subjects {
    pub(crate) publish: Vec<String>,
    pub(crate) subscribe: Vec<String>,
}

/// What reading some of a stream takes: single messages, and a consumer of one's own that ends by itself.
pub(crate) fn reading(stream: &str, some: &str) -> Vec<String> {
    [
        format!("$JS.API.STREAM.INFO.{stream}"),
        format!("$JS.API.STREAM.MSG.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}.>"),
        format!("$JS.API.CONSUMER.CREATE.{stream}.*.{some}"),
        format!("$JS.FC.{stream}.>"),
    ]
    .to_vec()
}

/// What a reader takes that is built anew before it has ended, where all readers are alike.
pub(crate) fn unreading(stream: &str) -> String {
    format!("$JS.API.CONSUMER.DELETE.{stream}.*")
}

/// What reading a bucket takes.
pub(crate) fn looking(bucket: &str) -> Vec<String> {
    let stream = format!("KV_{bucket}");
    let mut subjects = reading(&stream, &format!("$KV.{bucket}.>"));
    subjects.extend([unreading(&stream), listing(&stream)]);
    subjects
}

/// What listing the names in a bucket or in the library takes: a reader without a name, which the rules can only
/// permit to read all of them.
pub(crate) fn listing(stream: &str) -> String {
    format!("$JS.API.CONSUMER.CREATE.{stream}")
}

/// What writing into a bucket takes: what belongs to a cell begins with its name.
pub(crate) fn writing(bucket: &str, cell: &Cell) -> Vec<String> {
    vec![format!("$KV.{bucket}.{}.>", cell.name())]
}

/// What bringing into the library and taking out of it both take: what is removed leaves a note that it is, and
/// its pieces are purged. The names of packs are written so that no rule can tell those of a cell.
pub(crate) fn shelving() -> Vec<String> {
    let [pieces, notes] = LIBRARY_SUBJECTS.map(str::to_owned);
    let purging = format!("$JS.API.STREAM.PURGE.{LIBRARY_STREAM}");
    let readings = [&pieces, &notes].map(|some| reading(LIBRARY_STREAM, some));
    let mut subjects = readings.concat();
    subjects.extend([unreading(LIBRARY_STREAM), purging, notes]);
    subjects.sort();
    subjects.dedup();
    subjects
}

/// What taking the tokens of a host takes: its consumers by their names, and no other's.
pub(crate) fn taking(cell: &Cell, host: &str) -> Vec<String> {
    let gpus = (0..GPUS).map(Class::Gpu);
    std::iter::once(Class::Std)
        .chain(gpus)
        .flat_map(|class| {
            let consumer = cell.consumer(host, class);
            let tokens = cell.work(host, class, "*");
            [
                format!("$JS.API.CONSUMER.CREATE.{WORK}.{consumer}.{tokens}"),
                format!("$JS.API.CONSUMER.MSG.NEXT.{WORK}.{consumer}"),
                format!("$JS.ACK.{WORK}.{consumer}.>"),
            ]
        })
        .collect()
}
