//! The ticket of a solved captcha.

/// The maximum length of a ticket and of its random string, in bytes. Real ones have a few hundred.
const MAX_CHARACTERS: usize = 2048;

/// The values that the captcha's widget gave the page, and the network address of the person.
pub(crate) struct Ticket {
    pub ticket: String,
    pub randstr: String,
    pub address: String,
}

impl Ticket {
    /// Returns whether the ticket can be valid, so that the service must be asked. The widget itself makes `trerror_`
    /// tickets when it does not reach its servers, so anyone can forge one.
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
