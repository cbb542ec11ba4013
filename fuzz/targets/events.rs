//! Any bytes as a message in the log of a guest: they may be refused; what is read is written and read as the same, and
//! a state takes any fact there is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use phoenix_domain::{Event, Record};

fuzz_target!(|input: &[u8]| {
    let Ok(events) = Event::read(input) else { return };
    let written = Event::write(&events).expect("what was read can be written");
    let again = Event::read(&written).expect("what was written can be read");
    assert_eq!(again, events);
    for (before, event) in events.iter().zip(events.iter().skip(1)) {
        drop(Record::after(Some(&before.state), event.state.guest, &event.fact));
    }
});
