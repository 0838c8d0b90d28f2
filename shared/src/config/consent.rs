use super::environment::{ConfigError, Environment, VERSION};
use super::settings::{self, Setting};

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
