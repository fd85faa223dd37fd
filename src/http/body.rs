//! A request's body: JSON, a web form or an uploaded file, whichever its sender chose.
//!
//! Particle's clients send the same fields in all of these ways; old ones write the fields of an object as
//! `json[name]=value`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use futures_util::Stream;
use futures_util::StreamExt;
use serde_json::Map;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use warp::Buf;
use warp::Filter;
use warp::Rejection;

use crate::http::ApiError;

/// Fields of a form at most. Ours.
const MAX_FIELDS: usize = 1_000;

/// Kilobytes of all bodies that are being read or worked on at once; more are turned away. Ours: whoever has no token
/// can send bodies, too, and the gateway has 512 MB.
const KILOBYTES_AT_ONCE: usize = 16 * 1_024;

/// How long a sender may take for a body. Ours.
const READ_WITHIN: Duration = Duration::from_secs(60);

/// A body and what its sender says it is.
#[derive(Default)]
pub struct Body {
    content_type: Option<String>,
    bytes: Bytes,
    fields: OnceLock<Result<Map<String, Value>, ApiError>>,
    /// Its part of the room for bodies.
    _room: Option<OwnedSemaphorePermit>,
}

/// An upload, read.
#[derive(Default)]
pub struct Upload {
    /// What was typed and chosen.
    pub fields: Map<String, Value>,
    /// The files, by the names of their fields.
    pub files: HashMap<String, Bytes>,
}

impl fmt::Debug for Upload {
    /// As [`Body`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

/// The room that all bodies share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BodyRoom(Arc<Semaphore>);

impl Default for BodyRoom {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(KILOBYTES_AT_ONCE)))
    }
}

impl BodyRoom {
    /// Room for one body of at most so many bytes. Who sends more at once is turned away.
    pub fn for_one(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.div_ceil(1_024))))
    }
}

impl fmt::Debug for Body {
    /// Not what is in it: there may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// There is no room for another body now.
#[derive(Debug)]
pub(super) struct NoBodyRoom;

impl warp::reject::Reject for NoBodyRoom {}

/// A body is larger than its endpoint takes.
#[derive(Debug)]
pub(super) struct TooLarge;

impl warp::reject::Reject for TooLarge {}

/// A body broke off, or did not come in time.
#[derive(Debug)]
pub(super) struct BrokenOff;

impl warp::reject::Reject for BrokenOff {}

/// The body of a request, if it has at most so many bytes.
pub(super) fn body(most_bytes: usize, room: BodyRoom) -> impl Filter<Extract = (Body,), Error = Rejection> + Clone {
    let content_type = warp::header::optional::<String>("content-type").or(warp::any().map(|| None)).unify();
    content_type.and(warp::body::stream()).and_then(move |content_type, stream| {
        let room = room.clone();
        async move {
            let collected = timeout(READ_WITHIN, collect(stream, most_bytes, &room)).await;
            let (bytes, room) = collected.unwrap_or_else(|_| Err(warp::reject::custom(BrokenOff)))?;
            Ok::<_, Rejection>(Body { content_type, bytes, fields: OnceLock::new(), _room: room })
        }
    })
}

async fn collect(
    stream: impl Stream<Item = Result<impl Buf, warp::Error>>,
    most_bytes: usize,
    room: &BodyRoom,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Rejection> {
    let mut stream = std::pin::pin!(stream);
    let mut collected = BytesMut::new();
    let mut taken: Option<OwnedSemaphorePermit> = None;
    while let Some(chunk) = stream.next().await {
        let mut chunk = chunk.map_err(|_| warp::reject::custom(BrokenOff))?;
        let bytes = collected.len() + chunk.remaining();
        if bytes > most_bytes {
            return Err(warp::reject::custom(TooLarge));
        }
        let has = taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = u32::try_from(bytes.div_ceil(1_024).saturating_sub(has)).expect("bodies are small");
        let more = Arc::clone(&room.0).try_acquire_many_owned(missing);
        let more = more.map_err(|_| warp::reject::custom(NoBodyRoom))?;
        match &mut taken {
            Some(taken) => taken.merge(more),
            None => taken = Some(more),
        }
        while chunk.has_remaining() {
            collected.extend_from_slice(chunk.chunk());
            let read = chunk.chunk().len();
            chunk.advance(read);
        }
    }
    Ok((collected.freeze(), taken))
}

impl Body {
    #[cfg(test)]
    pub(crate) fn new(content_type: &str, bytes: &[u8]) -> Self {
        let content_type = Some(content_type.to_owned());
        Self { content_type, bytes: Bytes::copy_from_slice(bytes), ..Self::default() }
    }

    /// Its fields: of a JSON object, or of a form. An empty body has none.
    ///
    /// # Errors
    /// When it is neither.
    pub fn fields(&self) -> Result<&Map<String, Value>, ApiError> {
        self.fields.get_or_init(|| self.read()).as_ref().map_err(Clone::clone)
    }

    fn read(&self) -> Result<Map<String, Value>, ApiError> {
        if self.is("application/x-www-form-urlencoded") {
            return form(&self.bytes);
        }
        if self.bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&self.bytes) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(ApiError::Invalid("the body is JSON, but no object".to_owned())),
            Err(error) => Err(ApiError::Invalid(format!("the body is no JSON: {error}"))),
        }
    }

