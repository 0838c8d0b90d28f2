//! The needs of a function. They are checked at start, so that a function with a missing setting does not start,
//! instead of failing at a request.

use crate::crypto::{KeyGroup, Keyring};

use super::{ConfigError, Environment};

/// A part of the application that a function needs. It is read or warmed up at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The table. It needs `TABLE_NAME`, and its connection is opened at start.
    Table,
    /// The keys of a group, derived from its secret ([`Need::secret`]).
    Keys(KeyGroup),
    /// The published keys of access tokens. They are read from the table at start.
    TokenKeys,
    /// Hashing of passwords at the cost of `ARGON2_MEMORY_KIB` and `ARGON2_PASSES`. The memory is touched at start, so
    /// that the first hash does not wait for page faults.
    PasswordHashing,
    /// Hashing of passwords in a function that seldom hashes. The memory is not touched before the first hash.
    SeldomPasswordHashing,
    /// The sender of mail, `MAIL_FROM`.
    MailSender,
    /// The public address of the pages, `CLIENT_HOST`, for functions that write links.
    ClientHost,
}

impl Need {
    /// The keys of one-time codes.
    pub const CODES: Self = Self::Keys(KeyGroup::Codes);
    /// The keys of mailed links.
    pub const LINKS: Self = Self::Keys(KeyGroup::Links);
    /// The keys of refresh tokens, reauthentications and known devices.
    pub const SESSIONS: Self = Self::Keys(KeyGroup::Sessions);
    /// The keys of captcha passes, CSRF values, hashed addresses and hashed account names.
    pub const VISITORS: Self = Self::Keys(KeyGroup::Visitors);
    /// The keys that open the private keys of access tokens, to sign them.
    pub const SEALED_KEYS: Self = Self::Keys(KeyGroup::SealedKeys);

    /// Returns the variable with the secret from which the keys of a group are derived.
    #[must_use]
    pub const fn secret(group: KeyGroup) -> &'static str {
        match group {
            KeyGroup::Codes => "CODE_SECRET",
            KeyGroup::Links => "LINK_SECRET",
            KeyGroup::Sessions => "SESSION_SECRET",
            KeyGroup::Visitors => "VISITOR_SECRET",
            KeyGroup::SealedKeys => "KEY_SECRET",
        }
    }

    /// Returns the variable that must be set for this need. Hashing has none, because its settings have defaults.
    #[must_use]
    pub const fn variable(self) -> Option<&'static str> {
        match self {
            Self::Table | Self::TokenKeys => Some("TABLE_NAME"),
            Self::Keys(group) => Some(Self::secret(group)),
            Self::PasswordHashing | Self::SeldomPasswordHashing => None,
            Self::MailSender => Some("MAIL_FROM"),
            Self::ClientHost => Some("CLIENT_HOST"),
        }
    }
}

/// The keys that a function holds. It holds only the groups that it needs.
#[derive(Clone, Debug)]
pub struct Keys(Vec<(KeyGroup, Keyring)>);

impl Keys {
    pub(super) fn read(environment: &Environment<'_>, needs: &[Need]) -> Result<Self, ConfigError> {
        let groups = needs.iter().filter_map(|need| if let Need::Keys(group) = need { Some(*group) } else { None });
        let keyrings = groups.map(|group| Ok((group, environment.keyring(Need::secret(group), group)?)));
        Ok(Self(keyrings.collect::<Result<_, _>>()?))
    }

    /// Returns the keys of a group, if the function holds them.
    #[must_use]
    pub fn of(&self, group: KeyGroup) -> Option<&Keyring> {
        self.0.iter().find(|(one, _)| *one == group).map(|(_, keyring)| keyring)
    }
}
