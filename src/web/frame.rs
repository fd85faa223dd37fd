//! What stands around every page: who is logged in, where one can go, what was done before.

use serde::Serialize;

use crate::bus::LineState;
use crate::registry::Role;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::language::Language;
use crate::web::visit::Visit;
use crate::web::visit::Visitor;

/// See the module.
#[derive(Clone, Default, Serialize)]
pub(super) struct Frame {
    /// The language of the page.
    pub(super) language: Language,
    /// What people call this gateway.
    pub(super) gateway: String,
    /// The path of the page, for coming back to it.
    pub(super) path: String,
    /// The version of the gateway.
    pub(super) version: &'static str,
    /// Who is logged in; none on the pages for everybody.
    pub(super) user: Option<Person>,
    /// How the form before went.
    pub(super) flash: Option<Flash>,
}

/// Who is logged in.
#[derive(Clone, Default, Serialize)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) is_owner: bool,
    /// What each form of theirs carries as `form_token`.
    pub(super) form_token: String,
    /// Notices for them that were not read.
    pub(super) notices: usize,
    /// How the line is.
    pub(super) line: LineState,
    /// Whether nothing is sent, since somebody paused it.
    pub(super) is_paused: bool,
}

impl Frame {
    /// The frame of a page that this visit asked for. What waited for it is said now.
    pub(super) fn of(context: &Context, visit: &Visit) -> Self {
        let flash = visit.visitor().and_then(|visitor| context.flashes.take(visitor.token.hash));
        // What was posted cannot be fetched.
        let path = if visit.is_form() { "/".to_owned() } else { visit.request.target().to_owned() };
        Self { path, flash, ..Self::around(context, visit.language, visit.visitor()) }
    }

    /// What a part of a page, which a script asks for, needs of the frame: its forms carry a token. What waits for the
    /// next page goes on waiting.
    pub(super) fn of_part(visit: &Visit) -> Self {
        let user =
            visit.visitor().map(|visitor| Person { form_token: visitor.form_token.clone(), ..Person::default() });
        Self { language: visit.language, user, ..Self::default() }
    }

    /// The frame of a page about which nothing is known but who sees it.
    pub(super) fn around(context: &Context, language: Language, visitor: Option<&Visitor>) -> Self {
        let user = visitor.map(|visitor| {
            let is_owner = visitor.user.role == Role::Owner;
            let queue = context.overview.board.queue();
            Person {
                name: visitor.user.name.to_string(),
                is_owner,
                form_token: visitor.form_token.clone(),
                notices: context.notices_for(&visitor.user).len(),
                line: queue.state,
                is_paused: queue.paused_since.is_some(),
            }
        });
        Self { path: "/".to_owned(), user, ..Self::bare(context, language) }
    }

    /// The frame of a page that tells nothing of anybody.
    pub(super) fn bare(context: &Context, language: Language) -> Self {
        let gateway = context.snapshot().gateway_name().to_owned();
        Self { language, gateway, version: env!("CARGO_PKG_VERSION"), ..Self::default() }
    }
}