    /// The text of the uploaded file named `file`; none if the body is no upload.
    ///
    /// # Errors
    /// When the upload is broken or has no such file.
    pub async fn uploaded_file(&self) -> Result<Option<String>, ApiError> {
        let Some(mut upload) = self.upload().await? else { return Ok(None) };
        if let Some(file) = upload.files.remove("file") {
            return Ok(Some(String::from_utf8_lossy(&file).into_owned()));
        }
        let text = upload.fields.get("file").and_then(Value::as_str).map(ToOwned::to_owned);
        text.map(Some).ok_or_else(|| ApiError::Invalid("the upload has no file named \"file\"".to_owned()))
    }

    /// The fields and files of an upload; none if the body is something else.
    ///
    /// # Errors
    /// When the upload is broken.
    pub async fn upload(&self) -> Result<Option<Upload>, ApiError> {
        let boundary = self.content_type.as_deref().and_then(|kind| multer::parse_boundary(kind).ok());
        let Some(boundary) = boundary else { return Ok(None) };
        let whole = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(self.bytes.clone())]);
        let mut parts = multer::Multipart::new(whole, boundary);
        let broken = |error: multer::Error| ApiError::Invalid(format!("the upload is broken: {error}"));
        let mut upload = Upload::default();
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            if upload.fields.len() + upload.files.len() >= MAX_FIELDS {
                return Err(ApiError::Invalid(format!("a form has at most {MAX_FIELDS} fields")));
            }
            let name = part.name().unwrap_or_default().to_owned();
            if part.file_name().is_some() {
                upload.files.insert(name, part.bytes().await.map_err(broken)?);
            } else {
                upload.fields.insert(name, Value::String(part.text().await.map_err(broken)?));
            }
        }
        Ok(Some(upload))
    }

    fn is(&self, kind: &str) -> bool {
        self.content_type.as_deref().is_some_and(|given| {
            let given = given.split(';').next().unwrap_or_default().trim();
            given.eq_ignore_ascii_case(kind)
        })
    }
}

fn form(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let mut fields = Map::new();
    for (count, (name, value)) in url::form_urlencoded::parse(bytes).enumerate() {
        if count >= MAX_FIELDS {
            return Err(ApiError::Invalid(format!("a form has at most {MAX_FIELDS} fields")));
        }
        let value = Value::String(value.into_owned());
        match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((outer, inner)) => {
                let nested = fields.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                if let Some(nested) = nested.as_object_mut() {
                    nested.insert(inner.to_owned(), value);
                }
            }
            None => drop(fields.insert(name.into_owned(), value)),
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

    #[test]
    fn fields_come_as_json_or_as_a_form() {
        let expected = json!({ "name": "temp", "data": "21.5 °C" });
        let json = Body::new("application/json", expected.to_string().as_bytes());
        let form = Body::new(FORM, b"name=temp&data=21.5+%C2%B0C");
        for body in [json, form] {
            assert_eq!(Some(body.fields().unwrap()), expected.as_object());
        }
        assert_eq!(*Body::default().fields().unwrap(), Map::new());
    }

    #[test]
    fn old_clients_write_objects_with_brackets() {
        let old = Body::new(FORM, b"event=e&json[a]=1&json%5Bb%5D=2");
        assert_eq!(
            Value::Object(old.fields().unwrap().clone()),
            json!({ "event": "e", "json": { "a": "1", "b": "2" } })
        );
        assert_eq!(Body::new(FORM, b"a=1&a[b]=2").fields().unwrap()["a"], "1");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for nonsense in ["{", "[]", "5", "\"a\""] {
            assert!(Body::new("application/json", nonsense.as_bytes()).fields().is_err(), "{nonsense}");
        }
        assert!(Body::new(FORM, "a=1&".repeat(MAX_FIELDS + 1).as_bytes()).fields().is_err());
    }

    #[tokio::test]
    async fn bodies_share_their_room_and_give_it_back() {
        let room = BodyRoom(Arc::new(Semaphore::new(3)));
        let two = vec![b'x'; 2_000];
        let read = async |bytes: &[u8]| {
            let request = warp::test::request().method("POST").body(bytes);
            request.filter(&body(10_000, room.clone())).await
        };
        let first = read(&two).await.unwrap();
        assert!(read(&two).await.unwrap_err().find::<NoBodyRoom>().is_some());
        drop(first);
        assert!(read(&two).await.is_ok());
        assert!(read(&[b'x'; 10_001]).await.unwrap_err().find::<TooLarge>().is_some());
        assert_eq!(room.0.available_permits(), 3);
    }

    #[tokio::test]
    async fn a_file_is_found_in_an_upload() {
        let kind = "multipart/form-data; boundary=x";
        let upload =
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\r\nid\nid2\r\n--x--\r\n";
        assert_eq!(Body::new(kind, upload.as_bytes()).uploaded_file().await.unwrap().as_deref(), Some("id\nid2"));
        assert_eq!(Body::new(FORM, b"a=1").uploaded_file().await.unwrap(), None);
        assert!(Body::new(kind, b"--x\r\n").uploaded_file().await.is_err());
        let other = upload.replace("\"file\";", "\"other\";");
        assert!(Body::new(kind, other.as_bytes()).uploaded_file().await.is_err());
    }
}
