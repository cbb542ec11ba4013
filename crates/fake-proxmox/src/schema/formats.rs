//! The formats of values, with the words said of one that does not fit.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::say::add;

/// Says why, with the line feed that the words end with.
fn refuse(is_fine: bool, why: impl Into<String>) -> Result<(), String> {
    if is_fine {
        return Ok(());
    }
    let mut why = why.into();
    why.push('\n');
    Err(why)
}

pub(crate) fn is_integer(value: &str) -> bool {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    is_digits(digits)
}

pub(crate) fn is_digits(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits, and perhaps a fraction: what sizes are written as.
pub(crate) fn is_decimal(value: &str) -> bool {
    value
        .split_once('.')
        .map_or_else(|| is_digits(value), |(whole, part)| is_digits(whole) && is_digits(part))
}

pub(crate) fn is_number(value: &str) -> bool {
    let value = value.strip_prefix(['+', '-']).unwrap_or(value);
    let (mantissa, exponent) = value.split_once(['e', 'E']).unwrap_or((value, "0"));
    let digits: usize = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let dots = mantissa.bytes().filter(|&byte| byte == b'.').count();
    digits > 0 && dots <= 1 && digits + dots == mantissa.len() && is_integer(exponent)
}

/// Splits at commas, semicolons and blanks.
pub(crate) fn split_list(list: &str) -> Vec<&str> {
    if list.contains('\0') {
        return list.split('\0').collect();
    }
    let is_gap = |letter: char| matches!(letter, ',' | ';') || letter.is_whitespace();
    list.split(is_gap).filter(|part| !part.is_empty()).collect()
}

pub(crate) fn boolean(value: &str) -> Option<bool> {
    let value = value.to_ascii_lowercase();
    match value.as_str() {
        "1" | "on" | "yes" | "true" => Some(true),
        "0" | "off" | "no" | "false" => Some(false),
        _ => None,
    }
}

pub(crate) fn vmid(value: &str) -> Result<(), String> {
    let fits = is_digits(value) && !value.starts_with('0') && (3..=9).contains(&value.len());
    refuse(fits, "value does not look like a valid VM ID")
}

/// A word of letters and digits with `-` inside.
fn is_label(word: &str) -> bool {
    let ends = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    ends(word.chars().next())
        && ends(word.chars().last())
        && word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
}

pub(crate) fn dns_name(value: &str) -> Result<(), String> {
    refuse(value.split('.').all(is_label), "value does not look like a valid DNS name")
}

pub(crate) fn node(value: &str) -> Result<(), String> {
    refuse(is_label(value), "value does not look like a valid node name")
}

fn is_config_id(value: &str) -> bool {
    let mut letters = value.chars();
    value.len() >= 2
        && letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
}

pub(crate) fn config_id(value: &str) -> Result<(), String> {
    refuse(is_config_id(value), format!("invalid configuration ID '{value}'"))
}

pub(crate) fn is_storage_id(value: &str) -> bool {
    value.len() >= 2
        && value.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && value.ends_with(|letter: char| letter.is_ascii_alphanumeric())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

pub(crate) fn storage_id(value: &str) -> Result<(), String> {
    refuse(value.len() >= 2, format!("storage ID '{value}' cannot be shorter than 2 characters"))?;
    refuse(is_storage_id(value), format!("storage ID '{value}' contains illegal characters"))
}

/// Splits `storage:name`.
pub(crate) fn volume_parts(value: &str) -> Option<(&str, &str)> {
    value.split_once(':').filter(|(storage, name)| is_storage_id(storage) && !name.is_empty())
}

pub(crate) fn volume_id(value: &str) -> Result<(), String> {
    refuse(volume_parts(value).is_some(), format!("unable to parse volume ID '{value}'"))
}

pub(crate) fn mac(value: &str) -> Result<(), String> {
    let bytes: Vec<&str> = value.split(':').collect();
    let is_hex = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let is_unicast = bytes
        .first()
        .and_then(|first| u8::from_str_radix(first, 16).ok())
        .is_some_and(|first| first % 2 == 0);
    let fits = bytes.len() == 6 && bytes.iter().all(is_hex) && is_unicast;
    refuse(fits, "value does not look like a valid unicast MAC address")
}

pub(crate) fn ipv4(value: &str) -> Result<(), String> {
    refuse(value.parse::<Ipv4Addr>().is_ok(), "value does not look like a valid IPv4 address")
}

pub(crate) fn ipv6(value: &str) -> Result<(), String> {
    refuse(value.parse::<Ipv6Addr>().is_ok(), "value does not look like a valid IPv6 address")
}

/// Splits an address and the length of its network.
fn cidr(value: &str, most: u8) -> Option<&str> {
    let (address, length) = value.split_once('/')?;
    (is_digits(length) && length.parse::<u8>().is_ok_and(|bits| bits > 7 && bits <= most))
        .then_some(address)
}

pub(crate) fn ipv4_config(value: &str) -> Result<(), String> {
    let is_cidr = || cidr(value, 32).is_some_and(|ip| ip.parse::<Ipv4Addr>().is_ok());
    let fits = matches!(value, "dhcp" | "manual") || is_cidr();
    refuse(fits, "value does not look like a valid ipv4 network configuration")
}

pub(crate) fn ipv6_config(value: &str) -> Result<(), String> {
    let is_cidr = || cidr(value, 128).is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    let fits = matches!(value, "auto" | "dhcp" | "manual") || is_cidr();
    refuse(fits, "value does not look like a valid ipv6 network configuration")
}

/// An address; a link-local one may name its interface.
pub(crate) fn ip_with_interface(value: &str) -> Result<(), String> {
    let local = value.split_once('%').filter(|(ip, _)| ip.starts_with("fe80:"));
    let address = local.map_or(value, |(ip, _)| ip);
    let fits = address.parse::<Ipv4Addr>().is_ok() || address.parse::<Ipv6Addr>().is_ok();
    refuse(fits, "value does not look like a valid IP address")
}

pub(crate) fn tag(value: &str) -> Result<(), String> {
    let mut letters = value.chars();
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits = letters.next().is_some_and(first)
        && letters.all(|c| first(c) || matches!(c, '-' | '+' | '.'));
    refuse(fits, "invalid characters in tag")
}

pub(crate) fn startup(value: &str) -> Result<(), String> {
    let is_part = |part: &str| {
        let number = ["order=", "up=", "down="].iter().find_map(|key| part.strip_prefix(key));
        part.trim().is_empty() || is_digits(number.unwrap_or(part))
    };
    let fits = !value.is_empty() && value != "0" && value.split(',').all(is_part);
    refuse(fits, "unable to parse startup options")
}

pub(crate) fn time_zone(value: &str) -> Result<(), String> {
    let known = std::path::Path::new("/usr/share/zoneinfo").join(value);
    let fits = matches!(value, "host" | "UTC") || (!value.starts_with('/') && known.is_file());
    refuse(fits, format!("invalid time zone '{value}'"))
}

/// A path or volume without steps up or in place.
pub(crate) fn mount_point(value: &str) -> Result<(), String> {
    let steps = ["/./", "/../"].iter().any(|step| value.contains(step))
        || value.ends_with("/.")
        || value.ends_with("/..")
        || value.starts_with("../");
    refuse(!steps, format!("{value} contains illegal character sequences"))
}

pub(crate) fn device(value: &str) -> Result<(), String> {
    let steps = value.split('/').any(|part| matches!(part, "." | ".."));
    refuse(value.starts_with("/dev/") && !steps, format!("{value} is not a valid device path"))
}

pub(crate) fn disk_size(value: &str) -> Result<(), String> {
    let fits = size(value).is_some();
    refuse(fits, format!("value does not look like a valid disk size: {value}"))
}

/// Returns the bytes of `8G`, `512M`, `1.5T`.
pub(crate) fn size(value: &str) -> Option<u64> {
    let value = value.strip_suffix("iB").unwrap_or(value);
    let (digits, unit) = match value.char_indices().last()? {
        (at, 'K') => (value.get(..at)?, 1_u64 << 10),
        (at, 'M') => (value.get(..at)?, 1 << 20),
        (at, 'G') => (value.get(..at)?, 1 << 30),
        (at, 'T') => (value.get(..at)?, 1 << 40),
        _ => (value, 1),
    };
    if !is_decimal(digits) {
        return None;
    }
    multiply(digits, unit)
}

/// Multiplies a decimal number without losing a bit of a whole one.
pub(crate) fn multiply(digits: &str, unit: u64) -> Option<u64> {
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let part: String = part.chars().take(9).collect();
    let scale = 10_u128.pow(u32::try_from(part.len()).ok()?);
    let fraction = part.parse::<u128>().ok()? * u128::from(unit) / scale;
    let bytes = whole.parse::<u128>().ok()?.checked_mul(u128::from(unit))? + fraction;
    u64::try_from(bytes).ok()
}

/// Writes a size in the largest unit that leaves no remainder.
pub(crate) fn in_units(bytes: u64) -> String {
    let mut number = bytes;
    let mut unit = "";
    for next in ["K", "M", "G", "T"] {
        if !number.is_multiple_of(1024) {
            break;
        }
        number /= 1024;
        unit = next;
    }
    format!("{number}{unit}")
}

/// Escapes what may not stand in a line.
pub(crate) fn encode(value: &str) -> String {
    let plain = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'%' && byte != b':';
    value.bytes().fold(String::new(), |mut all, byte| {
        if plain(byte) {
            all.push(char::from(byte));
        } else {
            add!(all, "%{byte:02X}");
        }
        all
    })
}

/// Takes back what [`encode`] did.
pub(crate) fn decode(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let escaped = hex.and_then(|two| u8::from_str_radix(two, 16).ok());
        if let (b'%', Some(escaped)) = (byte, escaped) {
            bytes.push(escaped);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_keeps_its_bits() {
        assert_eq!(size("8G"), Some(8 << 30));
        assert_eq!(size("1.5G"), Some(3 << 29));
        assert_eq!(size("2X"), None);
        assert_eq!(in_units(1 << 30), "1G");
        assert_eq!(in_units(0), "0T");
        assert_eq!(in_units(2_684_354_560), "2560M");
    }

    #[test]
    fn what_is_escaped_comes_back() {
        assert_eq!(encode("made: by\n"), "made%3A by%0A");
        assert_eq!(decode("made%3A by%0A"), "made: by\n");
    }
}
