//! What an upstream may say, and what is made of it.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use crate::weather_upstream::{Gate, KEY, LONG, run, weather_of};
use handloom::aio::{Either, race};
use handloom::json::Json;
use handloom::weather::gateway::entry;
use handloom::weather::{
    Answer, AppId, CITIES, EMBEDDED_CITIES, Embedded, Endpoint, EndpointError, ReportError,
    Upstream, Weather, find_city, parse_report,
};

/// Asks an open gate for a city.
fn ask(city: &str) -> Answer {
    run(async { Gate::start_open().upstream(LONG).ask(city).await })
}

#[test]
fn each_end_of_a_request_is_an_answer_of_its_kind() {
    let failed = |why: &str| Answer::Failed(why.to_owned());
    let cases = [
        ("Moscow", weather_of("Moscow")),
        ("404 own", Answer::Unknown),
        ("404 number", Answer::Unknown),
        ("status 404", failed("status 404 Not Found")),
        ("status 401", failed("status 401: it does not take the key")),
        ("status 429", failed("status 429 Too Many Requests")),
        ("status 500", failed("status 500 Internal Server Error")),
        ("status 599", failed("status 599")),
        ("200 hello", failed("its report cannot be read: JSON, byte 0: expected a value")),
        ("200 {}", failed("its report cannot be read: weather[0] is missing or of another type")),
        ("broken", failed("eof: body: the connection ended too soon")),
    ];
    for (city, expected) in cases {
        assert_eq!(ask(city), expected, "UPSTREAM-1: {city}");
    }
}

#[test]
fn an_upstream_that_is_not_there_or_silent_is_told_apart() {
    run(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let endpoint: Endpoint = format!("http://{}", listener.local_addr().expect("address"))
            .parse()
            .expect("endpoint");
        let limit = Duration::from_millis(50);
        let upstream = Upstream::new(endpoint.clone(), AppId::new(KEY), limit, 1);
        assert_eq!(upstream.ask("Moscow").await, Answer::TimedOut(limit), "UPSTREAM-1: silent");
        drop(listener);
        let upstream = Upstream::new(endpoint, AppId::new(KEY), LONG, 1);
        let refused = Answer::Failed("connect: connection refused".to_owned());
        assert_eq!(upstream.ask("Moscow").await, refused, "UPSTREAM-1: not there");
    });
}

#[test]
fn the_key_is_in_no_text_but_the_address() {
    run(async {
        let gate = Gate::start_open();
        let (upstream, shared) = (gate.upstream(LONG), gate.shared(1, LONG));
        let mut shown = format!("{upstream:?} {shared:?} {:?}", AppId::new(KEY));
        for city in ["Moscow", "status 401", "status 500", "404 own", "200 x", "broken"] {
            let answer = upstream.ask(city).await;
            write!(shown, "{answer} {answer:?} {}", entry(city, &answer)).expect("a string");
        }
        for form in [KEY, "sesame"] {
            assert!(!shown.contains(form), "APPID-1, WEATHER-ANSWER-2: {shown}");
        }
        let address = gate.endpoint().address_of("Moscow", &AppId::new(KEY));
        assert!(address.ends_with("?q=Moscow&APPID=sesame%26key"), "ENDPOINT-1: {address}");
    });
}

#[test]
fn names_of_cities_are_escaped_whole() {
    run(async {
        let gate = Gate::start_open();
        let upstream = gate.upstream(LONG);
        let cases = [
            ("St. Petersburg", "q=St.%20Petersburg&APPID=sesame%26key"),
            ("Ростов", "q=%D0%A0%D0%BE%D1%81%D1%82%D0%BE%D0%B2&APPID=sesame%26key"),
            ("a&APPID=b#c+d%20", "q=a%26APPID%3Db%23c%2Bd%2520&APPID=sesame%26key"),
            ("東京", "q=%E6%9D%B1%E4%BA%AC&APPID=sesame%26key"),
        ];
        for (city, query) in cases {
            assert_eq!(upstream.ask(city).await, weather_of(city), "ENDPOINT-1: {city}");
            let last = gate.queries.borrow().last().cloned();
            assert_eq!(last.as_deref(), Some(query), "ENDPOINT-1: {city}");
        }
    });
}

#[test]
fn an_address_of_an_upstream_has_a_path_or_gets_one_but_no_query() {
    let key = AppId::new("k");
    let cases = [
        ("http://a", "http://a/data/2.5/weather?q=x&APPID=k"),
        ("http://a/", "http://a/data/2.5/weather?q=x&APPID=k"),
        ("http://[::1]:8000", "http://[::1]:8000/data/2.5/weather?q=x&APPID=k"),
        ("http://a:1/w", "http://a:1/w/data/2.5/weather?q=x&APPID=k"),
        ("http://a/data/2.5/weather", "http://a/data/2.5/weather?q=x&APPID=k"),
    ];
    for (text, address) in cases {
        let endpoint: Endpoint = text.parse().expect("an endpoint");
        assert_eq!(endpoint.address_of("x", &key), address, "{text}");
    }
    assert_eq!("http://a/?appid=k".parse::<Endpoint>(), Err(EndpointError::Query));
    assert!("https://a".parse::<Endpoint>().is_err(), "there is no TLS here");
}

