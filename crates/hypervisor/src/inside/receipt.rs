//! The receipt of what was run in a guest. A clone inherits it, and a rollback undoes it.

use std::collections::BTreeMap;

use crate::recipe::Recipe;
use crate::vault::Opened;

/// Where a guest keeps them.
pub(super) const RECEIPTS: &str = "/var/lib/phoenix/receipts";
/// How long one may be.
pub(super) const LONGEST: u64 = 16 * 1024;

/// What was run.
#[derive(Debug, PartialEq)]
pub(super) struct Receipt {
    /// The version of the recipe, with all that was set of it.
    digest: String,
    /// Its files alone.
    files: String,
    /// The secrets it was given, each by its digest.
    secrets: BTreeMap<String, String>,
}

impl Receipt {
    /// Returns the receipt of a recipe that was given these secrets.
    pub(super) fn of(recipe: &Recipe, given: &Opened) -> Self {
        let digest = |name: &str| given.digest(name).unwrap_or_default().to_owned();
        Self {
            digest: recipe.digest(),
            files: recipe.version(),
            secrets: recipe.secrets.keys().map(|name| (name.to_string(), digest(name))).collect(),
        }
    }

    /// Reads one; what is none belongs to nothing.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let digest = lines.next()?.to_owned();
        let files = lines.next()?.strip_prefix("files ")?.to_owned();
        let secret = |line: &str| {
            let (name, digest) = line.strip_prefix("secret ")?.split_once(' ')?;
            Some((name.to_owned(), digest.to_owned()))
        };
        Some(Self { digest, files, secrets: lines.map(secret).collect::<Option<_>>()? })
    }

    /// Returns its text, as [`Receipt::read`] reads it.
    pub(super) fn text(&self) -> String {
        let secrets = self.secrets.iter().map(|(name, digest)| format!("secret {name} {digest}\n"));
        format!("{}\nfiles {}\n{}", self.digest, self.files, secrets.collect::<String>())
    }

    /// Says whether it is that of this version of a recipe. A secret that is not known now is taken
    /// to be what it was.
    pub(super) fn is_of(&self, recipe: &Recipe, known: &Opened) -> bool {
        let is_same = |name: &str, then: &str| known.digest(name).is_none_or(|now| now == then);
        self.digest == recipe.digest()
            && self.secrets.keys().eq(recipe.secrets.keys().map(|name| &**name))
            && self.secrets.iter().all(|(name, then)| is_same(name, then))
    }

    /// Says whether its files are of this version.
    pub(super) fn is_of_version(&self, files: &str) -> bool {
        self.files == files
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Kept;

    fn recipe(secrets: &[&str]) -> Recipe {
        let secret = |name: &&str| ((*name).into(), "secret://a/b".parse().unwrap());
        Recipe {
            name: "the feature redis".to_owned(),
            receipt: "feature-redis".to_owned(),
            entry: "feature/install.sh".to_owned(),
            parameters: "parameter_port='6379'\n".to_owned(),
            surroundings: String::new(),
            written: Vec::new(),
            secrets: secrets.iter().map(secret).collect(),
            files: Vec::new(),
        }
    }

    fn opened(secrets: &[(&str, &str)]) -> Opened {
        let kept = |digest: &str| Kept { value: "never shown".into(), digest: digest.to_owned() };
        secrets.iter().map(|(name, digest)| ((*name).into(), kept(digest))).collect()
    }

    #[test]
    fn it_is_read_as_it_was_written_and_holds_no_value() {
        let given = opened(&[("password", "d1"), ("token", "d2")]);
        let receipt = Receipt::of(&recipe(&["password", "token"]), &given);

        assert_eq!(Receipt::read(&receipt.text()).unwrap(), receipt);
        assert!(!receipt.text().contains("never shown"));
        for bad in ["", "abc", "abc\n", "abc\nfiles d\nsecret password\n", "abc\nfiles d\nmore\n"] {
            assert_eq!(Receipt::read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn another_value_is_another_version_and_an_unknown_one_is_not() {
        let of = |secrets: &[&str]| recipe(secrets);
        let receipt = Receipt::of(&of(&["password"]), &opened(&[("password", "d1")]));

        assert!(receipt.is_of(&of(&["password"]), &opened(&[("password", "d1")])));
        assert!(receipt.is_of(&of(&["password"]), &opened(&[])));
        assert!(!receipt.is_of(&of(&["password"]), &opened(&[("password", "d2")])));
        assert!(!receipt.is_of(&of(&[]), &opened(&[])), "it is given no longer");
        assert!(!receipt.is_of(&of(&["password", "more"]), &opened(&[("password", "d1")])));
        let mut other = of(&["password"]);
        other.parameters.clear();
        assert!(!receipt.is_of(&other, &opened(&[("password", "d1")])));
    }
}
