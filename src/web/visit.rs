//! One request of a browser: who it is, in which language, and with which form.

use std::sync::Arc;

use crate::clock;
use crate::clock::Now;
use crate::http::Credentials;
use crate::http::Request;
use crate::http::session;
use crate::model::KeyHash;
use crate::model::UserId;
use crate::registry::Role;
use crate::registry::Token;
use crate::registry::User;
use crate::web::context::Context;
use crate::web::form::Form;
use crate::web::guard;
use crate::web::language::Language;
use crate::web::refusal::Refusal;

/// See the module.
pub(super) struct Visit {
    /// The request.
    pub(super) request: Request,
    /// What was sent with it.
    pub(super) form: Form,
    /// The language of the page.
    pub(super) language: Language,
    /// When it came.
    pub(super) now: Now,
    has_form: bool,
    /// Who it is; none on the pages for everybody.
    visitor: Option<Visitor>,
}

/// Somebody who is logged in.
#[derive(Clone)]
pub(super) struct Visitor {
    /// Who.
    pub(super) user: Arc<User>,
    /// What lets them in.
    pub(super) token: Token,
    /// What their forms carry.
    pub(super) form_token: String,
}

impl Visit {
    /// Looks at a request for a page: is it for this gateway, is its form from here, who is it?
    ///
    /// # Errors
    /// When it is not for this gateway, or its form is not from here.
    pub(super) async fn of(request: Request, context: &Context, has_form: bool) -> Result<Self, Refusal> {
        let host = request.header("host").unwrap_or_default();
        if !guard::is_own_host(host, &context.overview.config.borrow().http.hosts) {
            return Err(Refusal::ForeignHost);
        }
        if has_form && !guard::is_own_form(request.header("origin"), request.header("sec-fetch-site"), host) {
            return Err(Refusal::ForeignForm);
        }
        let now = clock::now();
        let (language, visitor) = (Language::of(request.head()), Visitor::find(&request, context, now));
        let form = if has_form { Form::read(&request).await? } else { Form::default() };
        Ok(Self { request, form, language, now, has_form, visitor })
    }

    /// Whoever must be logged in to be here.
    ///
    /// # Errors
    /// When they are not, or a form is not of their session.
    pub(super) fn must_be_known(&self, context: &Context) -> Result<(), Refusal> {
        if !context.registry.is_claimed() {
            return Err(Refusal::Claim);
        }
        let visitor = self.visitor.as_ref();
        let visitor = visitor.ok_or_else(|| self.must_log_in())?;
        if self.has_form && !visitor.sent(self.form.exact("form_token")) {
            return Err(Refusal::ForeignForm);
        }
        Ok(())
    }

    /// What was posted cannot be fetched, but the page that it was posted from can.
    fn must_log_in(&self) -> Refusal {
        let page = self.request.header("referer").and_then(|from| from.strip_prefix(self.request.base.as_str()));
        let wanted = if self.has_form { page.unwrap_or("/") } else { self.request.target() };
        Refusal::LogIn { wanted: wanted.to_owned(), has_form: self.has_form }
    }

    /// Whether a form was sent.
    pub(super) fn is_form(&self) -> bool {
        self.has_form
    }

    /// Who is logged in.
    pub(super) fn visitor(&self) -> Option<&Visitor> {
        self.visitor.as_ref()
    }

    /// Who is here. Pages for everybody must not ask.
    pub(super) fn user(&self) -> &User {
        &self.visitor.as_ref().expect("the page is for those who are logged in").user
    }

    /// Their id.
    pub(super) fn user_id(&self) -> UserId {
        self.user().id
    }

    /// The session, by which what it is told is kept.
    pub(super) fn session(&self) -> KeyHash {
        self.visitor.as_ref().expect("the page is for those who are logged in").token.hash
    }

    /// # Errors
    /// When it is not the owner.
    pub(super) fn must_be_owner(&self) -> Result<(), Refusal> {
        match self.user().role {
            Role::Owner => Ok(()),
            Role::Member => Err(Refusal::NotOwner),
        }
    }

    /// The same text in the language of the page.
    pub(super) fn t(&self, text: &'static str) -> String {
        self.language.text(text).to_owned()
    }
}

impl Visitor {
    fn find(request: &Request, context: &Context, now: Now) -> Option<Self> {
        let session = session::of(request)?;
        let snapshot = context.snapshot();
        // The cookie alone counts: a token in a header or an address is for the API.
        let token = Credentials::default().or(Some(session)).identify_user(&snapshot, now.wall).ok()?;
        let user = Arc::clone(snapshot.users.get(&token.user)?);
        Some(Self { user, token, form_token: guard::form_token(session) })
    }

    fn sent(&self, form_token: &str) -> bool {
        guard::is_same(&self.form_token, form_token)
    }
}
