//! Who is let in, and what is answered.

use super::*;

fn site(token: Option<Token>) -> Site {
    Site::new(Snapshot::new("<html>".to_owned(), "{\"a\":1}".to_owned()), token)
}

fn get(path: &'static str) -> Asked<'static> {
    Asked { method: "GET", path, host: "localhost:8765", ..Asked::default() }
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

#[test]
fn the_page_and_its_data_are_all_there_is() {
    let site = site(None);
    let page = site.answer(&get("/"));
    assert_eq!((page.status, &*page.body), (200, "<html>"));
    assert!(header(&page, "Content-Security-Policy").unwrap().contains("frame-ancestors 'none'"));
    assert_eq!(&*site.answer(&get("/data")).body, "{\"a\":1}");
    for path in ["/data/", "/../etc/passwd", "//", "/index.html", ""] {
        assert_eq!(site.answer(&get(path)).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
        let refused = site.answer(&Asked { method, ..get("/") });
        assert_eq!((refused.status, header(&refused, "Allow")), (405, Some("GET, HEAD")), "{method}");
    }
}

#[test]
fn data_that_a_reader_has_is_not_sent_again() {
    let site = site(None);
    let first = site.answer(&get("/data"));
    let tag = header(&first, "ETag").unwrap();
    let again = site.answer(&Asked { if_none_match: tag, ..get("/data") });
    assert_eq!((again.status, &*again.body), (304, ""));
    site.put(Snapshot::new("<html>".to_owned(), "{\"a\":2}".to_owned()));
    assert_eq!(site.answer(&Asked { if_none_match: tag, ..get("/data") }).status, 200);
}

#[test]
fn trouble_is_told_and_what_was_known_stays() {
    let site = site(None);
    site.put_trouble("the store is\nbusy — again");
    let answer = site.answer(&get("/data"));
    assert_eq!((answer.status, header(&answer, "X-Sweep-Trouble")), (200, Some("the store is?busy ? again")));
    site.put(Snapshot::new(String::new(), String::new()));
    assert_eq!(header(&site.answer(&get("/data")), "X-Sweep-Trouble"), None);
}

#[test]
fn a_name_that_points_here_from_elsewhere_is_refused() {
    let site = site(None);
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1:8765", "[::1]:8765", "[::1]"] {
        assert_eq!(site.answer(&Asked { host, ..get("/") }).status, 200, "{host}");
    }
    for host in ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8765", "[::2]", "0.0.0.0"] {
        assert_eq!(site.answer(&Asked { host, ..get("/data") }).status, 403, "{host}");
    }
}

#[test]
fn with_a_token_nothing_is_told_without_it() {
    let token = Token::draw().unwrap();
    let text = token.text().to_owned();
    assert_eq!(text.len(), 32);
    assert_ne!(Token::draw().unwrap().text(), text);
    let site = site(Some(token));
    let host = "node7.cluster:8765";
    let status = |asked: Asked| site.answer(&Asked { host, ..asked }).status;
    for path in ["/", "/data", "/other"] {
        assert_eq!(status(get(path)), 401, "{path}");
    }
    assert_eq!(status(Asked { method: "POST", ..get("/") }), 401);
    let wrong = format!("{}0", &text[..31]);
    let query = format!("token={wrong}");
    assert_eq!(
        status(Asked { query: &query, ..get("/") }),
        u16::from(wrong == text) * 303 + u16::from(wrong != text) * 403
    );
    assert_eq!(status(Asked { query: "token=", ..get("/") }), 403);

    let query = format!("a=b&token={text}");
    let entered = site.answer(&Asked { query: &query, host, ..get("/") });
    assert_eq!((entered.status, header(&entered, "Location")), (303, Some("/")));
    let cookie = header(&entered, "Set-Cookie").unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    let cookie = format!("other=1; {}", cookie.split(';').next().unwrap());
    assert_eq!(status(Asked { cookie: &cookie, ..get("/data") }), 200);
    let authorization = format!("Bearer {text}");
    assert_eq!(status(Asked { authorization: &authorization, ..get("/data") }), 200);
    assert_eq!(status(Asked { authorization: "Bearer ", cookie: "sweep-token=", ..get("/data") }), 401);
}
