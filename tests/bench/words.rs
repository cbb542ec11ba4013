//! What the load generator is told: bare words, and words with a value.

pub(crate) struct Words(pub(crate) Vec<String>);

impl Words {
    pub(crate) fn has(&self, word: &str) -> bool {
        self.0.iter().any(|one| one == word)
    }

    /// Returns what `name` was given as `name=value`.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.numbers(name).next()
    }

    /// Returns every value that `name` was given.
    pub(crate) fn numbers(&self, name: &str) -> impl Iterator<Item = u32> {
        self.texts(name).map(|text| text.parse().unwrap())
    }

    fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(move |word| word.strip_prefix(name)?.strip_prefix('='))
    }
}
