//! The daily budgets: how many messages may be sent in a day, because they cost money. The message that spends the last of
//! one stores a flag, so that new requests are refused at once, and logs a line for the template's alarm.
//!
//! The count is split into shards, because all messages share it. Each shard has its part of the budget, and a message
//! that finds its shard full goes on to the next. The limit is therefore exact, and no message has to read the sum.

use shared::domain::Timestamp;
use shared::dynamodb::items::{BudgetShard, ExpiringItem, Message, Recipient};
use shared::dynamodb::keys::{self, BUDGET_SHARDS, FLAG_COPIES, Key};
use shared::dynamodb::{Condition, Set, Transaction, Write, WriteError};
use shared::messages::{count_for_stranger, take_back_for_stranger};
use shared::{App, Error};

const DAY_SECONDS: i64 = 86_400;
const DOING: &str = "reading a budget";

/// Where a message was counted.
pub(crate) struct Spent {
    /// `None` if an earlier try was counted, which stays.
    shard: Option<Key>,
    is_to_stranger: bool,
}

/// Counts a message and returns where, or `None` if it may not be sent. A message to a stranger counts toward both their
/// share and the whole budget, and first at the sources that requested it. What was counted at an earlier try is not
/// counted again. The day is that of `now`, however long the counting takes.
pub(crate) async fn spend(
    app: &App,
    message: &Message,
    is_to_stranger: bool,
    now: Timestamp,
) -> Result<Option<Spent>, Error> {
    if message.counted {
        return Ok(Some(Spent { shard: None, is_to_stranger: false }));
    }
    if is_to_stranger && !count_for_stranger(app, message).await? {
        return Ok(None);
    }
    let spent = spend_of_day(app, message, is_to_stranger, now).await;
    if is_to_stranger && !matches!(spent, Ok(Some(_))) {
        take_back_for_stranger(app, message).await;
    }
    spent
}

async fn spend_of_day(
    app: &App,
    message: &Message,
    is_to_stranger: bool,
    now: Timestamp,
) -> Result<Option<Spent>, Error> {
    let (channel, most) = budget_of(app, message);
    let first = u32::from(shared::crypto::random::<1>()[0]);
    for step in 0..BUDGET_SHARDS {
        let shard = (first + step) % BUDGET_SHARDS;
        let key = keys::budget(channel, &now.utc_date(), shard);
        if count(app, &key, Part::of(app, most, shard), is_to_stranger, now).await? {
            return Ok(Some(Spent { shard: Some(key), is_to_stranger }));
        }
    }
    if message.is_notification() {
        // Nobody asks for a notification, so no request would read a flag.
        report(channel);
    } else {
        flag_what_is_spent(app, message, now).await?;
    }
    Ok(None)
}

/// Flags what a message that was sent has spent the last of. If this fails, the next message does it, and is not sent.
pub(crate) async fn flag_if_spent(app: &App, message: &Message, spent: &Spent, now: Timestamp) {
    let Some(shard) = &spent.shard else { return };
    if message.is_notification() {
        return;
    }
    let flagging = async {
        let counted: Option<BudgetShard> = app.store.get(shard, DOING).await?;
        let (_, most) = budget_of(app, message);
        // The shard's number does not matter: a part that is too small by one only costs the reading of all.
        let least = Part::of(app, most, BUDGET_SHARDS - 1);
        let may_be_spent = |counted| {
            // Later messages to accounts do not spend the strangers' share again.
            least.is_full(counted) || (spent.is_to_stranger && least.is_full_for_strangers(counted))
        };
        if counted.is_some_and(may_be_spent) {
            flag_what_is_spent(app, message, now).await?;
        }
        Ok::<_, Error>(())
    };
    if let Err(error) = flagging.await {
        error.log_ignored("a spent budget is not flagged yet");
    }
}

/// Flags the whole budget if it is spent, or else the strangers' share if that is.
async fn flag_what_is_spent(app: &App, message: &Message, now: Timestamp) -> Result<(), Error> {
    let (channel, most) = budget_of(app, message);
    let (mut is_spent, mut is_spent_for_strangers) = (true, true);
    for shard in 0..BUDGET_SHARDS {
        let counted: Option<BudgetShard> = app.store.get(&keys::budget(channel, &now.utc_date(), shard), DOING).await?;
        let (part, counted) = (Part::of(app, most, shard), counted.unwrap_or_default());
        is_spent &= part.is_full(counted);
        is_spent_for_strangers &= part.is_full(counted) || part.is_full_for_strangers(counted);
    }
    if is_spent {
        raise(app, channel, now).await
    } else if is_spent_for_strangers {
        raise(app, &keys::strangers_flag(channel), now).await
    } else {
        Ok(())
    }
}

