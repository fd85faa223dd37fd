//! Being logged in: how it begins, how it ends, and what a browser keeps of it.

use crate::account::PASSWORD;
use crate::browser::Browser;
use crate::browser::Page;
use crate::gateway::Gateway;
use crate::https;
use crate::plain_http::Answer;
use crate::web_security::Scene;
use crate::web_security::form_token;

#[tokio::test]
async fn a_session_begins_at_the_login_and_ends_at_the_logout() {
    let scene = Scene::new().await;
    let own = scene.origin();
    let planted = format!("farhook={}", "ab".repeat(20));
    let first = scene.browser.cookie();
    let mut known = vec![planted.clone(), first.clone()];
    for brought in [planted.as_str(), first.as_str()] {
        let answer = scene.post("/login", &[("cookie", brought), ("origin", &own)], None).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let begun = cookie_set(&answer).split(';').next().unwrap().to_owned();
        assert!(!known.contains(&begun), "{begun} was there before");
        known.push(begun);
    }
    assert_eq!(scene.get("/devices", &[("cookie", &planted)]).await.status, 303);

    let session = known.pop().unwrap();
    let page = scene.get("/devices", &[("cookie", &session)]).await;
    let page = Page { status: page.status, path: "/devices".to_owned(), html: page.body };
    let token = form_token(&page);
    let out = scene.post("/logout", &[("cookie", &session), ("origin", &own)], Some(&token)).await;
    assert_eq!((out.status, out.header("location")), (303, Some("/login")));
    assert!(cookie_set(&out).starts_with("farhook=; ") && cookie_set(&out).contains("Max-Age=0"), "{out:?}");

    let before = scene.owner.all().await;
    assert_eq!(scene.get("/devices", &[("cookie", &session)]).await.status, 303);
    let notes = format!("/devices/{}/notes", scene.owner.device.id);
    // Nothing was done, which is said, and after the login the page is there again.
    let device = format!("/devices/{}", scene.owner.device.id);
    let headers = [("cookie", session.as_str()), ("origin", &own), ("referer", &format!("{own}{device}"))];
    let answer = scene.post(&notes, &headers, Some(&token)).await;
    let next = device.replace('/', "%2F");
    assert_eq!((answer.status, answer.header("location")), (303, Some(&*format!("/login?next={next}&lost=yes"))));
    let login = scene.get(answer.header("location").unwrap(), &[]).await;
    assert!(login.body.contains("nothing was saved") && login.body.contains(&scene.owner.device.id), "{login:?}");
    let elsewhere = [("cookie", session.as_str()), ("origin", &own), ("referer", "https://evil.example/devices")];
    let answer = scene.post(&notes, &elsewhere, Some(&token)).await;
    assert_eq!(answer.header("location"), Some("/login?next=%2F&lost=yes"));
    // Who types in the editor keeps what was typed.
    let part = [("cookie", session.as_str()), ("origin", &own), ("hx-request", "true")];
    let answer = scene.post("/integrations/preview", &part, Some(&token)).await;
    assert!(answer.status == 200 && answer.body.contains("You are logged out."), "{answer:?}");
    assert_eq!(scene.get("/v1/devices/events", &[("cookie", &session)]).await.status, 401);
    assert_eq!(scene.owner.all().await, before);
    assert_eq!(scene.get("/devices", &[("cookie", &first)]).await.status, 200, "other sessions go on");
}

#[tokio::test]
async fn the_sixth_try_of_a_password_has_to_wait() {
    let scene = Scene::new().await;
    let mut stranger = Browser::new(&scene.gateway);
    for _ in 0..5 {
        let refused = stranger.send("/login", &[("name", "olga"), ("password", "guess"), ("next", "/")]).await;
        assert_eq!(refused.status, 403, "{}", refused.html);
    }
    let sixth = stranger.send("/login", &[("name", "olga"), ("password", PASSWORD), ("next", "/")]).await;
    assert!(sixth.status == 429 && stranger.cookie().is_empty(), "{}", sixth.html);
}

#[tokio::test]
async fn a_cookie_is_kept_from_scripts_and_over_https_from_everybody_in_between() {
    let scene = Scene::new().await;
    let own = scene.origin();
    let plain = scene.post("/login", &[("origin", &own)], None).await;
    let plain = cookie_set(&plain).to_owned();
    let (pair, flags) = plain.split_once("; ").unwrap();
    let month_s = 30 * 24 * 60 * 60;
    assert!(pair.starts_with("farhook=") && pair.len() > 40, "{plain}");
    assert_eq!(flags, format!("Path=/; Max-Age={month_s}; HttpOnly; SameSite=Lax"));

    let client = https::trusting(&https::certificate_of(&scene.gateway));
    let at = format!("https://{}", scene.gateway.https);
    let login = client.post(format!("{at}/login")).form(&[("name", "olga"), ("password", PASSWORD)]);
    let answer = login.header("origin", &at).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let secure = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let (secure, flags) = secure.split_once("; ").unwrap();
    assert!(secure.starts_with("__Host-farhook="), "{secure}");
    assert_eq!(flags, format!("Path=/; Max-Age={month_s}; HttpOnly; SameSite=Lax; Secure"));

    // What was set over HTTP, which anybody can read, is nothing over HTTPS.
    for (cookie, status) in [(secure, 200), (pair, 303)] {
        let answer = client.get(format!("{at}/devices")).header("cookie", cookie).send().await.unwrap();
        assert_eq!(answer.status(), status, "{cookie}");
    }
    assert_eq!(scene.get("/devices", &[("cookie", secure)]).await.status, 303);
}

#[tokio::test]
async fn there_is_no_claiming_a_gateway_that_has_an_owner() {
    let gateway = Gateway::start().await;
    let mut browser = Browser::new(&gateway);
    assert_eq!(browser.get("/devices").await.path, "/claim");
    let code = gateway.json(&["claim"]).await["code"].as_str().unwrap().to_owned();
    let fields = |name| [("code", code.as_str()), ("name", name), ("password", PASSWORD), ("password_again", PASSWORD)];
    let wrong = [("code", "00000-00000"), ("name", "me"), ("password", PASSWORD), ("password_again", PASSWORD)];
    assert_eq!(browser.send("/claim", &wrong).await.status, 403);
    let claimed = browser.send_only("/claim", &fields("me")).await;
    assert_eq!((claimed.status, claimed.header("location")), (303, Some("/")));

    let mut second = Browser::new(&gateway);
    assert_eq!(second.get("/claim").await.path, "/login");
    let refused = second.send_only("/claim", &fields("you")).await;
    assert_eq!((refused.status, refused.header("location"), refused.header("set-cookie")), (303, Some("/"), None));
    assert_eq!(gateway.json(&["user", "list"]).await.as_array().unwrap().len(), 1);
    assert_eq!(browser.open("/").await.path, "/");
}

/// What a browser is told to keep.
fn cookie_set(answer: &Answer) -> &str {
    answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {answer:?}"))
}
