//! Addresses: what is one, what a reference means on a page, where redirects lead.

#![expect(clippy::unwrap_used, reason = "an address that is none fails the test")]

use handloom::http::{
    Fields, Method, RedirectError, Redirects, Status, Url, UrlError, redirect, without_password,
};
use proptest::prelude::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What is given, and its one form.
const FAIR: &[(&str, &str)] = &[
    ("http://a", "http://a/"),
    ("HTTP://A.B/C", "http://a.b/C"),
    ("http://a:80/", "http://a/"),
    ("http://a:/", "http://a/"),
    ("http://a:080/", "http://a/"),
    ("http://a:8080", "http://a:8080/"),
    ("http://a?b", "http://a/?b"),
    ("http://a/?", "http://a/?"),
    ("http://a/b?c?d/../e", "http://a/b?c?d/../e"),
    ("http://a/b#c", "http://a/b"),
    ("http://a#b/c?d", "http://a/"),
    ("http://a/b/../c/./d", "http://a/c/d"),
    ("http://a/../../b", "http://a/b"),
    ("http://a/b//c", "http://a/b//c"),
    ("http://a/%2e%2E/%2f%zz", "http://a/%2e%2E/%2f%zz"),
    ("http://a/é?ж", "http://a/%C3%A9?%D0%B6"),
    ("http://[::1]", "http://[::1]/"),
    ("http://[::FFFF:1.2.3.4]:81/", "http://[::ffff:1.2.3.4]:81/"),
    ("http://1.2.3.4:65535/", "http://1.2.3.4:65535/"),
    ("http://a_b-c.d~/", "http://a_b-c.d~/"),
    ("http://a/b|c^d{e}\"f", "http://a/b|c^d{e}\"f"),
    ("http://a/b@c:d", "http://a/b@c:d"),
];

const REFUSED: &[(&str, UrlError)] = &[
    ("", UrlError::NoScheme),
    ("a", UrlError::NoScheme),
    ("/a", UrlError::NoScheme),
    ("//a/b", UrlError::NoScheme),
    ("1http://a", UrlError::NoScheme),
    ("https://a/", UrlError::Https),
    ("HTTPS://a/", UrlError::Https),
    ("ftp://a/", UrlError::Scheme),
    ("file:///etc/passwd", UrlError::Scheme),
    ("localhost:80", UrlError::Scheme),
    ("http:", UrlError::Host),
    ("http:a", UrlError::Host),
    ("http:/a", UrlError::Host),
    ("http://", UrlError::Host),
    ("http:///a", UrlError::Host),
    ("http://:80/", UrlError::Host),
    ("http://?a", UrlError::Host),
    ("http://a%2eb/", UrlError::Host),
    ("http://a\\b/", UrlError::Host),
    ("http://é/", UrlError::Host),
    ("http://[::1", UrlError::Host),
    ("http://::1/", UrlError::Port),
    ("http://[::1]a/", UrlError::Host),
    ("http://[::1%25eth0]/", UrlError::Host),
    ("http://[v1.a]/", UrlError::Host),
    ("http://[1.2.3.4]/", UrlError::Host),
    ("http://[]/", UrlError::Host),
    ("http://a]/", UrlError::Host),
    ("http://a:0/", UrlError::Port),
    ("http://a:65536/", UrlError::Port),
    ("http://a:99999999999999999999/", UrlError::Port),
    ("http://a:+80/", UrlError::Port),
    ("http://a:-80/", UrlError::Port),
    ("http://a:8x/", UrlError::Port),
    ("http://a:b:80/", UrlError::Port),
    ("http://u@a/", UrlError::Userinfo),
    ("http://u:p@a/", UrlError::Userinfo),
    ("http://@a/", UrlError::Userinfo),
    ("http://a/\r\nHost: b", UrlError::Character),
    ("http://a/b\n", UrlError::Character),
    ("\nhttp://a/", UrlError::Character),
    (" http://a/", UrlError::Character),
    ("http://a/ ", UrlError::Character),
    ("http://a/b c", UrlError::Character),
    ("http://a/b\tc", UrlError::Character),
    ("http://a/\0", UrlError::Character),
    ("http://a/\u{7f}", UrlError::Character),
    ("http://a/\u{85}", UrlError::Character),
    ("http://a/\u{a0}", UrlError::Character),
    ("http://a/#\r\n", UrlError::Character),
];

