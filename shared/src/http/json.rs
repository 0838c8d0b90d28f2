//! JSON bodies. They are parsed strictly: duplicate keys and deep nesting are refused, and a field of the wrong type is
//! named.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use zeroize::Zeroize;

use super::digits::Digits;
use crate::config::ConsentConfig;
use crate::credentials::{Credential, Reauthentication, SecondProof};
use crate::domain::{ChallengeId, Consent, Password, SecretString, Timestamp};
use crate::error::{Error, FieldError, FieldFault};

/// The fields of a body. Unknown fields are ignored.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Parses a body that must be one JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut duplicate = false;
        // `serde_json` itself refuses nesting over 128 levels, and anything after the value.
        let mut parser = serde_json::Deserializer::from_slice(body);
        let value = Strict { duplicate: &mut duplicate }.deserialize(&mut parser);
        let value = value.and_then(|value| parser.end().map(|()| value));
        match value {
            _ if duplicate => Err(Error::DuplicateKey),
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Error::BodyNotAnObject),
            Err(_) => Err(Error::BodyNotJson),
        }
    }

    /// Returns texts that must be present and not empty. One error lists everything that is wrong with them.
    pub fn texts<const N: usize>(&self, names: [&'static str; N]) -> Result<[&str; N], Error> {
        let problems: Vec<_> =
            names.iter().filter_map(|&field| self.text_fault(field).map(|fault| FieldError { field, fault })).collect();
        if problems.is_empty() {
            Ok(names.map(|name| self.0.get(name).and_then(Value::as_str).unwrap_or_default()))
        } else {
            Err(Error::Fields(problems))
        }
    }

    /// Returns a text that may be absent or `null`.
    pub fn optional_text(&self, name: &'static str) -> Result<Option<&str>, Error> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Error::Fields(vec![FieldError { field: name, fault: FieldFault::NotText }])),
        }
    }

    /// Returns a boolean that may be absent or `null`.
    pub fn optional_boolean(&self, name: &'static str) -> Result<Option<bool>, Error> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(Error::Fields(vec![FieldError { field: name, fault: FieldFault::NotBoolean }])),
        }
    }

    /// Returns the consent to terms and privacy policy, which may be absent. A version may be missing only where the
    /// consent is refused all the same, because a configured version differs: the refusal tells the current ones.
    pub fn consent(&self, config: &ConsentConfig, now: Timestamp) -> Result<Option<Consent>, Error> {
        let name = "consent";
        let consent = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value.as_object().ok_or_else(|| Error::malformed(name))?,
        };
        let version = |part: &str| match consent.get(part) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(Error::malformed(name)),
        };
        let consent = Consent { terms: version("terms")?, privacy: version("privacy")?, at: now };
        if consent.is_complete() || !config.accepts(&consent) { Ok(Some(consent)) } else { Err(Error::malformed(name)) }
    }

    /// Returns the challenge id (`handle`) that a code is bound to, which may be absent.
    pub fn challenge_id(&self) -> Result<Option<ChallengeId>, Error> {
        self.challenge_id_by(ChallengeId::parse)
    }

    /// Returns the challenge id in a request for a code, which may be absent. The word `new` asks for a new one.
    pub fn requested_challenge_id(&self) -> Result<Option<ChallengeId>, Error> {
        self.challenge_id_by(ChallengeId::requested)
    }

    fn challenge_id_by(&self, parse: fn(&str) -> Option<ChallengeId>) -> Result<Option<ChallengeId>, Error> {
        let text = self.optional_text("handle")?;
        text.map(|text| parse(text).ok_or_else(|| Error::malformed("handle"))).transpose()
    }

    /// Returns the caller's reauthentication: `reauthentication`, `password` or `sms_code`.
    pub fn proof(&self, digits: Digits) -> Result<Reauthentication, Error> {
        self.proof_by("sms_code", digits)
    }

    /// Returns the caller's reauthentication, where the field of the code has another name.
    pub fn proof_by(&self, code: &'static str, digits: Digits) -> Result<Reauthentication, Error> {
        let reauthentication = self.optional_text("reauthentication")?.map(|text| SecretString::from(text.to_owned()));
        let absent = |name| matches!(self.0.get(name), None | Some(Value::Null));
        let credential = if reauthentication.is_some() && absent(code) && absent("password") {
            None
        } else {
            Some(self.credential_by(code, digits)?)
        };
        Ok(Reauthentication { reauthentication, credential })
    }

    /// Returns a credential that reauthenticates by itself: `password` or `sms_code`.
    pub fn credential(&self, digits: Digits) -> Result<Credential, Error> {
        self.credential_by("sms_code", digits)
    }

    fn credential_by(&self, code: &'static str, digits: Digits) -> Result<Credential, Error> {
        if let Some(code) = self.optional_text(code)? {
            return digits.code(code).map(Credential::SmsCode);
        }
        let [password] = self.texts(["password"])?;
        Ok(Credential::Password(Password::new(password)))
    }

    /// Returns the second proof, which an account needs in addition to a code to a number that was not proved for long: `password` or
    /// `email_code`.
    pub fn second_proof(&self, digits: Digits) -> Result<Option<SecondProof>, Error> {
        if let Some(code) = self.optional_text("email_code")? {
            return digits.code(code).map(SecondProof::EmailCode).map(Some);
        }
        Ok(self.optional_text("password")?.map(Password::new).map(SecondProof::Password))
    }

    fn text_fault(&self, name: &str) -> Option<FieldFault> {
        match self.0.get(name) {
            None => Some(FieldFault::Missing),
            Some(Value::Null) => Some(FieldFault::Null),
            Some(Value::String(text)) if text.is_empty() => Some(FieldFault::Blank),
            Some(Value::String(_)) => None,
            Some(_) => Some(FieldFault::NotText),
        }
    }
}

