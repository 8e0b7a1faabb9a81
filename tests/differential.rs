//! One script, several programs, equal bytes: ours, tokio's and Python's.
//!
//! What differs on purpose stands in `notes/differences.md` with its reason, and in [`Twin`]'s tables here. Where there is
//! no `python3`, its share is skipped, and a line on stderr says so.
//!
//! Not here yet: `handloom fetch` and `handloom gateway`. Each has one line to add, in [`FETCHERS`] and in [`GATEWAYS`].

#![expect(unreachable_pub, reason = "the folders beside this file are a part of it")]

#[expect(dead_code, reason = "the scripts and their client are used here, the servers are not")]
mod conversations;
#[expect(dead_code, reason = "a folder of files that come later")]
#[path = "folder/mod.rs"]
mod folder;
#[path = "differential/twin.rs"]
mod twin;

use std::env;
use std::fs;
use std::io::{self, Read, Write, stderr, stdout};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{ExitStatus, exit};
use std::thread;
use std::time::Duration;

use conversations::client::Client;
use conversations::script::{PAUSE, SMALL_LIMIT, Script, TALKS, endings, oversized, pauses};
use conversations::{PATIENCE, deliveries};
use folder::Folder;
use handloom::calc::{Config, Op};
use handloom::json::Json;
use handloom::watch::{Needle, Order};
use handloom_tokio::tokio::net::TcpListener;
use handloom_tokio::tokio::runtime::{Builder, LocalOptions};
use handloom_tokio::{calc, fetch_logs, gateway, watch};
use twin::{BETWEEN, TWIN, Twin};

/// The test that becomes a twin when it is told to.
const CHILD: &str = "this_program_is_a_twin_when_it_is_told_so";

/// The calculator's servers. The first is the one that the others are compared with.
const SERVERS: [Twin; 6] = [
    Twin::Ours(&["serve", "--model", "async"]),
    Twin::Ours(&["serve", "--model", "threads"]),
    Twin::Tokio("calc"),
    Twin::Python("threaded_server.py"),
    Twin::Python("select_server.py"),
    Twin::Python("asyncio_server.py"),
];

/// The watchers, likewise.
const WATCHERS: [Twin; 4] = [
    Twin::Ours(&["watch", "--mode", "threads", "--interval", "0.05"]),
    Twin::Ours(&["watch", "--mode", "async", "--interval", "0.05"]),
    Twin::Tokio("watch"),
    Twin::Python("watch.py"),
];

/// The fetchers, and the ways in which each fetches; each way has a log. `handloom fetch` belongs here too, and first.
const FETCHERS: [(Twin, &[&str]); 2] = [
    (Twin::Tokio("fetch"), &["sequential", "async"]),
    (Twin::Python("fetch.py"), &["sequential", "threads", "async"]),
];

/// The gateways. `handloom gateway` belongs here too, and first.
const GATEWAYS: [Twin; 2] = [Twin::Tokio("gateway"), Twin::Python("gateway.py")];

/// A pause so long that no fragment counts as one, however busy the machine is.
const NO_PAUSE: [&str; 2] = ["--pause-ms", "600000"];

/// How many messages are made up.
const MADE_UP: usize = 3_000;

/// Those that can be run here; says so when some cannot.
fn those_here(twins: &[Twin]) -> Vec<Twin> {
    let here: Vec<_> = twins.iter().copied().filter(Twin::is_here).collect();
    if here.len() < twins.len() {
        // Past the harness, which would keep a printed line of a test that succeeds to itself.
        let text = "differential: no python3 here, so Python's twins are skipped\n";
        drop(stderr().write_all(text.as_bytes()));
    }
    here
}

/// Runs `check` on every server, all at the same time, and gives what it returned, in their order.
fn on_each<T: Send>(
    options: &[&str],
    check: impl Fn(Twin, SocketAddr) -> T + Sync,
) -> Vec<(Twin, T)> {
    let servers = those_here(&SERVERS);
    let check = &check;
    thread::scope(|scope| {
        let runs: Vec<_> = servers
            .iter()
            .map(|&twin| {
                scope.spawn(move || {
                    let (_running, address) = twin.serve(options);
                    check(twin, address)
                })
            })
            .collect();
        let ends = servers.iter().zip(runs).map(|(&twin, run)| {
            let value = run.join().unwrap_or_else(|_| panic!("{twin}: see the message above"));
            (twin, value)
        });
        ends.collect()
    })
}