#[test]
fn an_address_is_brought_to_its_one_form() {
    for (given, form) in FAIR {
        assert_eq!(url(given).as_str(), *form, "URL-2: the form of {given}");
        assert_eq!(url(form).as_str(), *form, "URL-2: the form of a form");
    }
}

#[test]
fn what_is_no_address_is_refused_with_its_reason() {
    for (given, error) in REFUSED {
        assert_eq!(Url::parse(given), Err(*error), "URL-1, URL-2: {given:?}");
    }
    assert!(UrlError::Https.to_string().contains("TLS"), "expected the reason why not");
}

#[test]
fn an_address_has_parts() {
    let full = url("http://[::1]:81/a/b?c=d#e");
    assert_eq!(
        (full.host(), full.dial_host(), full.port(), full.authority()),
        ("[::1]", "::1", 81, "[::1]:81")
    );
    assert_eq!((full.path(), full.query(), full.target()), ("/a/b", Some("c=d"), "/a/b?c=d"));
    let bare = url("http://a:80");
    assert_eq!((bare.authority(), bare.path(), bare.query()), ("a", "/", None));
    assert_eq!(url("http://a/?").query(), Some(""));
    assert!(full.is_same_origin(&url("http://[::1]:81/x")) && !full.is_same_origin(&bare));
}

/// The page of the table in RFC 3986, section 5.4.
const PAGE: &str = "http://a/b/c/d;p?q";

/// Sections 5.4.1 and 5.4.2: references, and what they mean; fragments left out, as they are everywhere here.
const RFC_TABLE: &[(&str, &str)] = &[
    ("g", "http://a/b/c/g"),
    ("./g", "http://a/b/c/g"),
    ("g/", "http://a/b/c/g/"),
    ("/g", "http://a/g"),
    ("//g", "http://g/"),
    ("?y", "http://a/b/c/d;p?y"),
    ("g?y", "http://a/b/c/g?y"),
    ("#s", "http://a/b/c/d;p?q"),
    ("g#s", "http://a/b/c/g"),
    ("g?y#s", "http://a/b/c/g?y"),
    (";x", "http://a/b/c/;x"),
    ("g;x", "http://a/b/c/g;x"),
    ("g;x?y#s", "http://a/b/c/g;x?y"),
    ("", "http://a/b/c/d;p?q"),
    (".", "http://a/b/c/"),
    ("./", "http://a/b/c/"),
    ("..", "http://a/b/"),
    ("../", "http://a/b/"),
    ("../g", "http://a/b/g"),
    ("../..", "http://a/"),
    ("../../", "http://a/"),
    ("../../g", "http://a/g"),
    ("../../../g", "http://a/g"),
    ("../../../../g", "http://a/g"),
    ("/./g", "http://a/g"),
    ("/../g", "http://a/g"),
    ("g.", "http://a/b/c/g."),
    (".g", "http://a/b/c/.g"),
    ("g..", "http://a/b/c/g.."),
    ("..g", "http://a/b/c/..g"),
    ("./../g", "http://a/b/g"),
    ("./g/.", "http://a/b/c/g/"),
    ("g/./h", "http://a/b/c/g/h"),
    ("g/../h", "http://a/b/c/h"),
    ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
    ("g;x=1/../y", "http://a/b/c/y"),
    ("g?y/./x", "http://a/b/c/g?y/./x"),
    ("g?y/../x", "http://a/b/c/g?y/../x"),
    ("g#s/./x", "http://a/b/c/g"),
    ("g#s/../x", "http://a/b/c/g"),
    // Beyond the table.
    ("http://h/p", "http://h/p"),
    ("//h:81/p/../q", "http://h:81/q"),
    ("?", "http://a/b/c/d;p?"),
    ("/g//..//h", "http://a/g//h"),
    ("./x:y", "http://a/b/c/x:y"),
    ("/x:y", "http://a/x:y"),
    ("\u{e9}", "http://a/b/c/%C3%A9"),
];

