//! Who hears what is said inside of a guest while something is done there.

use std::fmt;
use std::sync::Arc;

/// Hears lines, as they are said. It must not keep whoever speaks waiting.
#[derive(Clone)]
pub struct Ear(Arc<dyn Fn(&str) + Send + Sync>);

impl Ear {
    /// Makes one of what is to be done with each line.
    pub fn new(hear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    pub(crate) fn hear(&self, line: &str) {
        (self.0)(line);
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ear")
    }
}
