//! What holds for the results that follow: the package, and all other lines of configuration.

use std::collections::{BTreeMap, HashMap};

use super::survey::Place;

/// The most keys that are kept.
const KEYS: usize = 1_000;

/// The state at a line, and all earlier ones that results have.
#[derive(Default)]
pub(super) struct Settings {
    /// All packages, by numbers from one; zero is none.
    packages: Vec<String>,
    package_numbers: HashMap<String, u32>,
    package: u32,
    config: BTreeMap<String, String>,
    /// All states of `config` under which something was measured.
    configs: Vec<BTreeMap<String, String>>,
    config_numbers: HashMap<BTreeMap<String, String>, u32>,
    current_config: u32,
    changed: bool,
}

impl Settings {
    /// Another package begins.
    pub(super) fn package(&mut self, name: &str) {
        if name.is_empty() {
            self.package = 0;
            return;
        }
        let next = self.packages.len() as u32 + 1;
        self.package = *self.package_numbers.entry(name.to_owned()).or_insert(next);
        if self.package == next {
            self.packages.push(name.to_owned());
        }
    }

    /// Another key of configuration.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        if self.config.len() < KEYS && self.config.get(key).is_none_or(|before| before != value) {
            self.config.insert(key.to_owned(), value.to_owned());
            self.changed = true;
        }
    }

    /// The place of a benchmark of this name, that has a result now.
    pub(super) fn place<'a>(&mut self, name: &'a str) -> Place<&'a str> {
        if self.changed || self.configs.is_empty() {
            self.changed = false;
            let next = self.configs.len() as u32;
            self.current_config = *self.config_numbers.entry(self.config.clone()).or_insert(next);
            if self.current_config == next {
                self.configs.push(self.config.clone());
            }
        }
        Place { config: self.current_config, package: self.package, name }
    }

    /// The package and the configuration of a place.
    pub(super) fn of(&self, place: &Place<String>) -> (Option<&str>, Option<&BTreeMap<String, String>>) {
        let package = (place.package as usize).checked_sub(1).and_then(|index| self.packages.get(index));
        (package.map(String::as_str), self.configs.get(place.config as usize))
    }

    /// All configurations under which something was measured.
    pub(super) fn configs(&self) -> &[BTreeMap<String, String>] {
        &self.configs
    }
}