/// An operation's name on the command line.
fn op_name(op: Op) -> &'static str {
    match op {
        Op::Sum => "sum",
        Op::Product => "product",
    }
}

/// Plays scripts, each on a connection of its own.
fn play(twin: Twin, address: SocketAddr, scripts: &[Script]) {
    for script in scripts {
        let mut client = Client::connect(address, &format!("{}, {twin}", script.name));
        for step in &script.steps {
            client.play(step);
        }
    }
}

/// Says all of this at once, and returns all that is answered.
fn answers(address: SocketAddr, said: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    stream.set_write_timeout(Some(PATIENCE)).expect("a limit");
    let mut heard = Vec::new();
    thread::scope(|scope| {
        // While it is read, lest both sides wait with full buffers.
        scope.spawn(|| (&stream).write_all(said).expect("a server that reads"));
        (&stream).read_to_end(&mut heard).expect("an end");
    });
    heard
}

/// Asserts that all came to the same as the first.
fn assert_equal(what: &str, question: &[u8], came: &[(Twin, Vec<u8>)]) {
    let (first, expected) = &came[0];
    for (twin, bytes) in &came[1..] {
        if bytes == expected {
            continue;
        }
        let lines = |bytes: &[u8]| -> Vec<String> {
            bytes.split(|&byte| byte == b'\n').map(|line| line.escape_ascii().to_string()).collect()
        };
        let [questions, expected, came] = [question, expected, bytes].map(lines);
        let at = expected.iter().zip(&came).take_while(|(one, other)| one == other).count();
        panic!(
            "{what}: line {at}, {:?}: {first} says {:?}, {twin} {:?}; \
             expected equal bytes, or a row in notes/differences.md",
            questions.get(at),
            expected.get(at),
            came.get(at)
        );
    }
}

/// Messages that nobody would think of, the same in each run: two numbers as a rule, and in one of six something that
/// does not belong there.
fn made_up_messages() -> Vec<u8> {
    const SIGNS: &[&[u8]] = &[b"", b"", b"-", b"+"];
    const WHOLES: &[&[u8]] = &[b"0", b"7", b"12", b"007", b"99999999999999999999", b"100", b""];
    const FRACTIONS: &[&[u8]] = &[b"", b"", b".", b".5", b".250", b".000000000000000000001"];
    const EXPONENTS: &[&[u8]] =
        &[b"", b"", b"", b"", b"e3", b"E-7", b"e+19", b"e0", b"e-300", b"e10001", b"e"];
    const BORDERS: &[&[u8]] = &[b" ", b" ", b" ", b",", b",", b" , ", b"\t", b"  ", b"", b",,"];
    const STRANGERS: &[&[u8]] = &[
        b"x", b" ", b",", b"\r", b"\0", b"\xff", b"\"\\'", b"closes", b"\x0b", b"_", b"nan", b"-",
    ];
    // The generator of Park and Miller: small, and good enough to pick from a table.
    let mut state = 20_u64;
    let mut below = |bound: usize| {
        state = state * 48_271 % 0x7fff_ffff;
        usize::try_from(state).expect("31 bits") % bound
    };
    let mut messages = Vec::new();
    for _ in 0..MADE_UP {
        let mut message = Vec::new();
        let number = [SIGNS, WHOLES, FRACTIONS, EXPONENTS];
        for table in number.into_iter().chain([BORDERS]).chain(number) {
            message.extend(table[below(table.len())]);
        }
        if below(6) == 0 {
            let at = below(message.len() + 1);
            message.splice(at..at, STRANGERS[below(STRANGERS.len())].iter().copied());
        }
        messages.extend(message);
        messages.push(b'\n');
    }
    messages.extend(b"close\n");
    messages
}

#[test]
fn made_up_messages_get_equal_bytes_also_when_they_are_wrong() {
    let said = made_up_messages();
    for op in [Op::Sum, Op::Product] {
        let options = [NO_PAUSE[0], NO_PAUSE[1], "--op", op_name(op)];
        let came = on_each(&options, |_, address| answers(address, &said));
        let expected = &came[0].1;
        let lines = expected.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let errors = lines.clone().filter(|line| line.starts_with(b"error: ")).count();
        let lines = lines.count();
        assert_eq!(lines, MADE_UP, "SESSION-5: expected an answer to each message");
        // Else the messages say little about one of the two.
        assert!((lines / 4..lines * 3 / 4).contains(&errors), "came {errors} errors of {lines}");
        assert_equal(&format!("made-up messages, {op}"), &said, &came);
    }
}

