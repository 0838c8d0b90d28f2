//! The ticket of a captcha that somebody solved.

/// The longest ticket that is sent on, in characters. Real ones have a few hundred.
const MAX_CHARACTERS: usize = 2048;

/// What the captcha's widget gave the page, and the address of its user.
pub(crate) struct Ticket {
    pub ticket: String,
    pub randstr: String,
    pub address: String,
}

impl Ticket {
    /// Whether the ticket can be good. The widget makes a `trerror_` ticket by itself when it does not reach its servers, so
    /// anyone can write one.
    pub(crate) fn is_worth_asking(&self) -> bool {
        let forged = ["trerror_", "terror_"].iter().any(|prefix| self.ticket.to_ascii_lowercase().starts_with(prefix));
        let fits = |text: &str| !text.is_empty() && text.len() <= MAX_CHARACTERS;
        !forged && fits(&self.ticket) && fits(&self.randstr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_made_in_the_browser_is_never_asked_about() {
        let ticket = |ticket: &str, randstr: &str| Ticket {
            ticket: ticket.into(),
            randstr: randstr.into(),
            address: "1.2.3.4".into(),
        };
        assert!(ticket("t03abc", "@x").is_worth_asking());
        for forged in ["trerror_1001_2", "terror_1", "TRERROR_1", "", &"x".repeat(2049)] {
            assert!(!ticket(forged, "@x").is_worth_asking(), "{forged}");
        }
        assert!(!ticket("t03abc", "").is_worth_asking());
    }
}
