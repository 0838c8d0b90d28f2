//! The counters of an account, for its owner to see. They are those that can be found by the account's id and by its
//! names, in one read.

use crate::app::App;
use crate::config::RateLimit;
use crate::credentials::codes::{IN_A_ROW, streaks_of_account};
use crate::domain::{AccountName, Timestamp, User};
use crate::dynamodb::Item;
use crate::dynamodb::items::Recipient;
use crate::dynamodb::keys::{self, EXPIRES_AT, Key};
use crate::error::Error;
use crate::throttling::attempts::{self, FAILURES};
use crate::throttling::limits::{at_name, time_attribute};

/// A counter.
#[derive(Debug)]
pub struct Counter {
    /// What is counted.
    pub what: &'static str,
    pub count: u64,
    /// The last times, newest first, where a counter keeps them.
    pub times: Vec<Timestamp>,
    /// The moment from which it is forgotten.
    pub expires_at: Timestamp,
}

impl Counter {
    /// Reads a counter of any form. `None` if it never expires, which none does.
    pub(crate) fn read(what: &'static str, item: &Item) -> Option<Self> {
        let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<i64>().ok();
        let times: Vec<_> = (1..).map_while(|nth| number(&time_attribute(nth)).filter(|at| *at > 0)).collect();
        let counted = [IN_A_ROW, FAILURES].into_iter().find_map(number);
        Some(Self {
            what,
            count: counted.and_then(|count| count.try_into().ok()).unwrap_or(times.len() as u64),
            times: times.into_iter().map(Timestamp::from_unix_seconds).collect(),
            expires_at: Timestamp::from_unix_seconds(number(EXPIRES_AT)?),
        })
    }
}

/// What is counted at number and email because it sends messages, with the words for both counters.
const AT_NAMES: [(RateLimit, &str, &str); 6] = [
    (RateLimit::NewMobiles, "new_mobiles_at_mobile", "new_mobiles_at_email"),
    (RateLimit::NewEmails, "new_emails_at_mobile", "new_emails_at_email"),
    (RateLimit::Changes, "changes_at_mobile", "changes_at_email"),
    (RateLimit::Renames, "renames_at_mobile", "renames_at_email"),
    (RateLimit::DeviceNotices, "device_notices_at_mobile", "device_notices_at_email"),
    (RateLimit::Resets, "resets_at_mobile", "resets_at_email"),
];

/// Returns the keys of an account's counters, each with the word for what it counts.
pub(crate) fn of_account(app: &App, user: &User) -> Result<Vec<(&'static str, Key)>, Error> {
    let limits = RateLimit::OF_ACCOUNT.map(|limit| (limit.key_word(), keys::account_limit(limit.key_word(), &user.id)));
    let streaks = [
        "wrong_codes",
        "wrong_codes_on_known_devices",
        "wrong_codes_in_known_networks",
        "wrong_passwords_beside_a_code",
        "wrong_codes_to_new_addresses",
    ];
    let mut all: Vec<_> = limits.into_iter().chain(streaks.into_iter().zip(streaks_of_account(&user.id))).collect();
    if let Some(mobile) = &user.mobile {
        let recipient = Recipient::Sms(mobile.clone());
        all.extend([
            ("wrong_codes_to_mobile", keys::failure_streak(mobile.as_str())),
            ("wrong_passwords_at_mobile", attempts::key_of(app, &AccountName::Mobile(mobile.clone()))?),
            ("messages_to_mobile", keys::recipient_limit(&recipient)),
            ("messages_to_mobile_from_known_devices", keys::recipient_device_limit(&recipient)),
        ]);
        for (limit, word, _) in AT_NAMES {
            all.push((word, at_name(app, limit, &AccountName::Mobile(mobile.clone()))?));
        }
    }
    if let Some(email) = &user.email {
        let recipient = Recipient::Email(email.clone());
        all.extend([
            ("wrong_passwords_at_email", attempts::key_of(app, &AccountName::Email(email.clone()))?),
            ("messages_to_email", keys::recipient_limit(&recipient)),
            ("messages_to_email_from_known_devices", keys::recipient_device_limit(&recipient)),
            ("second_proofs_to_email", keys::second_proof_limit(&recipient)),
        ]);
        for (limit, _, word) in AT_NAMES {
            all.push((word, at_name(app, limit, &AccountName::Email(email.clone()))?));
        }
    }
    if let Some(username) = &user.username {
        all.push(("wrong_passwords_at_username", attempts::key_of(app, &AccountName::Username(username.clone()))?));
    }
    Ok(all)
}