#[test]
fn every_talk_gets_equal_bytes() {
    for op in [Op::Sum, Op::Product] {
        let options = [NO_PAUSE[0], NO_PAUSE[1], "--op", op_name(op)];
        for talk in TALKS.iter().filter(|talk| talk.op == op) {
            let mut said: Vec<u8> =
                talk.lines.iter().flat_map(|(line, _)| [line, &b"\n"[..]].concat()).collect();
            said.extend(b"close\n");
            let came = on_each(&options, |_, address| answers(address, &said));
            assert_equal(talk.name, &said, &came);
        }
    }
}

#[test]
fn every_server_passes_the_script_however_the_bytes_travel() {
    for op in [Op::Sum, Op::Product] {
        let options = [NO_PAUSE[0], NO_PAUSE[1], "--op", op_name(op)];
        on_each(&options, |twin, address| {
            for talk in TALKS.iter().filter(|talk| talk.op == op) {
                play(twin, address, &deliveries::without_pauses(talk));
            }
            if op == Op::Sum {
                play(twin, address, &endings());
            }
        });
    }
}

#[test]
fn silence_completes_a_message_on_every_server() {
    let pause = PAUSE.as_millis().to_string();
    on_each(&["--pause-ms", &pause], |twin, address| {
        let talks = TALKS.iter().filter(|talk| talk.op == Op::Sum);
        play(twin, address, &talks.map(deliveries::with_pauses).collect::<Vec<_>>());
        play(twin, address, &pauses());
    });
}

#[test]
fn a_message_that_is_too_long_ends_the_conversation_on_every_server() {
    let limit = SMALL_LIMIT.to_string();
    let options = [&NO_PAUSE[..], &["--max-message", &limit]].concat();
    on_each(&options, |twin, address| play(twin, address, &oversized()));
}

/// Runs a watcher through a script: no file, a file without the string, a file with it. Returns what it said, without
/// repetitions, since how often it looks is its own affair.
fn watched(twin: Twin, path: &Path) -> (ExitStatus, Vec<String>) {
    let words = [path.to_str().expect("a name that is text")];
    let running = match twin {
        Twin::Ours(_) => twin.start(&words),
        _ => twin.start(&[&words[..], &["Wow!", "0.05"]].concat()),
    };
    // Complete at once: a file that is just being written could be seen empty.
    let put = |text: &str| {
        let draft = path.with_extension("draft");
        fs::write(&draft, text).expect("write");
        fs::rename(&draft, path).expect("rename");
    };
    let mut said = vec![running.line_with("looks for "), running.line_with("is not there")];
    put("Wow");
    said.push(running.line_with("bytes without"));
    put("one more: Wow!");
    let (status, rest) = running.end();
    said.extend(rest);
    said.retain(|line| line.contains(words[0]));
    said.dedup();
    (status, said.iter().map(|line| line.replace(words[0], "FILE")).collect())
}

#[test]
fn every_watcher_says_and_does_the_same() {
    let folder = Folder::new();
    let mut expected = Vec::new();
    for (number, twin) in those_here(&WATCHERS).into_iter().enumerate() {
        let path = folder.file(&format!("notes-{number}"));
        let (status, said) = watched(twin, &path);
        assert!(status.success(), "WATCHCMD-1: {twin}: expected exit 0, came {status}: {said:?}");
        assert!(!path.exists(), "DELETE-1: {twin}: expected the file to be gone");
        if number == 0 {
            assert_eq!(said.len(), 7, "NEWS-1: {twin}: came {said:?}");
            expected = said;
        } else {
            assert_eq!(said, expected, "NEWS-2: {twin}");
        }
    }
}

/// Parts a line of a log into its time and the rest; the time must be one of the grammar.
fn without_stamp(line: &str) -> &str {
    const SHAPE: &str = "0000-00-00T00:00:00.000000Z ";
    let (stamp, rest) = line.split_at_checked(SHAPE.len()).expect("a time and a text");
    let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, SHAPE, "DESIGN, logs of a fetch: came {line:?}");
    rest
}

