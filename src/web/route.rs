//! Pages as routes of the web port: whoever is let in reaches the handler, everybody else is told why not.

use std::sync::Arc;

use warp::Filter;

use crate::http;
use crate::http::BodyRoom;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::http::Route;
use crate::web::context::Context;
use crate::web::frame::Frame;
use crate::web::language::Language;
use crate::web::pages::refused;
use crate::web::refusal::Refusal;
use crate::web::visit::Visit;

/// Bytes of a form. Ours: an ordinary one with room to spare.
const FORM_BYTES: usize = 256 * 1_024;

/// How a handler ends.
pub(super) type Shown = Result<Response, Refusal>;

/// Makes routes of pages.
#[derive(Clone)]
pub(super) struct Site {
    context: Arc<Context>,
    room: BodyRoom,
}

/// Who reaches a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Everybody,
    Users,
}

impl Site {
    pub(super) fn new(context: &Arc<Context>, room: &BodyRoom) -> Self {
        Self { context: Arc::clone(context), room: room.clone() }
    }

    /// The same with another room for the bodies of forms.
    pub(super) fn with_room(&self, room: BodyRoom) -> Self {
        Self { context: Arc::clone(&self.context), room }
    }

    /// A page for users.
    pub(super) fn page<F, A>(&self, paths: &'static [&'static str], handle: F) -> Route
    where
        F: Fn(Arc<Context>, Visit) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Shown> + Send + 'static,
    {
        self.route(Method::GET, For::Users, paths, FORM_BYTES, handle)
    }

    /// A form of a page for users.
    pub(super) fn form<F, A>(&self, paths: &'static [&'static str], handle: F) -> Route
    where
        F: Fn(Arc<Context>, Visit) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Shown> + Send + 'static,
    {
        self.route(Method::POST, For::Users, paths, FORM_BYTES, handle)
    }

    /// As [`Self::form`], with a body of at most so many bytes.
    pub(super) fn upload<F, A>(&self, paths: &'static [&'static str], most_bytes: usize, handle: F) -> Route
    where
        F: Fn(Arc<Context>, Visit) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Shown> + Send + 'static,
    {
        self.route(Method::POST, For::Users, paths, most_bytes, handle)
    }

    /// A page for everybody.
    pub(super) fn open_page<F, A>(&self, paths: &'static [&'static str], handle: F) -> Route
    where
        F: Fn(Arc<Context>, Visit) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Shown> + Send + 'static,
    {
        self.route(Method::GET, For::Everybody, paths, FORM_BYTES, handle)
    }

    /// A form of a page for everybody.
    pub(super) fn open_form<F, A>(&self, paths: &'static [&'static str], handle: F) -> Route
    where
        F: Fn(Arc<Context>, Visit) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Shown> + Send + 'static,
    {
        self.route(Method::POST, For::Everybody, paths, FORM_BYTES, handle)
    }

    fn route<F, A>(
        &self,
        method: Method,
        whom: For,
        paths: &'static [&'static str],
        most_bytes: usize,
        handle: F,
    ) -> Route
    where
        F: Fn(Arc<Context>, Visit) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Shown> + Send + 'static,
    {
        let (context, has_form) = (Arc::clone(&self.context), method == Method::POST);
        http::request(method, paths, most_bytes, self.room.clone())
            .then(move |request: Request| {
                let (context, handle) = (Arc::clone(&context), handle.clone());
                async move {
                    let (language, is_part) = (Language::of(request.head()), request.header("hx-request").is_some());
                    let mut visitor = None;
                    let shown = async {
                        let visit = Visit::of(request, &context, has_form).await?;
                        visitor = visit.visitor().cloned();
                        if whom == For::Users {
                            visit.must_be_known(&context)?;
                        }
                        handle(Arc::clone(&context), visit).await
                    };
                    let shown = shown.await;
                    shown.unwrap_or_else(|refusal| {
                        let frame = Frame::around(&context, language, visitor.as_ref());
                        refused::show(&context, &frame, is_part, &refusal)
                    })
                }
            })
            .boxed()
    }
}
