//! Who may log in.
//!
//! Owns: passwords, as far as SCRAM needs them.
//! Surprise: the password itself is not kept.

use std::collections::HashMap;
use std::fmt;

use pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, gen_salted_password};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use strataql_diag::Report;

/// The users of a server.
pub struct Users {
    known: HashMap<String, Salted>,
    /// What a user that is not known is compared with.
    nobody: Salted,
}

/// A password that is salted.
#[derive(Clone)]
pub(crate) struct Salted {
    pub(crate) salt: Vec<u8>,
    pub(crate) salted: Vec<u8>,
}

impl Users {
    /// Users with their passwords.
    ///
    /// # Errors
    /// `internal` if the system has no random numbers.
    pub fn new(
        users: impl IntoIterator<Item = (String, SecretString)>,
    ) -> Result<Self, Box<Report>> {
        let known = users
            .into_iter()
            .map(|(name, password)| Ok((name, salted(password.expose_secret())?)))
            .collect::<Result<_, Box<Report>>>()?;
        Ok(Self { known, nobody: Salted { salt: random(16)?, salted: random(32)? } })
    }

    pub(crate) fn password(&self, user: &str) -> &Salted {
        self.known.get(user).unwrap_or(&self.nobody)
    }

    pub(crate) fn has(&self, user: &str) -> bool {
        self.known.contains_key(user)
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.known.len()).finish_non_exhaustive()
    }
}

fn salted(password: &str) -> Result<Salted, Box<Report>> {
    let salt = random(16)?;
    let salted = gen_salted_password(password, &salt, SCRAM_ITERATIONS);
    Ok(Salted { salt, salted })
}

/// Random bytes.
///
/// # Errors
/// `internal` if the system has none.
pub(crate) fn random(count: usize) -> Result<Vec<u8>, Box<Report>> {
    let mut bytes = vec![0; count];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Box::new(Report::internal("the system has no random numbers")))?;
    Ok(bytes)
}