impl Drop for Fields {
    /// Wipes the texts, because bodies contain passwords and codes.
    fn drop(&mut self) {
        for value in self.0.values_mut() {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A deserializer that builds a [`Value`] and notes when an object has a key twice.
struct Strict<'a> {
    duplicate: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(Strict { duplicate: &mut *self.duplicate })? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if fields.contains_key(&key) {
                *self.duplicate = true;
                return Err(A::Error::custom("duplicate key"));
            }
            fields.insert(key, access.next_value_seed(Strict { duplicate: &mut *self.duplicate })?);
        }
        Ok(fields.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(body: impl AsRef<[u8]>) -> &'static str {
        Fields::parse(body.as_ref()).map_or_else(|error| error.code(), |_| "ok")
    }

    #[test]
    fn only_one_object_without_duplicate_keys_is_a_body() {
        assert_eq!(code(r#"{"a":1,"b":{"c":[1.5,-2,true,null,"x"]}}"#), "ok");
        for (body, expected) in [
            ("", "body_not_json"),
            ("{", "body_not_json"),
            (r#"{"a":1}x"#, "body_not_json"),
            ("mobile=1", "body_not_json"),
            ("[]", "body_not_an_object"),
            ("null", "body_not_an_object"),
            (r#""text""#, "body_not_an_object"),
            (r#"{"a":1,"a":1}"#, "duplicate_key"),
            (r#"{"a":1,"\u0061":2}"#, "duplicate_key"),
            (r#"{"a":[{"b":1,"b":2}]}"#, "duplicate_key"),
        ] {
            assert_eq!(code(body), expected, "{body}");
        }
        assert_eq!(code(b"{\"a\":\"\xff\"}"), "body_not_json");
        assert_eq!(code(format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000))), "body_not_json");
        assert_eq!(code(format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000))), "body_not_json");
    }

    #[test]
    fn everything_wrong_with_fields_is_said_at_once() {
        let fields = Fields::parse(br#"{"a":1,"b":null,"c":"","d":"text"}"#).unwrap();
        let Err(Error::Fields(problems)) = fields.texts(["a", "b", "c", "d", "e"]) else { panic!("no problems") };
        let faults: Vec<_> = problems.iter().map(|problem| (problem.field, problem.fault)).collect();
        assert_eq!(
            faults,
            [("a", FieldFault::NotText), ("b", FieldFault::Null), ("c", FieldFault::Blank), ("e", FieldFault::Missing)]
        );
        assert_eq!(fields.texts(["d"]).unwrap(), ["text"]);
        assert_eq!(fields.optional_text("b").unwrap(), None);
        assert!(fields.optional_text("a").is_err() && fields.optional_boolean("d").is_err());
        assert!(!format!("{fields:?}").contains("text"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Fields::parse(&body);
        }

        #[test]
        fn what_serde_json_writes_is_read(text in "\\PC{0,20}") {
            let body = serde_json::json!({ "field": text }).to_string();
            let fields = Fields::parse(body.as_bytes()).unwrap();
            prop_assert_eq!(fields.optional_text("field").unwrap(), Some(text.as_str()));
        }
    }
}
