//! Session settings: what SET changes.
//!
//! Owns: the table of settings, one row each with its field, default, form and meaning; SET, SHOW
//! SETTINGS, the environment, the configuration file and the reference page all read it.
//! Refuses: settings of the command line that are no SQL settings.

mod form;
#[cfg(test)]
mod page;
mod table;

use std::collections::BTreeMap;

use strataql_diag::{Code, Report, did_you_mean};
use strataql_sql::{Name, SetValue};

pub use self::table::{Login, Profile, SETTINGS, Setting, Settings};

impl Settings {
    /// Applies SET.
    ///
    /// # Errors
    /// `unknown-setting`, or `bad-param-value` when the value does not fit.
    pub fn set(&mut self, name: &Name, value: &SetValue) -> Result<(), Box<Report>> {
        let text = match value {
            SetValue::Text(text) => Some(text.as_str()),
            SetValue::Default => None,
        };
        // `SET "variable.p.name" = …` and `SET variable.p.name = …` mean the same
        let set = self.apply(&name.dotted(), text);
        set.map_err(|report| Box::new(report.with_label(name.span, "")))
    }

    /// Applies `name=value` of a command line.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn set_text(&mut self, name: &str, value: &str) -> Result<(), Box<Report>> {
        self.apply(name, Some(value))
    }

    fn apply(&mut self, name: &str, text: Option<&str>) -> Result<(), Box<Report>> {
        if let Some(rest) = name.strip_prefix("variable.") {
            return set_named(
                &mut self.variables,
                ("variable", "server variable"),
                name,
                rest,
                text,
            );
        }
        if let Some(rest) = name.strip_prefix("default.").filter(|rest| rest.contains('.')) {
            return set_named(&mut self.defaults, ("default", "parameter"), name, rest, text);
        }
        let lower = name.to_ascii_lowercase();
        let setting = SETTINGS.iter().find(|setting| setting.name == lower);
        let setting = setting.ok_or_else(|| unknown(name))?;
        let was_read_only = self.read_only;
        if !setting.put(self, text) {
            let value = text.unwrap_or_default();
            return Err(Box::new(
                Report::new(
                    Code::BadParamValue,
                    format!("`{value}` is no value for the setting `{name}`"),
                )
                .with_help(format!("give {}", setting.values())),
            ));
        }
        if was_read_only && !self.read_only {
            self.read_only = true;
            return Err(Box::new(
                Report::new(
                    Code::ReadOnly,
                    "`read_only` cannot be switched off again in this session",
                )
                .with_help("start a new session to write"),
            ));
        }
        Ok(())
    }
}

/// Sets a value whose name is the user's; `rest` is the name without its prefix.
fn set_named(
    values: &mut BTreeMap<(String, String), String>,
    (prefix, what): (&str, &str),
    name: &str,
    rest: &str,
    text: Option<&str>,
) -> Result<(), Box<Report>> {
    let Some((provider, own)) = rest.split_once('.') else {
        return Err(Box::new(
            Report::new(Code::UnknownSetting, format!("`{name}` names no {what}"))
                .with_help(format!("write `SET \"{prefix}.<provider>.<name>\" = '…'`")),
        ));
    };
    let key = (provider.to_owned(), own.to_owned());
    match text {
        Some(text) => values.insert(key, text.to_owned()),
        None => values.remove(&key),
    };
    Ok(())
}

fn unknown(name: &str) -> Box<Report> {
    let known = SETTINGS.iter().map(|setting| setting.name);
    Box::new(
        Report::new(Code::UnknownSetting, format!("there is no setting `{name}`"))
            .with_help_if(did_you_mean(name, known))
            .with_help("`SHOW SETTINGS` lists them"),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn settings_check_their_values() {
        let mut settings = Settings::default();
        settings.set_text("on_mismatch", "null").expect("fits");
        settings.set_text("Timeout", "1.5s").expect("fits");
        settings.set_text("variable.okta.subdomain", "acme").expect("fits");
        settings.set_text("default.databricks_account.account_id", "a1").expect("fits");
        assert_eq!(settings.defaults.len(), 1);
        assert_eq!(settings.timeout, Some(Duration::from_millis(1500)));
        let code = |result: Result<(), Box<Report>>| result.expect_err("refused").code;
        assert_eq!(code(settings.set_text("on_mismatch", "x")), Code::BadParamValue);
        assert_eq!(code(settings.set_text("on_mismtch", "null")), Code::UnknownSetting);
        assert_eq!(code(settings.set_text("variable.okta", "x")), Code::UnknownSetting);
        assert_eq!(code(settings.set_text("memory.limit", "5")), Code::BadParamValue);
        assert_eq!(code(settings.set_text("scan.concurrency", "0")), Code::BadParamValue);
        let report = settings.set_text("cache.ttl", "soon").expect_err("refused");
        assert_eq!(report.help, ["give a duration such as `30s` or `5m`, or `off`"]);
    }

    #[test]
    fn read_only_is_not_switched_off() {
        let mut settings = Settings::default();
        settings.set_text("read_only", "off").expect("it is off");
        settings.set_text("read_only", "on").expect("fits");
        let report = settings.set_text("read_only", "off").expect_err("refused");
        assert_eq!(report.code, Code::ReadOnly);
        assert!(settings.apply("read_only", None).is_err());
        assert!(settings.read_only);
    }

    #[test]
    fn what_is_shown_is_a_value() {
        let changed = [
            ("on_mismatch", "null"),
            ("scan.order", "arrival"),
            ("scan.concurrency", "7"),
            ("on_error", "partial"),
            ("budget.requests", "5"),
            ("budget.rows", "6"),
            ("budget.seconds", "1.5"),
            ("cache.ttl", "2500ms"),
            ("read_only", "on"),
            ("timeout", "10ms"),
            ("max_writes", "3"),
            ("on_write_error", "continue"),
            ("ledger.before_image", "on"),
            ("write.all", "on"),
            ("default.writes", "on"),
            ("await.timeout", "90000ms"),
            ("transaction.mode", "eager"),
            ("transaction.irreversible", "on"),
            ("memory.limit", "64MB"),
            ("local_files", "off"),
        ];
        assert_eq!(changed.len() + 2, SETTINGS.len(), "all but those with names of the user's");
        for (setting, (name, value)) in SETTINGS.iter().zip(changed) {
            assert_eq!(setting.name, name);
            let mut settings = Settings::default();
            settings.set_text(name, value).expect("fits");
            assert_eq!(setting.show(&settings), value, "{name}");
            assert_ne!(settings, Settings::default(), "{name}");
            if name != "read_only" {
                settings.set_text(name, &setting.default()).expect("a default is a value");
                assert_eq!(settings, Settings::default(), "{name}");
                settings.set_text(name, value).expect("fits");
                settings.apply(name, None).expect("DEFAULT");
                assert_eq!(settings, Settings::default(), "{name}");
            }
        }
    }
}
