//! Conditions and updates as values, and their text in DynamoDB's expression language.
//!
//! Every attribute goes through `ExpressionAttributeNames`, so that no name collides with a reserved word of DynamoDB.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

use super::store::Item;
use crate::domain::Timestamp;
use crate::error::Error;

/// The name of an attribute, or a path to one within a map, such as `devices.0a1b.day`. No name contains a dot itself.
pub type Attribute = Cow<'static, str>;

/// A condition on an item, without which a write does not happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The item has the attribute.
    Exists(Attribute),
    /// The item does not have the attribute.
    Absent(Attribute),
    /// The attribute compares to the value in this way.
    Is(Attribute, Comparison, AttributeValue),
    /// All conditions hold.
    All(Vec<Self>),
    /// At least one condition holds.
    Any(Vec<Self>),
}

/// A comparison of an attribute with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
}

impl Comparison {
    /// Returns whether two values compare in this way. Values of different types never do, as in DynamoDB.
    fn holds(self, found: &AttributeValue, value: &AttributeValue) -> bool {
        let ordering = match (found, value) {
            (AttributeValue::N(found), AttributeValue::N(value)) => {
                // All numbers here are whole.
                found.parse::<i64>().ok().zip(value.parse().ok()).map(|(found, value)| found.cmp(&value))
            }
            (AttributeValue::S(found), AttributeValue::S(value)) => Some(found.cmp(value)),
            _ => (found == value).then_some(Ordering::Equal),
        };
        ordering.is_some_and(|ordering| match self {
            Self::Equal => ordering == Ordering::Equal,
            Self::Less => ordering == Ordering::Less,
            Self::AtMost => ordering != Ordering::Greater,
            Self::Greater => ordering == Ordering::Greater,
        })
    }
}

impl Condition {
    /// Requires that there is no item. Every item has the partition key.
    #[must_use]
    pub fn no_item() -> Self {
        Self::absent(super::keys::PARTITION)
    }

    /// Requires that there is no item, or that it has expired. An expired item can still exist, because TTL deletes it
    /// later.
    #[must_use]
    pub fn no_live_item(now: Timestamp) -> Self {
        Self::no_item().or(Self::at_most(super::keys::EXPIRES_AT, now))
    }

    /// The item has the attribute.
    pub fn exists(attribute: impl Into<Attribute>) -> Self {
        Self::Exists(attribute.into())
    }

    /// The item does not have the attribute.
    pub fn absent(attribute: impl Into<Attribute>) -> Self {
        Self::Absent(attribute.into())
    }

    /// Requires that the attribute equals the value.
    pub fn equal(attribute: impl Into<Attribute>, value: impl Into<Value>) -> Self {
        Self::Is(attribute.into(), Comparison::Equal, value.into().0)
    }

    /// Requires that the attribute is less than the value.
    pub fn less(attribute: impl Into<Attribute>, value: impl Into<Value>) -> Self {
        Self::Is(attribute.into(), Comparison::Less, value.into().0)
    }

    /// Requires that the attribute is at most the value.
    pub fn at_most(attribute: impl Into<Attribute>, value: impl Into<Value>) -> Self {
        Self::Is(attribute.into(), Comparison::AtMost, value.into().0)
    }

    /// Requires that the attribute is greater than the value.
    pub fn greater(attribute: impl Into<Attribute>, value: impl Into<Value>) -> Self {
        Self::Is(attribute.into(), Comparison::Greater, value.into().0)
    }

    /// Returns whether the condition holds for an item, or for no item, as DynamoDB evaluates it.
    pub(crate) fn holds(&self, item: Option<&Item>) -> bool {
        let find = |path: &Attribute| {
            let mut steps = path.split('.');
            let mut found = item?.get(steps.next()?)?;
            for step in steps {
                found = found.as_m().ok()?.get(step)?;
            }
            Some(found)
        };
        match self {
            Self::Exists(path) => find(path).is_some(),
            Self::Absent(path) => find(path).is_none(),
            Self::Is(path, comparison, value) => find(path).is_some_and(|found| comparison.holds(found, value)),
            Self::All(all) => all.iter().all(|one| one.holds(item)),
            Self::Any(any) => any.iter().any(|one| one.holds(item)),
        }
    }

    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut all) => {
                all.push(other);
                Self::All(all)
            }
            one => Self::All(vec![one, other]),
        }
    }

    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Any(mut any) => {
                any.push(other);
                Self::Any(any)
            }
            one => Self::Any(vec![one, other]),
        }
    }
}