#[test]
fn a_report_needs_what_is_used_and_no_more() {
    let weather = |main: &str, description: Option<&str>, kelvins| Weather {
        main: main.to_owned(),
        description: description.map(str::to_owned),
        kelvins,
    };
    let good = [
        (r#"{"weather":[{"main":"Clouds"}]}"#, weather("Clouds", None, None)),
        (
            r#"{"x":{},"weather":[{"main":"Rain","description":"light rain","id":500},{"main":"Mist"}],
               "main":{"temp":270.5,"humidity":"?"}}"#,
            weather("Rain", Some("light rain"), Some(270.5)),
        ),
        (
            r#"{"weather":[{"main":"Rain","description":null}],"main":{"temp":null}}"#,
            weather("Rain", None, None),
        ),
        (r#"{"weather":[{"main":"Rain"}],"main":null}"#, weather("Rain", None, None)),
        ("\u{feff}{\"weather\":[{\"main\":\"Rain\"}]}", weather("Rain", None, None)),
    ];
    for (text, expected) in good {
        assert_eq!(parse_report(text.as_bytes()), Ok(expected), "REPORT-1: {text}");
    }
    let bad = [
        (r#"{"weather":[]}"#, "weather[0]"),
        (r#"{"weather":{"main":"Clouds"}}"#, "weather[0]"),
        (r#"{"weather":[{"main":1}]}"#, "weather[0].main"),
        (r#"{"weather":[{"main":null}]}"#, "weather[0].main"),
        (r#"{"weather":[{"main":"Rain","description":1}]}"#, "weather[0].description"),
        (r#"{"weather":[{"main":"Rain"}],"main":{"temp":"9"}}"#, "main.temp"),
        ("[]", "weather[0]"),
    ];
    for (text, member) in bad {
        assert_eq!(
            parse_report(text.as_bytes()),
            Err(ReportError::Member(member)),
            "REPORT-1: {text}"
        );
    }
    for text in ["", "{", "<html>", r#"{"weather":[{"main":"Clouds"}]} x"#] {
        let came = parse_report(text.as_bytes());
        assert!(matches!(came, Err(ReportError::Json(_))), "REPORT-1: {text:?} gave {came:?}");
    }
}

#[test]
fn degrees_are_those_of_celsius_to_a_tenth() {
    let celsius = |kelvins| {
        let weather = Weather { main: "x".into(), description: None, kelvins: Some(kelvins) };
        weather.to_string()
    };
    assert_eq!(celsius(273.15), "x, 0.0 °C");
    assert_eq!(celsius(273.13), "x, 0.0 °C", "there is no minus zero");
    assert_eq!(celsius(300.0), "x, 26.9 °C");
    assert_eq!(celsius(270.55), "x, -2.6 °C");
}

#[test]
fn an_entry_is_json_whatever_the_name() {
    let name = "a\"b\\c\n\u{1}ж";
    for answer in [weather_of("x"), Answer::Unknown, Answer::Failed("f\"".into())] {
        let text = entry(name, &answer);
        let json = Json::parse(text.as_bytes()).expect("JSON");
        assert_eq!(json.get("city").and_then(Json::as_text), Some(name), "ENTRY-1: {text}");
    }
}

#[test]
fn the_embedded_upstream_knows_the_cities_of_the_course() {
    for city in CITIES {
        assert!(find_city(city).is_some(), "UPSTREAM-SITE-1: {city}");
    }
    for (query, name) in [
        ("moscow", Some("Moscow")),
        ("МОСКВА", Some("Moscow")),
        (" London , gb", Some("London")),
        ("London,FR", None),
        ("東京", Some("Tokyo")),
        ("Lon", None),
        ("", None),
    ] {
        assert_eq!(find_city(query).map(|city| city.name), name, "UPSTREAM-SITE-1: {query:?}");
    }
    for city in EMBEDDED_CITIES {
        let report = parse_report(city.report().to_string().as_bytes()).expect("a report");
        assert_eq!(report.main, city.main, "the upstream's form is the one that is read");
        assert!(report.celsius().is_some_and(|celsius| (-40.0..50.0).contains(&celsius)));
    }
}

#[test]
fn the_embedded_upstream_answers_as_the_real_one() {
    run(async {
        let embedded = Embedded::listen().expect("listen");
        let endpoint = embedded.endpoint().expect("endpoint");
        let ask = async {
            let ask = async |key: AppId, city: &str| {
                Upstream::new(endpoint.clone(), key, LONG, 1).ask(city).await
            };
            let refused = Answer::Failed("status 401: it does not take the key".to_owned());
            assert_eq!(ask(AppId::default(), "Moscow").await, refused, "no key");
            assert_eq!(ask(Embedded::key(), "Atlantis").await, Answer::Unknown);
            let nothing = Answer::Failed("status 400 Bad Request".to_owned());
            assert_eq!(ask(Embedded::key(), " ").await, nothing);
            let answer = ask(Embedded::key(), "Лондон").await;
            assert_eq!(answer, Answer::Unknown, "at home it is London");
            let answer = ask(Embedded::key(), "London").await.to_string();
            assert_eq!(answer, "Rain (moderate rain), 10.3 °C");
        };
        match race(ask, embedded.serve(|_| {})).await {
            Either::First(()) => {}
            Either::Second(ended) => panic!("the upstream ended: {ended:?}"),
        }
    });
}
