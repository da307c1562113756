//! The registry of error codes: kebab identifier, SQLSTATE, exit class and meaning.
//!
//! Owns: every code a user can meet. Codes are API: they are never renamed nor reused.
//! Refuses: messages; they are written where the cause is known.

use serde::{Serialize, Serializer};

/// What kind of failure a code belongs to; decides the process exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The run is fine, and what it checked is false (exit 1).
    Check,
    /// The statement, a name or a value given by the user is wrong (exit 2).
    Statement,
    /// The remote service refused, or sent an unusable response (exit 3).
    Remote,
    /// Credentials are missing or were refused (exit 4).
    Auth,
    /// The remote service could not be reached or stayed busy (exit 5).
    Transient,
    /// A provider document cannot be used (exit 6).
    Document,
    /// A partial result was accepted by the user (exit 8).
    Partial,
    /// A limit set by the user was reached (exit 9).
    Limit,
    /// A write may or may not have happened (exit 10).
    UnknownOutcome,
    /// The local machine or the configuration is at fault (exit 11).
    Local,
    /// The user interrupted the run (exit 130).
    Interrupt,
    /// A bug in strataql (exit 70).
    Internal,
}

impl Class {
    /// The process exit code of this class.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Check => 1,
            Self::Statement => 2,
            Self::Remote => 3,
            Self::Auth => 4,
            Self::Transient => 5,
            Self::Document => 6,
            Self::Partial => 8,
            Self::Limit => 9,
            Self::UnknownOutcome => 10,
            Self::Local => 11,
            Self::Internal => 70,
            Self::Interrupt => 130,
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident, $id:literal, $sqlstate:literal, $class:ident;)+) => {
        /// A stable error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code, in the order of the error index.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The kebab-case identifier, for example `missing-param`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }

            /// The five-character SQLSTATE that wire protocols carry.
            pub const fn sqlstate(self) -> &'static str {
                match self { $(Self::$variant => $sqlstate,)+ }
            }

            /// The failure class.
            pub const fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)+ }
            }

            /// What the code means, for the error index.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n",)+),)+ }
            }
        }
    };
}

