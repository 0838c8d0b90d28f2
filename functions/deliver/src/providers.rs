//! The clients of SNS and SES, and the meaning of their errors.

use std::time::Duration;

use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use aws_sdk_sns::config::http::HttpResponse;
use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::config::timeout::TimeoutConfig;
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::types::MessageAttributeValue;
use shared::domain::{Email, Mobile};
use shared::dynamodb::items::Recipient;
use shared::{App, Error};

use crate::compose::MessageText;
use crate::encoded_words::encoded_words;

/// How long a provider may take for one message.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct Providers {
    sns: aws_sdk_sns::Client,
    ses: aws_sdk_sesv2::Client,
    mail_from: String,
    sms_sender_id: Option<String>,
    sms_max_price_usd: String,
}

/// The reason why a message was not sent, or may not have been.
#[derive(Debug)]
pub enum ProviderError {
    /// The provider was throttled or not reached. Nothing was sent; a later attempt may succeed.
    RefusedForNow(Box<dyn std::error::Error + Send + Sync>),
    /// Nothing was sent, and no later attempt will succeed unless something is mended: for example an invalid number or an
    /// unverified sender.
    RefusedForGood(Box<dyn std::error::Error + Send + Sync>),
    /// There was no answer, or a meaningless one. The message may have been sent.
    Unknown(Box<dyn std::error::Error + Send + Sync>),
}

impl Providers {
    /// Builds the clients. They do not retry by themselves, because neither provider would notice that it sends twice.
    pub fn new(app: &App) -> Result<Self, Error> {
        let messages = &app.config.messages;
        let shared = shared::dynamodb::sdk_config(&app.config.storage.aws)?;
        let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
        let mut sns = aws_sdk_sns::config::Builder::from(&shared)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.clone());
        sns.set_endpoint_url(messages.sns_endpoint_url.clone());
        let mut ses = aws_sdk_sesv2::config::Builder::from(&shared)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        ses.set_endpoint_url(messages.ses_endpoint_url.clone());
        Ok(Self {
            sns: aws_sdk_sns::Client::from_conf(sns.build()),
            ses: aws_sdk_sesv2::Client::from_conf(ses.build()),
            mail_from: messages.mail_from.clone().unwrap_or_default(),
            sms_sender_id: messages.sms_sender_id.clone(),
            sms_max_price_usd: messages.sms_max_price_usd.clone(),
        })
    }

    pub(crate) async fn send(&self, recipient: &Recipient, composed: &MessageText) -> Result<(), ProviderError> {
        match recipient {
            Recipient::Sms(mobile) => self.send_sms(mobile, composed).await,
            Recipient::Email(email) => self.send_mail(email, composed).await,
        }
    }

    async fn send_sms(&self, mobile: &Mobile, composed: &MessageText) -> Result<(), ProviderError> {
        let mut request = self
            .sns
            .publish()
            .phone_number(mobile.e164())
            .message(&composed.text)
            .message_attributes("AWS.SNS.SMS.SMSType", attribute("String", "Transactional")?)
            .message_attributes("AWS.SNS.SMS.MaxPrice", attribute("Number", &self.sms_max_price_usd)?);
        if let Some(sender) = &self.sms_sender_id {
            request = request.message_attributes("AWS.SNS.SMS.SenderID", attribute("String", sender)?);
        }
        request.send().await.map(drop).map_err(|error| provider_error(&error))
    }

    async fn send_mail(&self, email: &Email, composed: &MessageText) -> Result<(), ProviderError> {
        let body = Body::builder().text(utf8(&composed.text)?).html(utf8(&composed.html)?).build();
        let message = Message::builder().subject(utf8(&composed.subject)?).body(body).build();
        // A sender's name that is not ASCII must be encoded. For simplicity every name is.
        let sender = format!("{} <{}>", encoded_words(&composed.sender), self.mail_from);
        self.ses
            .send_email()
            .from_email_address(sender)
            .destination(Destination::builder().to_addresses(email.as_str()).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await
            .map(drop)
            .map_err(|error| provider_error(&error))
    }
}

fn attribute(data_type: &str, value: &str) -> Result<MessageAttributeValue, ProviderError> {
    let built = MessageAttributeValue::builder().data_type(data_type).string_value(value).build();
    built.map_err(|problem| ProviderError::RefusedForGood(problem.into()))
}

fn utf8(text: &str) -> Result<Content, ProviderError> {
    Content::builder()
        .charset("UTF-8")
        .data(text)
        .build()
        .map_err(|problem| ProviderError::RefusedForGood(problem.into()))
}

/// A provider's error, as far as it may be logged. The provider's own text quotes the number or the address.
#[derive(Debug, thiserror::Error)]
#[error("the provider answered {status} {code}")]
pub struct Refused {
    code: String,
    status: u16,
}

/// The reason why there was no meaningful answer.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The request was not sent.
    #[error("the provider was not reached")]
    NotReached,
    /// The request may have been sent.
    #[error("the provider's answer was lost")]
    Lost,
    /// The request was sent, and the answer is malformed.
    #[error("the provider's answer cannot be read")]
    Unreadable,
}

/// Returns what an error means for the message.
fn provider_error<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> ProviderError {
    let service = match error {
        SdkError::ServiceError(service) => service,
        SdkError::ConstructionFailure(_) => return ProviderError::RefusedForGood(ReplyError::NotReached.into()),
        SdkError::DispatchFailure(failure) if failure.as_connector_error().is_some_and(|e| failed_to_connect(e)) => {
            return ProviderError::RefusedForNow(ReplyError::NotReached.into());
        }
        SdkError::ResponseError(_) => return ProviderError::Unknown(ReplyError::Unreadable.into()),
        _ => return ProviderError::Unknown(ReplyError::Lost.into()),
    };
    let (code, status) = (service.err().code().unwrap_or("").to_owned(), service.raw().status().as_u16());
    let throttled = matches!(
        code.as_str(),
        "Throttled"
            | "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
    );
    let refused = Refused { code, status }.into();
    if throttled || status == 429 {
        ProviderError::RefusedForNow(refused)
    } else if status >= 500 || (200..300).contains(&status) {
        ProviderError::Unknown(refused)
    } else {
        ProviderError::RefusedForGood(refused)
    }
}

/// Returns whether a request failed before anything was sent: no address, no connection or no TLS.
fn failed_to_connect(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect()) {
            return true;
        }
        next = error.source();
    }
    false
}
