//! Why a page is not shown, or a form does nothing.

use crate::accounts::AccountError;
use crate::accounts::LoginError;
use crate::http::PageStatus;
use crate::http::Untaken;

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
    /// There is no page for such a request.
    Untaken(Untaken),
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
            Self::Untaken(untaken) => PageStatus::Untaken(*untaken),
        }
    }

    /// The same in words; the catalogues have all but the reasons of others.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::LogIn { .. } => "You are logged out, and nothing was saved. Log in again.",
            Self::Claim => "This gateway has no owner yet.",
            Self::ForeignHost => {
                "This gateway is not known by that name. Use its address, or a name that ends in .local; other names \
                 are listed as hosts in the [http] part of its configuration, which takes effect at the next start or \
                 with SIGHUP."
            }
            Self::ForeignForm => "This form is not from your present session. Load the page again and send it anew.",
            Self::NotFound | Self::Untaken(Untaken::NotFound) => "There is nothing here.",
            Self::NotOwner => "Only the owner of the gateway may see this.",
            Self::Unusable(reason) => reason,
            Self::Stopping => "The gateway is stopping. Try again in a moment.",
            Self::Untaken(Untaken::TooLarge) => "What was sent is too large. Nothing was changed.",
            Self::Untaken(Untaken::NoRoom) => {
                "The gateway has no room for what was sent now. Nothing was changed; try again in a moment."
            }
            Self::Untaken(Untaken::Broken) => "What was sent did not arrive whole. Nothing was changed; send it again.",
            Self::Untaken(Untaken::WrongMethod) => "Nothing can be sent to this address.",
        }
    }

    /// One of each that has words of its own.
    #[cfg(test)]
    pub(super) fn each() -> Vec<Self> {
        let untaken = [Untaken::TooLarge, Untaken::NoRoom, Untaken::Broken, Untaken::WrongMethod].map(Self::Untaken);
        let login = Self::LogIn { wanted: String::new(), has_form: true };
        let others =
            [login, Self::Claim, Self::ForeignHost, Self::ForeignForm, Self::NotFound, Self::NotOwner, Self::Stopping];
        others.into_iter().chain(untaken).collect()
    }
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
