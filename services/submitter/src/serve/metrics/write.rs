//! Writes samples as the library does it.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};

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

    /// Writes a metric of which there is one sample, or none.
    pub(super) fn gauge(&mut self, about: &About, value: Option<f64>) -> fmt::Result {
        self.gauges(about, value.map(|value| ([], value)))
    }
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
