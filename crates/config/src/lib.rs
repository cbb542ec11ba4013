//! The three JSON files -> a fleet, or diagnostics that point at the line.
