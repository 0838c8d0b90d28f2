use super::environment::{ConfigError, Environment, VERSION};
use super::settings;

/// The settings of the consent to the terms and the privacy policy.
#[derive(Clone, Debug)]
pub struct ConsentConfig {
    /// `REQUIRE_CONSENT`
    pub required: bool,
    /// `TERMS_VERSION`. `None` accepts consent to any version.
    pub terms: Option<String>,
    /// `PRIVACY_VERSION`. `None` accepts consent to any version.
    pub privacy: Option<String>,
}

impl ConsentConfig {
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            required: environment.word(&settings::REQUIRE_CONSENT)? == "true",
            terms: environment.text_unless_empty(&settings::TERMS_VERSION, &VERSION)?,
            privacy: environment.text_unless_empty(&settings::PRIVACY_VERSION, &VERSION)?,
        })
    }

    /// Returns the version of the terms that the pages send. A consent always names one.
    #[must_use]
    pub fn shown_terms(&self) -> &str {
        self.terms.as_deref().unwrap_or(settings::TERMS_VERSION.default)
    }

    /// Returns the version of the privacy policy that the pages send.
    #[must_use]
    pub fn shown_privacy(&self) -> &str {
        self.privacy.as_deref().unwrap_or(settings::PRIVACY_VERSION.default)
    }
}
