//! The environment of child processes: inherited, without secrets that a step did not ask for.

use std::collections::BTreeMap;
use std::process::Command;

use super::mask::Masker;

/// Variables that hold tokens on the platforms we run on: withheld and masked without being listed.
const KNOWN_TOKENS: [&str; 16] = [
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "GITLAB_TOKEN",
    "CI_JOB_TOKEN",
    "CI_JOB_JWT",
    "CI_REGISTRY_PASSWORD",
    "CI_DEPLOY_PASSWORD",
    "CI_REPOSITORY_URL",
    "BACKSIGHT_TOKEN",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "NPM_TOKEN",
    "CARGO_REGISTRY_TOKEN",
];

/// What child processes inherit, and what in it is secret.
#[derive(Debug, Default)]
pub struct Environment {
    inherited: BTreeMap<String, String>,
    secret: Vec<String>,
    masker: Masker,
    too_short: Vec<String>,
}

impl Environment {
    /// From the variables of this process and the names that the pipeline calls secret.
    pub fn new(inherited: BTreeMap<String, String>, secrets: &[String]) -> Self {
        let known = KNOWN_TOKENS.iter().map(ToString::to_string);
        let mut secret: Vec<String> =
            known.chain(secrets.iter().cloned()).filter(|name| inherited.contains_key(name)).collect();
        secret.sort();
        secret.dedup();
        let value = |name: &String| inherited.get(name).map(String::as_str);
        let masker = Masker::new(secret.iter().filter_map(value));
        let short =
            |name: &&String| value(name).is_some_and(|value| !value.is_empty() && Masker::new([value]).is_idle());
        let too_short = secrets.iter().filter(short).cloned().collect();
        Self { secret, masker, too_short, inherited }
    }

    /// Masks the secrets.
    pub fn masker(&self) -> &Masker {
        &self.masker
    }

    /// Names of declared secrets whose values are too short to be masked without masking everything.
    pub fn unmaskable(&self) -> &[String] {
        &self.too_short
    }

    /// Whether a variable of this process is secret.
    pub fn is_secret(&self, name: &str) -> bool {
        self.secret.iter().any(|secret| secret == name)
    }

    /// A variable of this process.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.inherited.get(name).map(String::as_str)
    }

    /// Gives a command its environment.
    pub(super) fn apply(&self, command: &mut Command, own: &[(String, String)], granted: &[String]) {
        for name in self.secret.iter().filter(|name| !granted.contains(name)) {
            command.env_remove(name);
        }
        command.envs(own.iter().map(|(name, value)| (name, value)));
    }

    /// The whole environment of a child, for those who start it without [`Command`].
    pub(super) fn whole(&self, own: &[(String, String)], granted: &[String]) -> BTreeMap<String, String> {
        let mut all = self.inherited.clone();
        all.retain(|name, _| !self.secret.contains(name) || granted.contains(name));
        all.extend(own.iter().cloned());
        all
    }

    /// The least environment of a child: where programs and the home folder are, one language for all, the secrets
    /// that it asks for, and its own variables.
    pub(super) fn clean(&self, own: &[(String, String)], granted: &[String]) -> BTreeMap<String, String> {
        let mut all = self.inherited.clone();
        all.retain(|name, _| matches!(name.as_str(), "PATH" | "HOME") || granted.contains(name));
        all.insert("LANG".into(), "C.UTF-8".into());
        all.extend(own.iter().cloned());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn a_step_sees_only_the_secrets_it_asks_for() {
        let vars = [("PATH", "/bin"), ("MY_KEY", "abcdef"), ("GITHUB_TOKEN", "ghs_12345"), ("PIN", "12")];
        let vars = vars.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let environment = Environment::new(vars, &["MY_KEY".into(), "PIN".into()]);
        let own = [("A".to_owned(), "b".to_owned())];
        let names = |granted: &[String]| environment.whole(&own, granted).into_keys().collect::<Vec<_>>();
        assert_eq!(names(&[]), ["A", "PATH"]);
        assert_eq!(names(&["MY_KEY".into()]), ["A", "MY_KEY", "PATH"]);
        let clean = |granted: &[String]| environment.clean(&own, granted).into_keys().collect::<Vec<_>>();
        assert_eq!(clean(&[]), ["A", "LANG", "PATH"]);
        assert_eq!(clean(&["MY_KEY".into()]), ["A", "LANG", "MY_KEY", "PATH"]);
        let mut text = "abcdef ghs_12345 12".to_owned();
        environment.masker().mask(&mut text);
        assert_eq!(text, "*** *** 12");
        assert_eq!(environment.unmaskable(), ["PIN"]);
    }
}
