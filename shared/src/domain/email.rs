//! Email addresses.

use std::borrow::Cow;
use std::fmt;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};

use super::characters::{nfkc, without_outer_blanks};

/// The maximum length of an address in SMTP (RFC 5321 §4.5.3.1.3, without the angle brackets).
const MAX_LENGTH: usize = 254;
/// The maximum length of a local part (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_LENGTH: usize = 64;

/// An email address in its canonical form: NFKC, lower case, ASCII.
///
/// A domain with other characters is brought to its ASCII form (UTS #46, as browsers do in a field for addresses), so
/// that an address is the same however it is typed. An ASCII domain stays as it is.
///
/// The accepted form is that of HTML's `<input type=email>` with a dot in the domain. There are no comments and no
/// quoted local parts, so nothing can break out of a mail header. Mail is sent to the canonical form, never to the text
/// as typed. A look-alike that folds onto another person's address therefore causes mail to that person only.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Email(String);

/// The error for a text that is not an email address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an email address")]
pub struct EmailError;

impl Email {
    /// Brings an address to its canonical form and checks it.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        // NFKC can make a text eighteen times as long. A long text is refused before that work is done.
        if text.len() > 4 * MAX_LENGTH {
            return Err(EmailError);
        }
        let address: String = nfkc(without_outer_blanks(text)).chars().flat_map(char::to_lowercase).collect();
        let (local, domain) = address.split_once('@').ok_or(EmailError)?;
        let address = format!("{local}@{}", ascii_domain(domain)?);
        let (local, domain) = address.split_once('@').ok_or(EmailError)?;
        let well_formed =
            address.len() <= MAX_LENGTH && local.len() <= MAX_LOCAL_LENGTH && is_local(local) && is_domain(domain);
        well_formed.then_some(()).ok_or(EmailError)?;
        Ok(Self(address))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the masked form, which may be shown and logged: `l***@example.com`.
    #[must_use]
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or_default();
        format!("{}***@{domain}", &local[..local.len().min(1)])
    }

    /// Returns the part before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }
}

fn ascii_domain(domain: &str) -> Result<Cow<'_, str>, EmailError> {
    if domain.is_ascii() {
        return Ok(domain.into());
    }
    let ascii =
        Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
    ascii.map_err(|_| EmailError)
}

fn is_local(local: &str) -> bool {
    let dots_between = !local.is_empty() && local.split('.').all(|atom| !atom.is_empty());
    dots_between && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b))
}

fn is_domain(domain: &str) -> bool {
    let labels_well_formed = domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    labels_well_formed && domain.contains('.')
}

impl TryFrom<String> for Email {
    type Error = EmailError;

    fn try_from(text: String) -> Result<Self, EmailError> {
        Self::parse(&text)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_and_compatibility_forms_are_one_address_and_tags_are_another() {
        let canonical = |text| Email::parse(text).unwrap().as_str().to_owned();
        assert_eq!(canonical("Li.Lei@Example.COM"), "li.lei@example.com");
        assert_eq!(canonical("ｌｉ＠example.com"), "li@example.com");
        assert_ne!(canonical("li+a@example.com"), canonical("li@example.com"));
    }

    #[test]
    fn a_domain_in_two_spellings_is_one() {
        let canonical = |text: &str| Email::parse(text).unwrap().as_str().to_owned();
        for spelling in [
            "lilei@例子.cn",
            "lilei@xn--fsqu00a.cn",
            "LiLei@XN--FSQU00A.CN",
            "lilei@例子。cn",
            "lilei＠例子．ｃｎ",
            "lilei@例子｡CN",
            " \u{3000}lilei@例子.cn\u{A0}\t",
        ] {
            assert_eq!(canonical(spelling), "lilei@xn--fsqu00a.cn", "{spelling}");
        }
        assert_eq!(canonical("li@Bücher.example"), canonical("li@xn--bcher-kva.example"));
        assert_eq!(canonical("li@bu\u{308}cher.example"), canonical("li@bücher.example"));
        assert_eq!(canonical("li@faß.de"), "li@xn--fa-hia.de", "it is not fass.de");
        assert_eq!(
            canonical("li@ΒΌΛΟΣ.example"),
            canonical("li@βόλος.example").replace("xn--nxasmm1c", "xn--nxasmq6b")
        );
        // An ASCII domain is not processed, not even an odd one, because it may be stored.
        assert_eq!(canonical("li@xn--zzzzzz.cn"), "li@xn--zzzzzz.cn");
    }

    #[test]
    fn a_domain_that_no_registry_takes_is_no_domain() {
        for bad in [
            "li@例子",
            "li@-例子.cn",
            "li@例子-.cn",
            "li@例子..cn",
            "li@例 子.cn",
            "li@例子.cn\n",
            "li@例_子.cn",
            "li@\u{301}例.cn",
            "li@例\u{200D}子.cn",
            "li@אa.cn",
            "李@例子.cn",
            "li@例子.cn@b.cn",
            "li@\u{FFFD}.cn",
            "li@例子.xn--a",
            &format!("li@{}.cn", "例".repeat(60)),
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_could_break_a_header_or_a_mail_server_is_refused() {
        for bad in [
            "",
            "a",
            "a@b",
            "@b.cn",
            "a@",
            "a b@c.cn",
            "a@b.cn\r\nBcc: x@y.cn",
            "a@b@c.cn",
            "\"a\"@b.cn",
            "a@-b.cn",
            "a..b@c.cn",
            ".a@c.cn",
            "李@例子.cn",
            "a@b..cn",
            "a,b@c.cn",
            "<a@b.cn>",
            "a@b.cn\0",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Email::parse(&format!("{}@b.cn", "a".repeat(65))).is_err());
        assert!(Email::parse(&format!("a@{}cn", "b.".repeat(130))).is_err());
    }

    #[test]
    fn debug_hides_the_local_part() {
        assert_eq!(format!("{:?}", Email::parse("lilei@example.com").unwrap()), "l***@example.com");
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_is_idempotent(text in "\\PC{0,40}|[a-zA-Z.+]{1,9}@[a-zA-Z.-]{1,12}|[a-z]{1,3}@[a-zß-ž例子。．.]{1,8}\\.cn") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert!(email.as_str().is_ascii());
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email));
            }
        }
    }
}
