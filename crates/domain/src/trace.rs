//! What joins everything that one request brings about: the `traceparent` of W3C Trace Context.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How long one of version 00 is. Later versions begin the same, and may go on.
const LENGTH: usize = 55;

/// A trace, and the span of it that something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    flags: u8,
}

/// Why a text is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it is not a `traceparent` of W3C Trace Context")]
pub struct NoTraceParent;

impl TraceParent {
    /// Begins a trace that is to be kept. The span it names follows from it, by which it is known later that
    /// nobody else began it.
    pub fn begin(trace: u128) -> Self {
        let trace = if Self::first_span(trace) == 0 { trace | 1 } else { trace };
        Self { trace, span: Self::first_span(trace), flags: 1 }
    }

    /// Says whether its trace was begun here, and not by whoever called us.
    pub fn is_begun_here(self) -> bool {
        self.span == Self::first_span(self.trace)
    }

    fn first_span(trace: u128) -> u64 {
        u64::try_from(trace & u128::from(u64::MAX)).unwrap_or_default()
    }

    /// Returns the number of the trace.
    pub fn trace(self) -> u128 {
        self.trace
    }

    /// Returns the number of the span.
    pub fn span(self) -> u64 {
        self.span
    }

    /// Returns the number of the trace as it is written.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }

    /// Says whether whoever began it wants it kept.
    pub fn is_sampled(self) -> bool {
        self.flags & 1 == 1
    }
}

impl FromStr for TraceParent {
    type Err = NoTraceParent;

    fn from_str(text: &str) -> Result<Self, NoTraceParent> {
        let (head, rest) = text.split_at_checked(LENGTH).ok_or(NoTraceParent)?;
        let parts: Vec<&str> = head.split('-').collect();
        let [version, trace, span, flags] = parts.as_slice() else { return Err(NoTraceParent) };
        let is_hex =
            |part: &&str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !parts.iter().map(|part| part.len()).eq([2, 32, 16, 2]) || !parts.iter().all(is_hex) {
            return Err(NoTraceParent);
        }
        match *version {
            "ff" => return Err(NoTraceParent),
            "00" if !rest.is_empty() => return Err(NoTraceParent),
            _ if !rest.is_empty() && !rest.starts_with('-') => return Err(NoTraceParent),
            _ => {}
        }
        let trace = u128::from_str_radix(trace, 16).map_err(|_| NoTraceParent)?;
        let span = u64::from_str_radix(span, 16).map_err(|_| NoTraceParent)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| NoTraceParent)?;
        if trace == 0 || span == 0 {
            return Err(NoTraceParent);
        }
        Ok(Self { trace, span, flags })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of the flags this version knows one, and passes on no other.
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags & 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_w3c_writes_is_read_and_written_the_same() {
        let read: TraceParent = GIVEN.parse().unwrap();

        assert_eq!(read.to_string(), GIVEN);
        assert_eq!(read.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert!(read.is_sampled());
        assert!(!read.is_begun_here());
        for trace in [0, 1, 1 << 64, u128::MAX] {
            let begun = TraceParent::begin(trace);
            assert_eq!(begun.to_string().parse(), Ok(begun));
            assert!(begun.is_begun_here());
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = format!("cc{}-what-the-future-will-be-like", &GIVEN[2..]);

        assert_eq!(later.parse::<TraceParent>().unwrap().to_string(), GIVEN);
    }

    #[test]
    fn nothing_else_is_taken_for_one() {
        let zero_trace = format!("00-{:032}-b7ad6b7169203331-01", 0);
        let zero_span = format!("00-0af7651916cd43dd8448eb211c80319c-{:016}-01", 0);
        let (long, later) = (format!("{GIVEN}-01"), format!("cc{}.x", &GIVEN[2..]));
        let (upper, never) = (GIVEN.to_uppercase(), format!("ff{}", &GIVEN[2..]));
        let others = ["", "00-xyz-1-01", "$(id)", &"é".repeat(40), &GIVEN[..54]];
        let bad = [&zero_trace, &zero_span, &long, &later, &upper, &never];

        for text in bad.into_iter().map(String::as_str).chain(others) {
            assert_eq!(text.parse::<TraceParent>(), Err(NoTraceParent), "{text}");
        }
    }
}
