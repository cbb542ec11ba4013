//! Every command of every document is typed: here, or where `table` says.

mod inline;
mod pages;
mod site;
mod table;

use self::site::Site;
use self::table::{How, how};

#[test]
fn every_command_of_every_document_does_what_it_is_there_for() {
    let mut site = Site::start();
    let (mut wrong, mut typed) = (Vec::new(), 0);
    for (document, command) in pages::commands() {
        let Some(how) = how(&document, &command) else {
            wrong.push(format!("{document}: `{command}`: say in table.rs how it is tried"));
            continue;
        };
        let said = match how {
            How::Ends(code, more) => {
                typed += 1;
                site.type_to_its_end(&format!("{command}{more}"), code)
            }
            How::Lasts => {
                typed += 1;
                site.type_and_interrupt(&command)
            }
            How::Elsewhere(_) => Ok(()),
        };
        wrong.extend(said.err().map(|why| format!("{document}: `{command}`: {why}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(typed > 30, "only {typed} commands were found");
}