/// An update of an item, with at most one change for each attribute.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Set {
    assigned: Vec<(Attribute, Operand)>,
    removed: Vec<Attribute>,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Value(AttributeValue),
    /// The previous value of another attribute, or this value where that is absent.
    Of(Attribute, AttributeValue),
    /// The attribute plus one. Where it is absent, this value plus one.
    Incremented(AttributeValue),
    /// The attribute minus one. Where it is absent, this value minus one.
    Decremented(AttributeValue),
    /// The attribute minus this value. It must be present.
    Reduced(AttributeValue),
}

impl Set {
    pub fn to(attribute: impl Into<Attribute>, value: impl Into<Value>) -> Self {
        Self::default().and_to(attribute, value)
    }

    /// Returns whether it changes nothing. DynamoDB refuses such an update.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.assigned.is_empty() && self.removed.is_empty()
    }

    /// Assigns another value.
    #[must_use]
    pub fn and_to(self, attribute: impl Into<Attribute>, value: impl Into<Value>) -> Self {
        self.assign(attribute, Operand::Value(value.into().0))
    }

    /// Assigns the previous value of another attribute, or the value `or` where that is absent.
    #[must_use]
    pub fn and_moved(self, attribute: impl Into<Attribute>, from: impl Into<Attribute>, or: impl Into<Value>) -> Self {
        self.assign(attribute, Operand::Of(from.into(), or.into().0))
    }

    /// Adds one to an attribute. An absent attribute counts as zero.
    #[must_use]
    pub fn and_increment(self, attribute: impl Into<Attribute>) -> Self {
        self.assign(attribute, Operand::Incremented(Value::from(0_u64).0))
    }

    /// Subtracts one from an attribute. An absent attribute becomes zero.
    #[must_use]
    pub fn and_decrement(self, attribute: impl Into<Attribute>) -> Self {
        self.assign(attribute, Operand::Decremented(Value::from(1_u64).0))
    }

    /// Subtracts a number from an attribute that is present.
    #[must_use]
    pub fn and_reduce(self, attribute: impl Into<Attribute>, by: impl Into<Value>) -> Self {
        self.assign(attribute, Operand::Reduced(by.into().0))
    }

    #[must_use]
    pub fn and_remove(mut self, attribute: impl Into<Attribute>) -> Self {
        self.removed.push(attribute.into());
        self
    }

    fn assign(mut self, attribute: impl Into<Attribute>, operand: Operand) -> Self {
        self.assigned.push((attribute.into(), operand));
        self
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Value(AttributeValue);

impl Value {
    /// Returns a value of several parts, in the form in which it is stored.
    pub fn of<T: Serialize>(parts: &T) -> Result<Self, Error> {
        serde_dynamo::to_attribute_value(parts).map(Self).map_err(|source| Error::internal("shaping an item", source))
    }
}

impl From<Timestamp> for Value {
    fn from(moment: Timestamp) -> Self {
        Self(AttributeValue::N(moment.unix_seconds().to_string()))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self(AttributeValue::N(number.to_string()))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        u64::from(number).into()
    }
}

impl From<bool> for Value {
    fn from(is: bool) -> Self {
        Self(AttributeValue::Bool(is))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self(AttributeValue::S(text.to_owned()))
    }
}

/// The texts of one write, with the names and values that they share.
#[derive(Debug, Default)]
pub(super) struct ExpressionText {
    pub condition: Option<String>,
    pub update: Option<String>,
    names: Vec<String>,
    values: Vec<AttributeValue>,
}

impl ExpressionText {
    /// Writes out the update and the condition of one write.
    pub(super) fn new(update: Option<&Set>, condition: Option<&Condition>) -> Self {
        let mut written = Self::default();
        written.update = update.map(|set| written.set(set));
        written.condition = condition.map(|condition| written.condition(condition));
        written
    }

    /// Returns the attributes by their placeholders.
    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        let names = self.names.iter().enumerate().map(|(place, name)| (format!("#{place}"), name.clone()));
        (!self.names.is_empty()).then(|| names.collect())
    }

    /// Returns the values by their placeholders.
    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        let values = self.values.iter().enumerate().map(|(place, value)| (format!(":{place}"), value.clone()));
        (!self.values.is_empty()).then(|| values.collect())
    }

    fn name(&mut self, attribute: &Attribute) -> String {
        let steps: Vec<_> = attribute.split('.').map(|step| self.step(step)).collect();
        steps.join(".")
    }

    fn step(&mut self, step: &str) -> String {
        let place = self.names.iter().position(|name| name == step).unwrap_or_else(|| {
            self.names.push(step.to_owned());
            self.names.len() - 1
        });
        format!("#{place}")
    }

    fn value(&mut self, value: &AttributeValue) -> String {
        let place = self.values.iter().position(|other| other == value).unwrap_or_else(|| {
            self.values.push(value.clone());
            self.values.len() - 1
        });
        format!(":{place}")
    }

    fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Exists(attribute) => format!("attribute_exists({})", self.name(attribute)),
            Condition::Absent(attribute) => format!("attribute_not_exists({})", self.name(attribute)),
            Condition::Is(attribute, comparison, value) => {
                let sign = match comparison {
                    Comparison::Equal => "=",
                    Comparison::Less => "<",
                    Comparison::AtMost => "<=",
                    Comparison::Greater => ">",
                };
                format!("{} {sign} {}", self.name(attribute), self.value(value))
            }
            Condition::All(all) => self.joined(all, " AND "),
            Condition::Any(any) => self.joined(any, " OR "),
        }
    }

    fn joined(&mut self, conditions: &[Condition], word: &str) -> String {
        let mut texts: Vec<_> = conditions.iter().map(|condition| self.condition(condition)).collect();
        // DynamoDB refuses redundant parentheses.
        if let [_] = texts[..] { texts.remove(0) } else { format!("({})", texts.join(word)) }
    }

    fn set(&mut self, set: &Set) -> String {
        let mut text = String::new();
        for (attribute, operand) in &set.assigned {
            let name = self.name(attribute);
            let operand = match operand {
                Operand::Value(value) => self.value(value),
                Operand::Of(other, or) => format!("if_not_exists({}, {})", self.name(other), self.value(or)),
                Operand::Incremented(from) => self.changed_by_one(&name, from, '+'),
                Operand::Decremented(from) => self.changed_by_one(&name, from, '-'),
                Operand::Reduced(by) => format!("{name} - {}", self.value(by)),
            };
            let joint = if text.is_empty() { "SET " } else { ", " };
            let _ = write!(text, "{joint}{name} = {operand}");
        }
        for (place, attribute) in set.removed.iter().enumerate() {
            let joint = if place == 0 { " REMOVE " } else { ", " };
            let _ = write!(text, "{joint}{}", self.name(attribute));
        }
        text.trim_start().to_owned()
    }

    fn changed_by_one(&mut self, name: &str, from: &AttributeValue, sign: char) -> String {
        let (from, one) = (self.value(from), self.value(&Value::from(1_u64).0));
        format!("if_not_exists({name}, {from}) {sign} {one}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_values_are_placeholders_and_each_is_named_once() {
        let now = Timestamp::from_unix_seconds(9);
        let set = Set::to("used", 3_u64)
            .and_increment("count")
            .and_moved("t2", "t1", 0_u64)
            .and_to("t1", now)
            .and_remove("x");
        let condition =
            Condition::no_live_item(now).and(Condition::less("used", 3_u64).or(Condition::equal("user", "me")));
        let written = ExpressionText::new(Some(&set), Some(&condition));
        assert_eq!(
            written.update.as_deref(),
            Some("SET #0 = :0, #1 = if_not_exists(#1, :1) + :2, #2 = if_not_exists(#3, :1), #3 = :3 REMOVE #4")
        );
        assert_eq!(
            written.condition.as_deref(),
            Some("((attribute_not_exists(#5) OR #6 <= :3) AND (#0 < :0 OR #7 = :4))")
        );
        let names = written.names().unwrap();
        assert_eq!((names["#0"].as_str(), names["#7"].as_str(), names.len()), ("used", "user", 8));
        let values = written.values().unwrap();
        assert_eq!(values[":3"], AttributeValue::N("9".into()));
        assert_eq!(values[":4"], AttributeValue::S("me".into()));
    }

    /// Returns whether two pairs of parentheses enclose the same text, which DynamoDB refuses.
    fn has_redundant_parentheses(text: &str) -> bool {
        let mut open = Vec::new();
        let mut pairs = Vec::new();
        for (place, character) in text.char_indices() {
            match character {
                '(' => open.push(place),
                ')' => pairs.push((open.pop().unwrap(), place)),
                _ => {}
            }
        }
        pairs.iter().any(|(from, to)| pairs.contains(&(from + 1, to.wrapping_sub(1))))
    }

    fn condition() -> impl Strategy<Value = Condition> {
        let one = prop_oneof![
            "[a-d]".prop_map(Condition::exists),
            ("[a-d]", 0_u64..3).prop_map(|(name, number)| Condition::less(name, number)),
        ];
        one.prop_recursive(4, 24, 3, |inner| {
            let some = proptest::collection::vec(inner, 1..4);
            prop_oneof![some.clone().prop_map(Condition::All), some.prop_map(Condition::Any)]
        })
    }

    proptest! {
        #[test]
        fn no_condition_has_redundant_parentheses(condition in condition()) {
            let text = ExpressionText::new(None, Some(&condition)).condition.unwrap();
            prop_assert!(!has_redundant_parentheses(&text), "{text}");
        }
    }

    #[test]
    fn a_condition_holds_for_an_item_as_in_dynamodb() {
        let number = |value: i64| AttributeValue::N(value.to_string());
        let device = AttributeValue::M(HashMap::from([("day".to_owned(), number(7))]));
        let devices = AttributeValue::M(HashMap::from([("0a1b".to_owned(), device)]));
        let item = Item::from([
            ("used".to_owned(), number(10)),
            ("name".to_owned(), AttributeValue::S("b".to_owned())),
            ("devices".to_owned(), devices),
        ]);
        let holds = |condition: Condition| condition.holds(Some(&item));
        assert!(holds(Condition::less("used", 11_u64)) && !holds(Condition::less("used", 9_u64)), "not as text");
        assert!(holds(Condition::at_most("used", 10_u64)) && !holds(Condition::greater("used", 10_u64)));
        assert!(holds(Condition::equal("name", "b")) && !holds(Condition::equal("name", 10_u64)));
        assert!(holds(Condition::equal("devices.0a1b.day", 7_u64)) && holds(Condition::absent("devices.2c3d")));
        assert!(holds(Condition::exists("devices.0a1b")) && !holds(Condition::less("absent", 1_u64)));
        let now = Timestamp::from_unix_seconds(9);
        assert!(Condition::no_live_item(now).holds(None) && Condition::All(vec![]).holds(None));
        assert!(!Condition::Any(vec![]).holds(None) && !Condition::exists("used").holds(None));
    }

    #[test]
    fn each_step_of_a_path_is_a_placeholder() {
        let set = Set::to("devices.0a1b.day", 3_u64).and_remove("devices.2c3d");
        let written = ExpressionText::new(Some(&set), Some(&Condition::exists("devices.0a1b")));
        assert_eq!(written.update.as_deref(), Some("SET #0.#1.#2 = :0 REMOVE #0.#3"));
        assert_eq!(written.condition.as_deref(), Some("attribute_exists(#0.#1)"));
        assert_eq!(written.names().unwrap()["#1"], "0a1b");
    }

    #[test]
    fn a_limit_of_one_window_stands_in_one_pair_of_parentheses() {
        let either = Condition::absent("a").or(Condition::less("a", 1_u64));
        let written = ExpressionText::new(None, Some(&Condition::All(vec![either])));
        assert_eq!(written.condition.as_deref(), Some("(attribute_not_exists(#0) OR #0 < :0)"));
    }
}
