//! Why a page is not shown, or a form does nothing.

use crate::accounts::AccountError;
use crate::accounts::LoginError;
use crate::http::PageStatus;

/// See the module. Texts are for the person at the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nobody is logged in; afterwards they go on there.
    LogIn {
        /// The path that was asked for, or of the page whose form was sent.
        wanted: String,
        /// Whether a form was sent, which did nothing.
        has_form: bool,
    },
    /// The gateway has no owner yet.
    Claim,
    /// The gateway is not known by the name that was asked.
    ForeignHost,
    /// The form did not come from a page of this session.
    ForeignForm,
    /// It is the owner's alone.
    NotOwner,
    /// There is no such page or thing.
    NotFound,
    /// What was sent cannot be used.
    Unusable(String),
    /// The gateway is going down.
    Stopping,
}

impl Refusal {
    /// What the page that tells it answers with.
    pub(super) fn status(&self) -> PageStatus {
        match self {
            Self::LogIn { .. } | Self::Claim => PageStatus::Good,
            Self::ForeignHost => PageStatus::Misdirected,
            Self::ForeignForm | Self::NotOwner => PageStatus::Forbidden,
            Self::NotFound => PageStatus::NotFound,
            Self::Unusable(_) => PageStatus::Unusable,
            Self::Stopping => PageStatus::Unavailable,
        }
    }

    /// The same in words; those that are of [`Self::TEXTS`] are in the catalogues.
    pub(super) fn text(&self) -> &str {
        let [logged_out, unclaimed, foreign_host, foreign_form, not_found, not_owner, stopping] = Self::TEXTS;
        match self {
            Self::LogIn { .. } => logged_out,
            Self::Claim => unclaimed,
            Self::ForeignHost => foreign_host,
            Self::ForeignForm => foreign_form,
            Self::NotFound => not_found,
            Self::NotOwner => not_owner,
            Self::Stopping => stopping,
            Self::Unusable(reason) => reason,
        }
    }

    /// All that can be said in any language.
    pub(super) const TEXTS: [&str; 7] = [
        "You are logged out, and nothing was saved. Log in again.",
        "This gateway has no owner yet.",
        "This gateway is not known by that name. Use its address, or a name that ends in .local; other names are listed \
         as hosts in the [http] part of its configuration, which takes effect at the next start or with SIGHUP.",
        "This form is not from your present session. Load the page again and send it anew.",
        "There is nothing here.",
        "Only the owner of the gateway may see this.",
        "The gateway is stopping. Try again in a moment.",
    ];
}

/// How a page that does not let somebody in answers.
pub(super) fn status_of_login(error: &LoginError) -> PageStatus {
    match error {
        LoginError::TooMany { .. } => PageStatus::TooMany,
        LoginError::Wrong | LoginError::NeedsOtp { .. } => PageStatus::Forbidden,
    }
}

/// How a page that leaves an account as it is answers.
pub(super) fn status_of(error: &AccountError) -> PageStatus {
    match error {
        AccountError::Login(error) => status_of_login(error),
        AccountError::WrongCode => PageStatus::Forbidden,
        _ => PageStatus::Unusable,
    }
}