/// The log of one way of fetching: lines without their times, and a failure's words behind the phase left out, for each
/// library has its own.
fn log_lines(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).expect("a log");
    assert!(text.ends_with('\n'), "expected whole lines in {}", log.display());
    let lines = text.lines().map(without_stamp);
    let lines = lines.map(|line| match line.split_once(" failed: ") {
        Some((request, why)) => {
            format!("{request} failed: {}", why.split(':').next().unwrap_or_default())
        }
        None => line.to_owned(),
    });
    lines.collect()
}

#[test]
fn every_fetcher_writes_the_same_logs() {
    let (_site, address) = Twin::Ours(&["site"]).serve(&[]);
    let expected: Vec<_> = [
        (format!("http://{address}/page"), "200"),
        (format!("http://{address}/many-chunks"), "200"),
        (format!("http://{address}/until-close"), "200"),
        (format!("http://{address}/empty"), "200"),
        (format!("http://{address}/moved"), "200"),
        (format!("http://{address}/missing"), "404"),
        (format!("http://{address}/q?q=a+b"), "200"),
        // Port 1 was given to a service that nobody runs any more.
        ("http://127.0.0.1:1/".to_owned(), "connect"),
        (format!("https://{address}/"), "scheme"),
        ("nonsense".to_owned(), "url"),
    ]
    .into_iter()
    .flat_map(|(url, end)| {
        let ended = match end.parse::<u16>() {
            Ok(status) => format!("response for {url} received with status {status}"),
            Err(_) => format!("request to {url} failed: {end}"),
        };
        [format!("request to {url} started"), ended]
    })
    .collect();
    let urls: Vec<_> = expected.iter().step_by(2).map(|line| line.split(' ').nth(2)).collect();
    let urls: Vec<_> = urls.into_iter().flatten().collect();
    let here = those_here(&FETCHERS.map(|(twin, _)| twin));
    for (twin, ways) in FETCHERS.into_iter().filter(|(twin, _)| here.contains(twin)) {
        let folder = Folder::new();
        let directory = folder.file("").to_str().expect("a name that is text").to_owned();
        let (status, said) = twin.start(&[&[&directory[..]], &urls[..]].concat()).end();
        assert!(!status.success(), "{twin}: expected a failure, for some links fail: {said:?}");
        for way in ways {
            let mut came = log_lines(&folder.file(&format!("fetch-{way}.log")));
            let mut expected = expected.clone();
            if *way != "sequential" {
                // The order is that of the answers.
                came.sort();
                expected.sort();
            }
            assert_eq!(came, expected, "DESIGN, logs of a fetch: {twin}, {way}");
        }
    }
}

/// An upstream that knows two cities, breaks off for one, and knows no other; for as long as the test runs.
fn upstream() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.2:0").expect("bind");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || forecast(&stream));
        }
    });
    address
}

