//! The daily budgets: how many messages may be sent in a day, because they cost money. If one is spent, a flag is
//! stored, so that new requests are refused at once, and a line is logged for the template's alarm.
//!
//! The count is split into shards, because all messages share it. Each shard has its part of the budget, and a message
//! that finds its shard full goes on to the next. The limit is therefore exact, and no message has to read the sum.

use shared::dynamodb::items::{BudgetShard, Content, ExpiringItem, Message, Recipient};
use shared::dynamodb::keys::{self, BUDGET_SHARDS, FLAG_COPIES};
use shared::dynamodb::{Condition, Set, Transaction, Write, WriteError};
use shared::messages::is_sign_up;
use shared::{App, Error};

/// How much of the SMS budget sign-ups and moves to new numbers may use, in per cent. The rest is reserved for existing
/// accounts.
const SIGN_UP_PERCENT: u32 = 60;

/// Counts a message and returns whether it may be sent. A sign-up counts toward both its own part and the whole budget.
pub(crate) async fn spend(app: &App, message: &Message) -> Result<bool, Error> {
    let budgets = &app.config.messages.budgets;
    let is_notification = matches!(message.content, Content::SecurityNotification(_));
    let (channel, most) = match (&message.recipient, is_notification) {
        (_, true) => ("notification", budgets.notifications),
        (recipient @ Recipient::Sms(_), false) => (recipient.channel(), budgets.sms),
        (recipient @ Recipient::Email(_), false) => (recipient.channel(), budgets.mail),
    };
    let sign_up = is_sign_up(&message.content, message.requires_account);
    let first = u32::from(shared::crypto::random::<1>()[0]);
    for step in 0..BUDGET_SHARDS {
        let shard = (first + step) % BUDGET_SHARDS;
        let some = sign_up.then(|| part(most / 100 * SIGN_UP_PERCENT + most % 100 * SIGN_UP_PERCENT / 100, shard));
        if count(app, channel, shard, part(most, shard), some).await? {
            return Ok(true);
        }
    }
    if is_notification {
        // Nobody asks for a notification, so no request would read a flag.
        report(channel);
        return Ok(false);
    }
    // Either the whole budget is spent, or the part of it for sign-ups. If both are spent, the next message raises the
    // other flag.
    let whole = !sign_up || is_whole_spent(app, channel, most).await?;
    raise(app, if whole { channel } else { "sms_sign_up" }).await?;
    Ok(false)
}

/// Returns a shard's part of the whole. The remainder of the division is spread over the first shards.
const fn part(whole: u32, shard: u32) -> u32 {
    whole / BUDGET_SHARDS + if shard < whole % BUDGET_SHARDS { 1 } else { 0 }
}

async fn count(app: &App, channel: &str, shard: u32, most: u32, some: Option<u32>) -> Result<bool, Error> {
    if most == 0 || some == Some(0) {
        return Ok(false);
    }
    let now = app.clock.now();
    let less_than = |attribute, most: u32| Condition::absent(attribute).or(Condition::less(attribute, most));
    let until = now.plus_seconds(2 * 86_400);
    let mut set = Set::to(keys::EXPIRES_AT, until).and_increment(BudgetShard::SENT);
    let mut within = less_than(BudgetShard::SENT, most);
    if let Some(some) = some {
        set = set.and_increment(BudgetShard::SIGN_UPS);
        within = within.and(less_than(BudgetShard::SIGN_UPS, some));
    }
    let mut tx = Transaction::new("counting a message", || WriteError::Refused);
    tx.require(Write::update(keys::budget(channel, &now.utc_date(), shard), set, within));
    Ok(WriteError::refused_as_none(app.store.commit(tx).await)?.is_some())
}

async fn is_whole_spent(app: &App, channel: &str, most: u32) -> Result<bool, Error> {
    let (store, date) = (&app.store, app.clock.now().utc_date());
    for shard in 0..BUDGET_SHARDS {
        let spent: Option<BudgetShard> = store.get(&keys::budget(channel, &date, shard), "reading a budget").await?;
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

/// Flags a budget as spent, until the end of the day in UTC. The flag has several copies, because every request for a
/// message reads one.
async fn raise(app: &App, flag: &'static str) -> Result<(), Error> {
    report(flag);
    let now = app.clock.now();
    let day = 86_400;
    let midnight = now.plus_seconds(day - now.unix_seconds().rem_euclid(day));
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