/// Returns the name of a message's budget, and how many messages it allows in a day.
fn budget_of(app: &App, message: &Message) -> (&'static str, u32) {
    let budgets = &app.config.messages.budgets;
    match (&message.recipient, message.is_notification()) {
        (_, true) => ("notification", budgets.notifications),
        (recipient @ Recipient::Sms(_), false) => (recipient.channel(), budgets.sms),
        (recipient @ Recipient::Email(_), false) => (recipient.channel(), budgets.mail),
    }
}

/// Takes a message back that the provider certainly did not send. If this fails, it stays counted.
pub(crate) async fn take_back(app: &App, message: &Message, spent: &Spent) {
    let Some(shard) = &spent.shard else { return };
    if spent.is_to_stranger {
        take_back_for_stranger(app, message).await;
    }
    let set = Set::default().and_decrement(BudgetShard::SENT);
    let set = if spent.is_to_stranger { set.and_decrement(BudgetShard::TO_STRANGERS) } else { set };
    let is_there = Condition::exists(keys::PARTITION);
    let taken = app.store.write("taking a message back", shard, &set, &is_there, |_| WriteError::Refused).await;
    if let Err(error) = WriteError::refused_as_none(taken) {
        error.log_ignored("a message that was not sent stays counted");
    }
}

/// What a shard allows in a day.
#[derive(Clone, Copy)]
struct Part {
    most: u32,
    to_strangers: u32,
}

impl Part {
    fn of(app: &App, most: u32, shard: u32) -> Self {
        let share = app.config.messages.budgets.strangers_share(most);
        Self { most: part(most, shard), to_strangers: part(share, shard) }
    }

    const fn is_full(self, counted: BudgetShard) -> bool {
        counted.sent >= self.most
    }

    const fn is_full_for_strangers(self, counted: BudgetShard) -> bool {
        counted.to_strangers >= self.to_strangers
    }
}

/// Returns a shard's part of the whole. The remainder of the division is spread over the first shards.
const fn part(whole: u32, shard: u32) -> u32 {
    whole / BUDGET_SHARDS + if shard < whole % BUDGET_SHARDS { 1 } else { 0 }
}

/// Counts a message in a shard. Returns whether the shard had room for it.
async fn count(app: &App, shard: &Key, part: Part, is_to_stranger: bool, now: Timestamp) -> Result<bool, Error> {
    if part.most == 0 || (is_to_stranger && part.to_strangers == 0) {
        return Ok(false);
    }
    let less_than = |attribute, most: u32| Condition::absent(attribute).or(Condition::less(attribute, most));
    let until = now.plus_seconds(2 * DAY_SECONDS);
    let mut set = Set::to(keys::EXPIRES_AT, until).and_increment(BudgetShard::SENT);
    let mut within = less_than(BudgetShard::SENT, part.most);
    if is_to_stranger {
        set = set.and_increment(BudgetShard::TO_STRANGERS);
        within = within.and(less_than(BudgetShard::TO_STRANGERS, part.to_strangers));
    }
    let mut tx = Transaction::new("counting a message", || WriteError::Refused);
    tx.require(Write::update(shard.clone(), set, within));
    Ok(WriteError::refused_as_none(app.store.commit(tx).await)?.is_some())
}

/// Logs that a budget is spent. The template's alarm counts these lines.
fn report(budget: &str) {
    tracing::error!(function = super::NAME, budget_spent = budget, "a daily budget is spent");
}

/// Flags a budget as spent, until the end of the day (UTC) that was counted. If that day has ended meanwhile, the flag is
/// worth nothing. It has several copies, because every request for a message reads one.
async fn raise(app: &App, flag: &str, now: Timestamp) -> Result<(), Error> {
    report(flag);
    let midnight = now.plus_seconds(DAY_SECONDS - now.unix_seconds().rem_euclid(DAY_SECONDS));
    let until = ExpiringItem { expires_at: midnight };
    let mut tx = Transaction::new("flagging a budget", || WriteError::Refused);
    for copy in 0..FLAG_COPIES {
        tx.require(Write::put(keys::budget_flag(flag, copy), &until, Condition::no_live_item(now))?);
    }
    // The write is refused if the flag is up already, which is as good.
    WriteError::refused_as_none(app.store.commit(tx).await).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_make_the_whole() {
        for whole in [0, 1, 7, 8, 9, 1000] {
            assert_eq!((0..BUDGET_SHARDS).map(|shard| part(whole, shard)).sum::<u32>(), whole);
        }
    }
}
