use super::environment::{ConfigError, Environment, VERSION};
use super::settings::{self, Setting};
use crate::domain::Consent;

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
    /// Returns whether a consent is to the configured versions.
    #[must_use]
    pub fn accepts(&self, consent: &Consent) -> bool {
        let is_current =
            |current: &Option<String>, named: &str| current.as_ref().is_none_or(|current| current == named);
        is_current(&self.terms, &consent.terms) && is_current(&self.privacy, &consent.privacy)
    }

    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            required: environment.word(&settings::REQUIRE_CONSENT)? == "true",
            terms: version(environment, &settings::TERMS_VERSION)?,
            privacy: version(environment, &settings::PRIVACY_VERSION)?,
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

/// Returns the version, or `None` where none is configured.
fn version(environment: &Environment<'_>, setting: &Setting) -> Result<Option<String>, ConfigError> {
    let text = environment.text(setting, &VERSION)?;
    Ok(environment.optional(setting.variable).map(|_| text))
}
