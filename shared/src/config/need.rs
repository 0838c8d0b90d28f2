//! What a function cannot do without. It is checked at start, so that a function refuses to start rather than to answer.

use crate::crypto::{KeyGroup, Keyring};

use super::{ConfigError, Environment};

/// Something that a function reads or warms up at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The table: `TABLE_NAME`, and a connection that is opened at start.
    Table,
    /// The keys of a group, derived from its secret ([`Need::secret`]).
    Keys(KeyGroup),
    /// The published keys of access tokens, which are read from the table at start.
    TokenKeys,
    /// Hashing passwords at `ARGON2_MEMORY_KIB` and `ARGON2_PASSES`. The memory for it is faulted in at start.
    PasswordHashing,
    /// The same for a function that seldom hashes: the memory is faulted in by the first hash.
    SeldomPasswordHashing,
    /// `MAIL_FROM`
    MailSender,
    /// `CLIENT_HOST`, where no request tells the address of the pages.
    ClientHost,
}

impl Need {
    /// The keys of one-time codes.
    pub const CODES: Self = Self::Keys(KeyGroup::Codes);
    /// The keys of mailed links.
    pub const LINKS: Self = Self::Keys(KeyGroup::Links);
    /// The keys of refresh tokens, reauthentications and known devices.
    pub const SESSIONS: Self = Self::Keys(KeyGroup::Sessions);
    /// The keys of captcha passes, CSRF values, hashed addresses and unknown account names.
    pub const VISITORS: Self = Self::Keys(KeyGroup::Visitors);
    /// The keys that open the private keys of access tokens, to sign them.
    pub const SEALED_KEYS: Self = Self::Keys(KeyGroup::SealedKeys);

    /// The variable with the secret that the keys of a group are derived from.
    #[must_use]
    pub const fn secret(group: KeyGroup) -> &'static str {
        match group {
            KeyGroup::SealedKeys => "KEY_SECRET",
            KeyGroup::Codes | KeyGroup::Links | KeyGroup::Sessions | KeyGroup::Visitors => "CODE_SECRET",
        }
    }

    /// The variable that must be set for it. Hashing has a default for each of its settings.
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

/// The keys that a function holds: those of the groups it needs, and no other.
#[derive(Clone, Debug)]
pub struct Keys(Vec<(KeyGroup, Keyring)>);

impl Keys {
    pub(super) fn read(environment: &Environment<'_>, needs: &[Need]) -> Result<Self, ConfigError> {
        let groups = needs.iter().filter_map(|need| if let Need::Keys(group) = need { Some(*group) } else { None });
        let keyrings = groups.map(|group| Ok((group, environment.keyring(Need::secret(group), group)?)));
        Ok(Self(keyrings.collect::<Result<_, _>>()?))
    }

    /// The keys of a group, where the function holds them.
    #[must_use]
    pub fn of(&self, group: KeyGroup) -> Option<&Keyring> {
        self.0.iter().find(|(one, _)| *one == group).map(|(_, keyring)| keyring)
    }
}
