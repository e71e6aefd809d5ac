//! `[disclosure]`: below how many people a count is hidden.

use serde::Deserialize;

/// What is told of few people.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disclosure {
    /// Counts of others from 1 up to this are hidden; by default 5. How far it may be set is checked
    /// where it is used.
    pub hide_below: Option<u64>,
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn the_section_is_optional_and_knows_one_word() {
        let hide_below =
            |text: &str| toml::from_str::<Config>(text).ok().map(|c| c.disclosure.hide_below);
        assert_eq!(hide_below(""), Some(None));
        assert_eq!(hide_below("[disclosure]\nhide_below = 10"), Some(Some(10)));
        for wrong in ["hide_under = 10", "hide_below = -1", "hide_below = \"5\""] {
            assert!(hide_below(&format!("[disclosure]\n{wrong}")).is_none(), "{wrong}");
        }
    }
}
