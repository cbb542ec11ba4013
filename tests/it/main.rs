//! What is true of the programs as a whole.
