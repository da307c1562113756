//! Which statements a server runs, which it asks about, and which it refuses.

use std::fmt;
use std::str::FromStr;

use strataql_diag::{Code, Report, did_you_mean};

use crate::backend::Effect;

/// What a server allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Queries only.
    ReadOnly,
    /// Queries; everything else after a person has approved it.
    #[default]
    Safe,
    /// Queries, INSERT, UPDATE and REPLACE; everything else after a person has approved it.
    DeleteSafe,
    /// Everything.
    FullAccess,
}

/// What becomes of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allow,
    Approve,
    Refuse,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::ReadOnly, Self::Safe, Self::DeleteSafe, Self::FullAccess];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only",
            Self::Safe => "safe",
            Self::DeleteSafe => "delete_safe",
            Self::FullAccess => "full_access",
        }
    }

    pub(crate) fn decide(self, effect: Effect) -> Decision {
        match (self, effect) {
            (_, Effect::Select | Effect::Session) | (Self::FullAccess, _) => Decision::Allow,
            (Self::ReadOnly, _) => Decision::Refuse,
            (Self::DeleteSafe, Effect::Write) => Decision::Allow,
            (Self::Safe | Self::DeleteSafe, _) => Decision::Approve,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = Box<Report>;

    fn from_str(text: &str) -> Result<Self, Box<Report>> {
        let names = Self::ALL.map(Self::name);
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| {
            Box::new(
                Report::new(Code::Usage, format!("there is no mode `{text}`"))
                    .with_help_if(did_you_mean(text, names))
                    .with_help(format!("the modes are `{}`", names.join("`, `"))),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Decision::{Allow, Approve, Refuse};
    use super::*;

    #[test]
    fn modes_decide_by_effect() {
        let effects = [Effect::Select, Effect::Write, Effect::Delete, Effect::Exec, Effect::Other];
        let row = |mode: Mode| effects.map(|effect| mode.decide(effect));
        assert_eq!(row(Mode::ReadOnly), [Allow, Refuse, Refuse, Refuse, Refuse]);
        assert_eq!(row(Mode::Safe), [Allow, Approve, Approve, Approve, Approve]);
        assert_eq!(row(Mode::DeleteSafe), [Allow, Allow, Approve, Approve, Approve]);
        assert_eq!(row(Mode::FullAccess), [Allow; 5]);
        assert!("read-only".parse::<Mode>().is_err());
        assert_eq!("delete_safe".parse::<Mode>().ok(), Some(Mode::DeleteSafe));
    }
}