codes! {
    /// The statement is not valid SQL.
    Syntax, "syntax", "42601", Statement;
    /// The statement is understood but this version cannot run it.
    UnsupportedSyntax, "unsupported-syntax", "0A000", Statement;
    /// BEGIN, COMMIT or ROLLBACK is out of place, or a write cannot be part of a transaction or be
    /// undone.
    Transaction, "transaction", "25000", Statement;
    /// The command line is wrong: an unknown flag, format or file.
    Usage, "usage", "22023", Statement;
    /// A `{{ variable }}` of the statement has no value.
    UnsetVariable, "unset-variable", "22023", Statement;
    /// An ASSERT does not hold, or `--fail-if-rows` saw rows. The rows are printed.
    AssertionFailed, "assertion-failed", "P0004", Check;
    /// A response held a secret that is shown once, and the statement did not return it (a warning).
    SecretNotReturned, "secret-not-returned", "01000", Statement;
    /// No provider of that name is installed.
    UnknownProvider, "unknown-provider", "3F000", Statement;
    /// The provider has no such service.
    UnknownService, "unknown-service", "3F000", Statement;
    /// The service has no such resource, or no local relation has that name.
    UnknownResource, "unknown-resource", "42P01", Statement;
    /// The resource has no such method.
    UnknownMethod, "unknown-method", "42883", Statement;
    /// No relation of the statement has that column.
    UnknownColumn, "unknown-column", "42703", Statement;
    /// No function of that name takes those arguments.
    UnknownFunction, "unknown-function", "42883", Statement;
    /// The name fits more than one thing.
    AmbiguousName, "ambiguous-name", "42702", Statement;
    /// A setting of that name does not exist.
    UnknownSetting, "unknown-setting", "42704", Statement;
    /// A parameter that every candidate method requires has no value.
    MissingParam, "missing-param", "22023", Statement;
    /// A parameter value has the wrong type or shape.
    BadParamValue, "bad-param-value", "22P02", Statement;
    /// The resource has no method for that SQL verb.
    NoSuchVerb, "no-such-verb", "0A000", Statement;
    /// Operand types do not fit the operator or function.
    TypeMismatch, "type-mismatch", "42804", Statement;
    /// A value could not be computed: division by zero, a failed cast, a bad pattern.
    BadValue, "bad-value", "22000", Statement;
    /// The credential that the provider needs is not configured.
    NoCredential, "no-credential", "28000", Auth;
    /// The service or its token endpoint refused the credential (401, 403).
    CredentialRefused, "credential-refused", "28000", Auth;
    /// The service rejected the request (4xx).
    RemoteRejected, "remote-rejected", "58000", Remote;
    /// The service says that the object, or the list itself, does not exist (404).
    RemoteMissing, "remote-missing", "02000", Remote;
    /// The service reports a conflict (409).
    RemoteConflict, "remote-conflict", "23505", Remote;
    /// A success response has a body that does not answer the request.
    UnexpectedBody, "unexpected-body", "58000", Remote;
    /// A value in the response does not fit the type that the document declares.
    BadRemoteValue, "bad-remote-value", "22P02", Remote;
    /// The response does not say where a list ends, or says that there are rows which were not returned.
    IncompleteList, "incomplete-list", "58000", Remote;
    /// The service returned a page address that it had returned before.
    PageLoop, "page-loop", "58000", Remote;
    /// The service pointed to another origin; following it would send the credential there.
    CrossOrigin, "cross-origin", "58000", Remote;
    /// The response exceeds a size limit.
    ResponseTooLarge, "response-too-large", "54000", Remote;
    /// The service kept answering 429 until the retry budget was spent.
    RateLimited, "rate-limited", "53400", Transient;
    /// The service could not be reached, broke the connection or kept answering 5xx.
    RemoteUnavailable, "remote-unavailable", "08006", Transient;
    /// The statement or a service took too long.
    Timeout, "timeout", "57014", Transient;
    /// The encrypted connection could not be set up.
    TlsFailed, "tls-failed", "08006", Transient;
    /// A provider document is malformed or cannot be used.
    BadDocument, "bad-document", "F0000", Document;
    /// A provider document exceeds a limit on nesting, expansion or size.
    UntrustedDocument, "untrusted-document", "F0000", Document;
    /// The result is partial, as the user accepted.
    Partial, "partial", "01000", Partial;
    /// A budget set by the user was reached.
    Budget, "budget", "54000", Limit;
    /// The statement would write more rows than `--max-writes` allows.
    MaxWrites, "max-writes", "54000", Limit;
    /// The session may not write.
    ReadOnly, "read-only", "25006", Limit;
    /// The query needs more memory than it may use.
    MemoryLimit, "memory-limit", "53200", Limit;
    /// A write was sent and its outcome could not be determined.
    WriteOutcomeUnknown, "write-outcome-unknown", "40003", UnknownOutcome;
    /// A local file or folder could not be read or written.
    LocalIo, "local-io", "58030", Local;
    /// The configuration is wrong.
    Config, "config", "F0000", Local;
    /// The user interrupted the run.
    Cancelled, "cancelled", "57014", Interrupt;
    /// A bug in strataql; please report it.
    Internal, "internal", "XX000", Internal;
}

impl Code {
    /// The process exit code of a run that fails with this code.
    pub const fn exit_code(self) -> u8 {
        self.class().exit_code()
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn identifiers_are_unique_kebab_case_and_sqlstates_have_five_characters() {
        let mut seen = BTreeSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.id()), "{code} twice");
            assert!(code.id().chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{code}");
            assert_eq!(code.sqlstate().len(), 5, "{code}");
            assert!(!code.meaning().trim().is_empty(), "{code}");
        }
    }

    #[test]
    fn exit_codes_follow_the_contract() {
        assert_eq!(Code::AssertionFailed.exit_code(), 1);
        assert_eq!(Code::Syntax.exit_code(), 2);
        assert_eq!(Code::RemoteConflict.exit_code(), 3);
        assert_eq!(Code::NoCredential.exit_code(), 4);
        assert_eq!(Code::Timeout.exit_code(), 5);
        assert_eq!(Code::BadDocument.exit_code(), 6);
        assert_eq!(Code::Budget.exit_code(), 9);
        assert_eq!(Code::WriteOutcomeUnknown.exit_code(), 10);
        assert_eq!(Code::LocalIo.exit_code(), 11);
        assert_eq!(Code::Cancelled.exit_code(), 130);
        assert_eq!(Code::Internal.exit_code(), 70);
    }
}