#[test]
fn references_mean_what_the_standard_says() {
    for (reference, meaning) in RFC_TABLE {
        let came = url(PAGE).join(reference).map(|url| url.to_string());
        assert_eq!(came.as_deref(), Ok(*meaning), "RESOLVE-1: {reference:?} on {PAGE}");
    }
}

#[test]
fn references_to_elsewhere_are_refused() {
    for (reference, error) in [
        ("g:h", UrlError::Scheme),
        ("https://a/", UrlError::Https),
        ("javascript:alert(1)", UrlError::Scheme),
        ("http:g", UrlError::Host),
        ("//", UrlError::Host),
        ("///g", UrlError::Host),
        ("//u@h/", UrlError::Userinfo),
        ("/a\r\nSet-Cookie: b", UrlError::Character),
        ("/a b", UrlError::Character),
    ] {
        assert_eq!(url(PAGE).join(reference), Err(error), "RESOLVE-1: {reference:?}");
    }
}

fn location(to: &str) -> Fields {
    let mut fields = Fields::new();
    fields.push("Location", to).unwrap();
    fields
}

fn status(code: u16) -> Status {
    Status::new(code).unwrap()
}

#[test]
fn the_method_after_a_redirect_is_that_of_the_table() {
    use Method::{Get, Head, Post, Put};
    for (code, asked, then, keeps_body) in [
        (301, Get, Get, true),
        (301, Head, Head, true),
        (301, Post, Get, false),
        (301, Put, Put, true),
        (302, Get, Get, true),
        (302, Post, Get, false),
        (303, Get, Get, false),
        (303, Head, Head, false),
        (303, Post, Get, false),
        (303, Put, Get, false),
        (307, Get, Get, true),
        (307, Post, Post, true),
        (308, Head, Head, true),
        (308, Post, Post, true),
        (308, Put, Put, true),
    ] {
        let next = redirect(&url(PAGE), asked, status(code), &location("/x")).unwrap().unwrap();
        assert_eq!(
            (next.method, next.keeps_body, next.url.as_str()),
            (then, keeps_body, "http://a/x"),
            "{asked} after {code}"
        );
    }
}

#[test]
fn what_is_no_redirect_is_the_final_response() {
    for code in [200, 204, 300, 304, 305, 306, 399, 404, 500] {
        let next = redirect(&url(PAGE), Method::Get, status(code), &location("/x"));
        assert_eq!(next, Ok(None), "status {code}");
    }
    let next = redirect(&url(PAGE), Method::Get, Status::FOUND, &Fields::new());
    assert_eq!(next, Ok(None), "302 without a Location");
}

#[test]
fn a_redirect_that_leads_nowhere_is_an_error() {
    let follow = |fields: &Fields| redirect(&url(PAGE), Method::Get, Status::FOUND, fields);
    let error = follow(&location("https://a/")).unwrap_err();
    assert_eq!(error, RedirectError::Location(UrlError::Https), "REDIRECT-3");
    let mut two = location("/x");
    two.push("location", "/x").unwrap();
    assert!(follow(&two).unwrap().is_some(), "the same address twice is one");
    two.push("location", "/y").unwrap();
    assert_eq!(follow(&two), Err(RedirectError::TwoLocations));
}

#[test]
fn redirects_end_at_their_limit() {
    let mut redirects = Redirects::new(Method::Get, url("http://a/0"), 3);
    for hop in 1..=3 {
        let next = redirects.follow(Status::FOUND, &location(&format!("/{hop}"))).unwrap().unwrap();
        assert_eq!(next.url.path(), format!("/{hop}"));
    }
    let end = redirects.follow(Status::FOUND, &location("/4"));
    assert_eq!(end, Err(RedirectError::TooMany(3)), "REDIRECT-1");
    assert_eq!(
        redirects.follow(Status::OK, &Fields::new()),
        Ok(None),
        "a final one is no redirect"
    );
    let end =
        Redirects::new(Method::Get, url("http://a/0"), 0).follow(Status::FOUND, &location("/1"));
    assert_eq!(end, Err(RedirectError::TooMany(0)), "REDIRECT-1: none allowed");
}

