//! Converts settings to the variables of functions. A setting gets a variable of its own if the template gives it one.
//! All others go into `SETTINGS`.

use std::collections::{BTreeMap, BTreeSet};

use shared::config::settings;

use crate::StartError;
use crate::folder::ACCESS_KEY_ID;

const SETTINGS: &str = "SETTINGS";
/// The minimum Jaro-Winkler similarity at which one name is suggested as a correction for another.
const LIKELY: f64 = 0.7;

/// Converts settings to variables, as a deployment does.
pub(crate) fn place(
    settings: BTreeMap<String, String>,
    declared: &BTreeSet<String>,
) -> Result<BTreeMap<String, String>, StartError> {
    if let Some((name, _)) = settings.iter().find(|(_, value)| value.contains(char::is_control)) {
        return Err(StartError::Characters { name: name.clone(), what: "line breaks or control characters" });
    }
    let (mut variables, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
        settings.into_iter().partition(|(name, _)| declared.contains(name) || name.starts_with("AWS_"));
    let mut pairs: Vec<String> = Vec::new();
    for (name, value) in rest {
        if value.contains(char::is_whitespace) {
            return Err(StartError::Characters { name, what: "spaces" });
        }
        // An empty value counts as absent.
        if !value.is_empty() {
            pairs.push(format!("{name}={value}"));
        }
    }
    variables.entry(SETTINGS.to_owned()).or_default().push_str(&pairs.join(" "));
    Ok(variables)
}

/// Refuses a name that is not a setting. The message suggests the most similar setting.
pub fn check_name(name: &str) -> Result<(), String> {
    match name {
        SETTINGS => return Err("give each setting by a --set of its own".to_owned()),
        "CORS_ORIGINS" => return Err("give each origin by a --cors of its own".to_owned()),
        "TABLE_NAME" | ACCESS_KEY_ID => return Err(format!("{name} is the local system's own")),
        _ => {}
    }
    let known = || settings::ALL.iter().map(|setting| setting.variable);
    if known().any(|one| one == name) {
        return Ok(());
    }
    let likeness = |one: &str| strsim::jaro_winkler(one, &name.to_ascii_uppercase());
    let nearest = known().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    Err(match nearest.filter(|one| likeness(one) > LIKELY) {
        Some(nearest) => format!("there is no setting {name}. Did you mean {nearest}?"),
        None => format!("there is no setting {name}. docs/configuration.md lists them."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_without_a_variable_of_its_own_goes_into_settings() {
        let declared = ["BRAND".to_owned()].into();
        let of = |pairs: &[(&str, &str)]| {
            place(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(), &declared)
        };
        let placed = of(&[("BRAND", "My Shop"), ("LIMIT_SOURCE", "1/h"), ("AUDIENCE", "shop"), ("AWS_REGION", "x")]);
        let expected = [("AWS_REGION", "x"), ("BRAND", "My Shop"), (SETTINGS, "AUDIENCE=shop LIMIT_SOURCE=1/h")];
        assert_eq!(placed.unwrap(), expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        assert!(of(&[("AUDIENCE", "my shop")]).is_err());
    }

    #[test]
    fn an_unknown_name_is_told_with_the_nearest() {
        assert!(check_name("LIMIT_SOURCE").is_ok());
        for (wrong, meant) in [
            ("LIMIT_SORCE", "LIMIT_SOURCE"),
            ("limit_source", "LIMIT_SOURCE"),
            ("PASSWORD_MINLENGTH", "PASSWORD_MIN_LENGTH"),
            ("CAPTCHA_MOD", "CAPTCHA_MODE"),
        ] {
            let said = check_name(wrong).unwrap_err();
            assert_eq!(said, format!("there is no setting {wrong}. Did you mean {meant}?"));
        }
        assert!(check_name("CORS_ORIGINS").unwrap_err().contains("--cors"));
        assert!(check_name("XYZ").unwrap_err().contains("docs/configuration.md"));
    }
}