/// Answers one request as the upstream.
fn forecast(mut stream: &TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut piece)?;
        request.extend(&piece[..count]);
        if count == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let is_asked =
        |city| request.starts_with(&format!("GET /data/2.5/weather?q={city}&APPID=key "));
    let weather = |main| format!(r#"{{"name":"x","weather":[{{"id":1,"main":"{main}"}}]}}"#);
    let (status, body) = match () {
        () if is_asked("Moscow") => (200, weather("Clouds")),
        () if is_asked("New%20York") || is_asked("New+York") => (200, weather("Snow")),
        () if is_asked("Nobody") => return Ok(()),
        () if is_asked("Broken") => (500, "oh".to_owned()),
        () if is_asked("Garbled") => (200, "{".to_owned()),
        () => (404, r#"{"cod":"404","message":"city not found"}"#.to_owned()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Asks a gateway; returns the status and the JSON, with every reason's words left out.
fn asked(gateway: SocketAddr, request: &str) -> (String, String) {
    let request = format!("{request} HTTP/1.1\r\nHost: {gateway}\r\nConnection: close\r\n\r\n");
    let answer = String::from_utf8(answers(gateway, request.as_bytes())).expect("text");
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
    let json = Json::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body:?}"));
    let shown = |entry: &Json| match (entry.get("city"), entry.get("weather")) {
        (Some(city), Some(weather)) => {
            let reason = if entry.get("reason").is_some() { ", for a reason" } else { "" };
            format!("{city}: {weather}{reason}")
        }
        _ => "an error".to_owned(),
    };
    let shown = match &json {
        Json::List(entries) => format!("{:?}", entries.iter().map(shown).collect::<Vec<_>>()),
        entry => shown(entry),
    };
    (status, shown)
}

#[test]
fn every_gateway_answers_the_same() {
    let upstream = format!("http://{}", upstream());
    for twin in those_here(&GATEWAYS) {
        let (_running, gateway) = twin.serve(&["--upstream", &upstream, "--appid", "key"]);
        for (request, status, shown) in [
            ("GET /weather?city=Moscow", "200", r#""Moscow": "Clouds""#),
            ("GET /weather?city=New+York", "200", r#""New York": "Snow""#),
            ("GET /weather?city=New%20York", "200", r#""New York": "Snow""#),
            ("GET /weather?city=Atlantis", "200", r#""Atlantis": null, for a reason"#),
            ("GET /weather?city=Nobody", "502", r#""Nobody": null, for a reason"#),
            ("GET /weather?city=Broken", "502", r#""Broken": null, for a reason"#),
            ("GET /weather?city=Garbled", "502", r#""Garbled": null, for a reason"#),
            (
                "GET /weather?city=Moscow&city=Broken&city=Moscow",
                "200",
                r#"["\"Moscow\": \"Clouds\"", "\"Broken\": null, for a reason", "\"Moscow\": \"Clouds\""]"#,
            ),
            ("GET /weather", "400", "an error"),
            ("GET /elsewhere?city=Moscow", "404", "an error"),
            ("POST /weather?city=Moscow", "405", "an error"),
        ] {
            let came = asked(gateway, request);
            assert_eq!(came, (status.to_owned(), shown.to_owned()), "{twin}: {request}");
        }
    }
}

/// No test, but what the tests above start: one of tokio's twins, when the environment says so.
#[test]
fn this_program_is_a_twin_when_it_is_told_so() {
    let Ok(words) = env::var(TWIN) else { return };
    let words: Vec<_> = words.split(BETWEEN).collect();
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        match words[..] {
            ["calc", "--addr", address, ref options @ ..] => {
                let listener = TcpListener::bind(address).await.expect("bind");
                let address = listener.local_addr().expect("an address");
                say(format!("listening on {address}")).expect("stdout");
                let served = calc::serve(listener, config(options), std::future::pending());
                served.await.expect("serve");
            }
            ["fetch", directory, ref urls @ ..] => {
                let urls: Vec<_> = urls.iter().map(|&url| url.to_owned()).collect();
                let log = |name| Path::new(directory).join(name);
                let mut came = fetch_logs::sequential(&urls, &log("fetch-sequential.log")).await;
                came = came.and(fetch_logs::concurrent(&urls, 64, &log("fetch-async.log")).await);
                exit(i32::from(!came.expect("the logs")));
            }
            ["gateway", "--addr", address, "--upstream", upstream, "--appid", appid] => {
                let listener = TcpListener::bind(address).await.expect("bind");
                let address = listener.local_addr().expect("an address");
                say(format!("listening on {address}")).expect("stdout");
                let served =
                    gateway::serve(listener, gateway::Upstream::new(upstream, appid)).await;
                match served.expect("serve") {}
            }
            ["watch", path, needle, interval] => {
                let needle = Needle::new(needle).expect("a needle");
                let interval = Duration::from_secs_f64(interval.parse().expect("seconds"));
                let order = Order { path: path.into(), needle, interval };
                watch::watch(&order, std::future::pending(), say).await.expect("watch");
            }
            ref words => panic!("no such twin: {words:?}"),
        }
    });
}

/// Writes a line to stdout, past the harness.
fn say(line: String) -> io::Result<()> {
    stdout().write_all((line + "\n").as_bytes())
}

/// Reads the options of the calculator.
fn config(options: &[&str]) -> Config {
    let mut config = Config::default();
    for pair in options.chunks(2) {
        let [name, value] = pair else { panic!("expected a value for each of {options:?}") };
        match *name {
            "--op" => config.op = value.parse().expect("an operation"),
            "--pause-ms" => {
                config.pause = Duration::from_millis(value.parse().expect("milliseconds"));
            }
            "--max-message" => config.max_message_bytes = value.parse().expect("bytes"),
            _ => panic!("no such option: {name}"),
        }
    }
    config
}