#[test]
fn a_page_may_redirect_to_itself_until_the_limit() {
    let mut to_itself = Redirects::new(Method::Get, url("http://a/b"), 3);
    for _ in 0..3 {
        let next = to_itself.follow(Status::FOUND, &location("#c")).unwrap().unwrap();
        assert_eq!(next.url.as_str(), "http://a/b", "REDIRECT-1");
    }
    assert_eq!(to_itself.follow(Status::OK, &Fields::new()), Ok(None), "the page answers then");
    let end = to_itself.follow(Status::FOUND, &location("#c"));
    assert_eq!(end, Err(RedirectError::TooMany(3)), "REDIRECT-1: a loop ends at the limit");
}

#[test]
fn blanks_and_raw_bytes_in_the_address_of_a_redirect_are_escaped() {
    for (to, expected) in [
        (&b"/a b"[..], "http://a/a%20b"),
        (b"/\xff\xe9?\xd0\xb6", "http://a/%FF%E9?%D0%B6"),
        (b"/a\tb", "http://a/a%09b"),
        (b"http://c/d  e?f g#h i", "http://c/d%20%20e?f%20g"),
        (b" /a%20b ", "http://a/a%20b"),
    ] {
        let mut fields = Fields::new();
        fields.push("Location", to).unwrap();
        let next = redirect(&url(PAGE), Method::Get, Status::FOUND, &fields).unwrap().unwrap();
        assert_eq!(next.url.as_str(), expected, "REDIRECT-3: {:?}", to.escape_ascii().to_string());
    }
    // A host cannot be escaped.
    let mut fields = Fields::new();
    fields.push("Location", "http://a b/").unwrap();
    let end = redirect(&url(PAGE), Method::Get, Status::FOUND, &fields);
    assert_eq!(end, Err(RedirectError::Location(UrlError::Host)), "REDIRECT-3");
}

#[test]
fn a_password_is_not_shown() {
    for (given, shown) in [
        ("http://u:p@a/b", "http://u:***@a/b"),
        ("https://u:p@a", "https://u:***@a"),
        (" http://u:p@a/", " http://u:***@a/"),
        ("//u:p@a/", "//u:***@a/"),
        ("u:p@a/x//y", "u:***@a/x//y"),
        ("http://u:p@q@a/", "http://u:***@a/"),
        ("http://u:p:q@a/", "http://u:***@a/"),
        ("http://u:p/q@a/", "http://u:***@a/"),
        ("http://u:p#q?r@a/", "http://u:***@a/"),
        ("http://u:@a/", "http://u:***@a/"),
        ("http://:p@a/", "http://:***@a/"),
        ("http://u:p@[::1]:80/", "http://u:***@[::1]:80/"),
        ("http://u@a/", "http://u@a/"),
        ("http://a:80/b@c", "http://a:80/b@c"),
        ("http://a/b:c@d", "http://a/b:c@d"),
        ("http://[::1]/b@c", "http://[::1]/b@c"),
        ("http://a:80", "http://a:80"),
        ("", ""),
    ] {
        assert_eq!(without_password(given), shown);
    }
}

proptest! {
    #[test]
    fn no_address_breaks_out_of_its_line(text in "\\PC{0,40}", junk in any::<String>()) {
        for text in [format!("http://{text}"), format!("http://a/{text}"), format!("http://a/{junk}"), junk] {
            let Ok(url) = Url::parse(&text) else { continue };
            let is_fair = url.as_str().bytes().all(|byte| byte.is_ascii_graphic());
            prop_assert!(is_fair && !url.target().contains('#'), "URL-1: {text:?} gave {url}");
            let again = Url::parse(url.as_str());
            prop_assert_eq!(again.as_ref(), Ok(&url), "URL-2: the form of a form");
        }
    }

    #[test]
    fn no_reference_leads_out_of_the_root(reference in "[a-c./?#:]{0,24}") {
        if let Ok(url) = Url::parse(PAGE).unwrap().join(&reference) {
            prop_assert!(url.path().starts_with('/'), "{reference:?} gave {url}");
            let dots = url.path().split('/').any(|segment| matches!(segment, "." | ".."));
            prop_assert!(!dots, "URL-2: {reference:?} gave {url}");
            let again = Url::parse(url.as_str());
            prop_assert_eq!(again.as_ref(), Ok(&url), "URL-2: the form of a form");
        }
    }
}
