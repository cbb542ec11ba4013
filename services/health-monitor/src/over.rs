//! What ends the work of one monitor among several.

use phoenix_bus::BusError;

/// Why somebody does not go on with what only one does at a time.
#[derive(Debug)]
pub(crate) enum Over {
    /// The program is to end.
    Asked,
    /// Another monitor does it now.
    Displaced,
    /// The bus does not do what it should; what was done is kept there, so it begins anew.
    Bus(BusError),
}

impl From<BusError> for Over {
    fn from(err: BusError) -> Self {
        Self::Bus(err)
    }
}
