//! The daily budgets: how many messages may be sent in a day, because they cost money. If one is spent, a flag is
//! stored, so that new requests are refused at once, and a line is logged for the template's alarm.
//!
//! The count is split into shards, because all messages share it. Each shard has its part of the budget, and a message
//! that finds its shard full goes on to the next. The limit is therefore exact, and no message has to read the sum.

use shared::domain::Timestamp;
use shared::dynamodb::items::{BudgetShard, Content, ExpiringItem, Message, Recipient};
use shared::dynamodb::keys::{self, BUDGET_SHARDS, FLAG_COPIES, Key};
use shared::dynamodb::{Condition, Set, Transaction, Write, WriteError};
use shared::messages::{count_for_stranger, take_back_for_stranger};
use shared::{App, Error};

const DAY_SECONDS: i64 = 86_400;

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
    let budgets = &app.config.messages.budgets;
    let is_notification = matches!(message.content, Content::SecurityNotification(_));
    let (channel, most) = match (&message.recipient, is_notification) {
        (_, true) => ("notification", budgets.notifications),
        (recipient @ Recipient::Sms(_), false) => (recipient.channel(), budgets.sms),
        (recipient @ Recipient::Email(_), false) => (recipient.channel(), budgets.mail),
    };
    let first = u32::from(shared::crypto::random::<1>()[0]);
    for step in 0..BUDGET_SHARDS {
        let shard = (first + step) % BUDGET_SHARDS;
        let share = is_to_stranger.then(|| part(budgets.strangers_share(most), shard));
        let key = keys::budget(channel, &now.utc_date(), shard);
        if count(app, &key, (part(most, shard), share), now).await? {
            return Ok(Some(Spent { shard: Some(key), is_to_stranger }));
        }
    }
    if is_notification {
        // Nobody asks for a notification, so no request would read a flag.
        report(channel);
        return Ok(None);
    }
    // Either the whole budget is spent, or the strangers' share. If both are spent, the next message raises the other
    // flag.
    let is_whole = !is_to_stranger || is_whole_spent(app, channel, most, now).await?;
    let flag = if is_whole { channel.to_owned() } else { keys::strangers_flag(channel) };
    raise(app, &flag, now).await?;
    Ok(None)
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

/// Returns a shard's part of the whole. The remainder of the division is spread over the first shards.
const fn part(whole: u32, shard: u32) -> u32 {
    whole / BUDGET_SHARDS + if shard < whole % BUDGET_SHARDS { 1 } else { 0 }
}

async fn count(app: &App, shard: &Key, (most, share): (u32, Option<u32>), now: Timestamp) -> Result<bool, Error> {
    if most == 0 || share == Some(0) {
        return Ok(false);
    }
    let less_than = |attribute, most: u32| Condition::absent(attribute).or(Condition::less(attribute, most));
    let until = now.plus_seconds(2 * DAY_SECONDS);
    let mut set = Set::to(keys::EXPIRES_AT, until).and_increment(BudgetShard::SENT);
    let mut within = less_than(BudgetShard::SENT, most);
    if let Some(share) = share {
        set = set.and_increment(BudgetShard::TO_STRANGERS);
        within = within.and(less_than(BudgetShard::TO_STRANGERS, share));
    }
    let mut tx = Transaction::new("counting a message", || WriteError::Refused);
    tx.require(Write::update(shard.clone(), set, within));
    Ok(WriteError::refused_as_none(app.store.commit(tx).await)?.is_some())
}

async fn is_whole_spent(app: &App, channel: &str, most: u32, now: Timestamp) -> Result<bool, Error> {
    for shard in 0..BUDGET_SHARDS {
        let key = keys::budget(channel, &now.utc_date(), shard);
        let spent: Option<BudgetShard> = app.store.get(&key, "reading a budget").await?;
        if spent.map_or(0, |spent| spent.sent) < part(most, shard) {
            return Ok(false);
        }
    }
    Ok(true)
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
