//! What a parameter may be, and what is said of one that is not.

pub(crate) mod formats;
pub(crate) mod options;
pub(crate) mod parts;

use std::collections::BTreeMap;

/// Values by their names.
pub(crate) type Values = BTreeMap<String, String>;

/// Something that can be given.
#[derive(Clone, Copy)]
pub(crate) struct Prop {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
    /// In a property string, what a value without a name is.
    pub(crate) is_default_key: bool,
    pub(crate) format: Format,
    pub(crate) pattern: Option<fn(&str) -> bool>,
    pub(crate) length: (usize, usize),
    pub(crate) range: (Option<i64>, Option<i64>),
    pub(crate) one_of: &'static [&'static str],
    pub(crate) requires: Option<&'static str>,
    /// How many there are: `net0` to `net31` are 32; 0 is one without a number.
    pub(crate) count: u32,
    /// Whether the option may be given without a value.
    pub(crate) is_interactive: bool,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Kind {
    Text,
    Boolean,
    Integer,
    Number,
}

/// Returns nothing, or what is wrong; the text ends with a line feed.
pub(crate) type Check = fn(&str) -> Result<(), String>;

#[derive(Clone, Copy)]
pub(crate) enum Format {
    None,
    Is(Check),
    /// Each of a list.
    Each(Check),
    /// A property string.
    Parts(&'static [Prop]),
    /// A size, which is written without a remainder.
    Size,
}

/// Returns an optional parameter without any further rule.
pub(crate) const fn prop(name: &'static str, kind: Kind) -> Prop {
    Prop {
        name,
        kind,
        optional: true,
        is_default_key: false,
        format: Format::None,
        pattern: None,
        length: (0, usize::MAX),
        range: (None, None),
        one_of: &[],
        requires: None,
        count: 0,
        is_interactive: false,
    }
}

pub(crate) const fn text(name: &'static str) -> Prop {
    prop(name, Kind::Text)
}

pub(crate) const fn boolean(name: &'static str) -> Prop {
    prop(name, Kind::Boolean)
}

pub(crate) const fn integer(name: &'static str, from: i64, to: Option<i64>) -> Prop {
    Prop { range: (Some(from), to), ..prop(name, Kind::Integer) }
}

/// Makes a parameter one that must be given.
pub(crate) const fn needed(prop: Prop) -> Prop {
    Prop { optional: false, ..prop }
}

pub(crate) const VMID: Prop = Prop {
    optional: false,
    format: Format::Is(formats::vmid),
    range: (Some(100), Some(999_999_999)),
    ..prop("vmid", Kind::Integer)
};

/// Returns the rule for a key as `net3`, and `None` when there is none.
pub(crate) fn find<'a>(props: &'a [Prop], key: &str) -> Option<&'a Prop> {
    props.iter().find(|prop| {
        if prop.count == 0 {
            return prop.name == key;
        }
        let number = key.strip_prefix(prop.name);
        number.is_some_and(|number| {
            let canonical = number == "0" || !number.starts_with('0');
            canonical && number.parse::<u32>().is_ok_and(|number| number < prop.count)
        })
    })
}

/// Collects what is wrong with the values, as `property: why`.
pub(crate) fn check_all(props: &[Prop], values: &Values, path: &str) -> Vec<(String, String)> {
    let mut errors = Vec::new();
    let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    for prop in props.iter().filter(|prop| !prop.optional && !values.contains_key(prop.name)) {
        errors.push((at(prop.name), "property is missing and it is not optional".into()));
    }
    for (key, value) in values {
        let path = at(key);
        let Some(prop) = find(props, key) else {
            errors.push((
                path,
                "property is not defined in schema and the schema does not allow additional \
                 properties"
                    .into(),
            ));
            continue;
        };
        if let Some(why) = wrong(prop, value, &path) {
            errors.push((path.clone(), why));
        }
        if let Some(other) = prop.requires.filter(|other| !values.contains_key(*other)) {
            errors.push((at(other), format!("missing property required by '{path}'")));
        }
    }
    errors
}

/// Returns what is wrong with one value.
fn wrong(prop: &Prop, value: &str, path: &str) -> Option<String> {
    let typed = match prop.kind {
        Kind::Text => None,
        Kind::Boolean => (value != "0" && value != "1").then_some("boolean"),
        Kind::Integer => (!formats::is_integer(value)).then_some("integer"),
        Kind::Number => (!formats::is_number(value)).then_some("number"),
    };
    if let Some(name) = typed {
        return Some(format!("type check ('{name}') failed - got '{value}'"));
    }
    let format = match prop.format {
        Format::None => Ok(()),
        Format::Is(check) => check(value),
        Format::Each(check) => formats::split_list(value).into_iter().try_for_each(check),
        Format::Parts(parts) => parts::parse(parts, value, path).map(drop),
        Format::Size => formats::disk_size(value),
    };
    if let Err(why) = format {
        return Some(format!("invalid format - {why}"));
    }
    if prop.pattern.is_some_and(|fits| !fits(value)) {
        return Some("value does not match the regex pattern".into());
    }
    let (least, most) = prop.length;
    if value.chars().count() > most {
        return Some(format!("value may only be {most} characters long"));
    }
    if value.chars().count() < least {
        return Some(format!("value must be at least {least} characters long"));
    }
    if formats::is_number(value) {
        let number: f64 = value.parse().unwrap_or(0.0);
        let (from, to) = prop.range;
        if let Some(to) = to.filter(|&to| number > as_float(to)) {
            return Some(format!("value must have a maximum value of {to}"));
        }
        if let Some(from) = from.filter(|&from| number < as_float(from)) {
            return Some(format!("value must have a minimum value of {from}"));
        }
    }
    if !prop.one_of.is_empty() && !prop.one_of.contains(&value) {
        let all = prop.one_of.join(", ");
        return Some(format!("value '{value}' does not have a value in the enumeration '{all}'"));
    }
    None
}

#[expect(clippy::cast_precision_loss, reason = "the limits of parameters are small")]
fn as_float(number: i64) -> f64 {
    number as f64
}
