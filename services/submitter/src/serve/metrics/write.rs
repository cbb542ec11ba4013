//! Writes samples as the library does it.

use std::fmt;
use std::time::Duration;

use phoenix_domain::Waits;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::counter::ConstCounter;

use super::names::About;

/// What tells the samples of a metric apart.
pub(super) type Labels = Vec<(&'static str, String)>;

/// What is written to.
pub(super) struct Writer<'e>(pub(super) DescriptorEncoder<'e>);

impl Writer<'_> {
    /// Writes a metric that was counted.
    pub(super) fn counted(&mut self, about: &About, metric: &impl EncodeMetric) -> fmt::Result {
        metric.encode(self.0.encode_descriptor(about.family(), about.help, None, about.kind)?)
    }

    /// Writes a metric that is looked up now, each sample with the values of its labels.
    pub(super) fn gauges<const N: usize>(
        &mut self,
        about: &About,
        samples: impl IntoIterator<Item = ([String; N], f64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(about.family(), about.help, None, about.kind)?;
        for (values, value) in samples {
            if values.is_empty() {
                metric.encode_gauge(&value)?;
            } else {
                metric.encode_family(&labels(about, values))?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }

    /// Writes what somebody else has counted, each sample with the values of its labels.
    pub(super) fn counters<const N: usize>(
        &mut self,
        about: &About,
        samples: impl IntoIterator<Item = ([String; N], u64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(about.family(), about.help, None, about.kind)?;
        for (values, count) in samples {
            let labels = labels(about, values);
            ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Writes waits that somebody else has counted, each with the values of its labels.
    pub(super) fn waits<'w, const N: usize>(
        &mut self,
        about: &About,
        samples: impl IntoIterator<Item = ([String; N], &'w Waits)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(about.family(), about.help, None, about.kind)?;
        for (values, waits) in samples {
            let total = Duration::from_millis(waits.total_ms).as_secs_f64();
            metric.encode_family(&labels(about, values))?.encode_histogram::<NoLabelSet>(
                total,
                waits.count,
                &classes(waits),
                None,
            )?;
        }
        Ok(())
    }

    /// Writes a metric of which there is one sample, or none.
    pub(super) fn gauge(&mut self, about: &About, value: Option<f64>) -> fmt::Result {
        self.gauges(about, value.map(|value| ([], value)))
    }
}

/// Returns how many waits ended in each class: the library adds up those below.
fn classes(waits: &Waits) -> Vec<(f64, u64)> {
    let ends = waits.up_to_ms.iter().map(|(end, count)| {
        let end = Duration::from_millis(*end);
        (end.as_secs_f64(), *count)
    });
    let mut below = 0;
    let classes = ends.chain([(f64::INFINITY, waits.count)]).map(|(end, count)| {
        let class = count.saturating_sub(below);
        below = count.max(below);
        (end, class)
    });
    classes.collect()
}

/// Returns the labels of a sample.
pub(super) fn labels<const N: usize>(about: &About, values: [String; N]) -> Labels {
    about.labels.iter().copied().zip(values).collect()
}

/// Returns a count, or whether something is so, as a sample has it.
pub(super) fn number(count: usize) -> f64 {
    // Nobody counts so many that it would be inexact.
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
