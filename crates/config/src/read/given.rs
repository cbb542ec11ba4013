//! Reading what a guest is given by name: what is set of its features, and its secrets.

use std::collections::BTreeMap;

use phoenix_domain::{FeatureName, Parameters, SecretRef, Setting};

use super::Reading;
use crate::raw::given::{Named, RawSetting};
use crate::secrets;

/// Reads what is set of features. What kind of thing each parameter is, its manifest says later.
pub(super) fn parameters(
    reading: &mut Reading<'_>,
    raw: Option<Named<Named<RawSetting>>>,
) -> Parameters {
    let mut parameters = Parameters::new();
    for (feature, settings) in raw.into_iter().flat_map(Named::given) {
        let at = reading.at("feature_parameters").key(feature.clone());
        let Some(feature) = reading.word::<FeatureName>(at.clone().named(), &feature) else {
            continue;
        };
        let mut set = BTreeMap::new();
        for (name, RawSetting(setting)) in settings.given() {
            if can_be_told(&setting) {
                set.insert(name.into_boxed_str(), setting);
            } else {
                let rule = "scripts are told a list as one element a line, and no zero bytes";
                reading.refuse(at.clone().key(name), "no script can be told this", rule);
            }
        }
        // Where nothing is set there is nothing to keep.
        if !set.is_empty() {
            parameters.insert(feature, set);
        }
    }
    parameters
}

/// Reads where the secrets of a guest are kept.
pub(super) fn secrets(
    reading: &mut Reading<'_>,
    raw: Option<Named<String>>,
) -> BTreeMap<Box<str>, SecretRef> {
    let mut given = BTreeMap::new();
    for (name, text) in raw.into_iter().flat_map(Named::given) {
        let place = reading.at("secrets").key(name.clone());
        if !secrets::is_name(&name) {
            let rule = "a script asks for a secret by a name of letters, digits, `-` and `_` that \
                        begins with a letter, at most 64 characters";
            reading.refuse(place.named(), "this is not the name of a secret", rule);
        } else if let Some(reference) = reading.given_secret(place, &name, &text) {
            given.insert(name.into_boxed_str(), reference);
        }
    }
    given
}

fn can_be_told(setting: &Setting) -> bool {
    match setting {
        Setting::Text(text) => !text.contains('\0'),
        Setting::Number(_) | Setting::Truth(_) => true,
        Setting::List(list) => list.iter().all(|element| !element.contains(['\0', '\n'])),
    }
}
