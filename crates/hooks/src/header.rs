//! Headers that are there once.

use http::{HeaderMap, HeaderName};

use crate::refused::{Fault, Refused};

/// The longest value of a header that says what is told, or which delivery it is.
const LONGEST: usize = 128;

/// Returns the bytes of a header, if it is there. Two of a name are refused: what checks one and what acts on
/// another must not be two.
pub(crate) fn once<'a>(
    headers: &'a HeaderMap,
    header: &HeaderName,
) -> Result<Option<&'a [u8]>, Fault> {
    let mut values = headers.get_all(header).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => Ok(Some(only.as_bytes())),
        (Some(_), Some(_)) => Err(Fault::Several),
    }
}

/// Returns what shows who sent something.
pub(crate) fn proof<'a>(headers: &'a HeaderMap, header: &HeaderName) -> Result<&'a [u8], Refused> {
    match once(headers, header) {
        Ok(Some([])) => Err(Refused::Empty { header: header.clone() }),
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(Refused::Unsigned { header: header.clone() }),
        Err(_) => Err(Refused::Several { header: header.clone() }),
    }
}

/// Returns a header that says something, where it is there: visible letters and blanks between them.
pub(crate) fn said<'a>(
    headers: &'a HeaderMap,
    header: &HeaderName,
) -> Result<Option<&'a str>, Refused> {
    let refused = |fault| Refused::Header { header: header.clone(), fault };
    let Some(value) = once(headers, header).map_err(refused)? else { return Ok(None) };
    let is_plain = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    match std::str::from_utf8(value) {
        Ok(text) if !text.is_empty() && text.len() <= LONGEST && value.iter().all(is_plain) => {
            Ok(Some(text))
        }
        Ok(_) | Err(_) => Err(refused(Fault::Odd)),
    }
}

/// The same, where it has to be there.
pub(crate) fn told<'a>(headers: &'a HeaderMap, header: &HeaderName) -> Result<&'a str, Refused> {
    said(headers, header)?
        .ok_or_else(|| Refused::Header { header: header.clone(), fault: Fault::Missing })
}
