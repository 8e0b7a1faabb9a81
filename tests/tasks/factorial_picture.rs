//! The picture of the benchmark of factorials: its axes, and that it shows nothing that cannot be.

use std::fs;
use std::path::Path;
use std::time::Duration;

use handloom::factorial::benchmark::{BenchmarkOutcome, PoolKind, Row, Run, Size, chart, table};
use handloom::json::{Json, Number};
use handloom::report::{OtherWork, text_width};

/// An outcome of two processors: for each row the number, and the milliseconds of each pool.
fn of_rows(rows: &[(u32, [u64; 4])]) -> BenchmarkOutcome {
    let run = |(kind, millis): (PoolKind, u64)| {
        let wall = Duration::from_millis(millis);
        (kind, Ok(Run { wall, computing: wall, slowest: wall * 2 }))
    };
    let row = |(n, millis): &(u32, [u64; 4])| Row {
        size: Size::of(*n, Some(8)),
        chunk: 1,
        digits: 1,
        checksum: 0,
        at_once: 2,
        runs: PoolKind::ALL.into_iter().zip(*millis).map(run).collect(),
    };
    BenchmarkOutcome {
        cpus: 2,
        workers: 2,
        ready: PoolKind::ALL.map(|kind| (kind, Duration::ZERO)).to_vec(),
        rows: rows.iter().map(row).collect(),
        parted: None,
        other_work: OtherWork::Share(0.6),
        is_stopped: false,
    }
}

/// The numbers that stand in an attribute of the picture's elements of one kind.
fn attribute(svg: &str, element: &str, name: &str) -> Vec<f64> {
    let elements = svg.lines().filter(|line| line.starts_with(&format!("<{element} ")));
    let value =
        |line: &str| line.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?.parse().ok();
    elements.filter_map(value).collect()
}

#[test]
fn equal_ratios_have_equal_lengths_in_the_picture() {
    // Ten times the time of a task, and a tenth of the loss, from row to row.
    let svg = chart(&of_rows(&[
        (10, [8, 800, 9, 9]),
        (100, [80, 800, 90, 90]),
        (1_000, [800, 800, 900, 900]),
    ]));
    let [x, y] = ["cx", "cy"].map(|name| attribute(&svg, "circle", name));
    assert_eq!(x.len(), 9, "three pools with three points each: {svg}");
    for places in [&x[..3], &y[..3]] {
        let [first, second] = [places[1] - places[0], places[2] - places[1]];
        assert!((first - second).abs() < 0.2, "CHART-1: expected equal steps, came {places:?}");
    }
    for words in
        ["computing time of one task", "2 processors", "100 ms", "1,000!", "other work had 60 %"]
    {
        assert!(svg.contains(words), "expected \"{words}\" in {svg}");
    }
}

#[test]
fn a_picture_without_a_point_has_finite_places() {
    let svg = chart(&of_rows(&[]));
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "expected finite places, came {svg}");
}

#[test]
fn a_benchmark_without_a_row_says_so_instead_of_empty_tables() {
    let table = table(&of_rows(&[]));
    assert!(table.ends_with("\nNo size was measured to its end.\n"), "came {table}");
    assert!(!table.contains("spread"), "no headings: {table}");
}

#[test]
fn a_run_that_took_thousands_of_times_as_long_is_no_percentage() {
    for (slowest, shown) in [(8, "0 %"), (79, "888 %"), (80, "10-fold"), (159_841, "19,980-fold")] {
        let mut outcome = of_rows(&[(100, [8; 4])]);
        for (_, run) in &mut outcome.rows[0].runs {
            run.as_mut().expect("it ran").slowest = Duration::from_millis(slowest);
        }
        let table = table(&outcome);
        assert!(table.contains(&format!("  {shown}\n")), "expected {shown} in {table}");
    }
}

#[test]
fn a_speed_up_that_the_processors_do_not_allow_is_not_shown() {
    let outcome = of_rows(&[(100_000, [800, 230, 410, 500])]);
    let row = &outcome.rows[0];
    let speeds = PoolKind::ALL.map(|kind| row.speed_up(kind).is_some());
    assert_eq!(
        speeds,
        [true, false, true, false],
        "OUTCOME-1: 3.5 of 2 processors, 1.6 under a GIL"
    );
    let text = table(&outcome);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!text.contains("3.48") && !text.contains("1.60"), "OUTCOME-1: {text}");
    assert!(words.contains("not measurable now: other work had 60 %"), "{text}");
    // Three sizes, of which the second is the first that gains.
    let rows = [(10, [10, 20, 20, 20]), (1_000, [40, 25, 25, 41]), (9_999, [80, 45, 45, 81])];
    let mut crossing = of_rows(&rows);
    let claim = "threads gains if a task computes for more than about";
    let words = |outcome: &BenchmarkOutcome| {
        table(outcome).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(!words(&crossing).contains(claim), "{}", table(&crossing));
    let told = "from what size on threads gains: not measurable now: other work had 60 %";
    assert!(words(&crossing).contains(told), "{}", table(&crossing));
    crossing.other_work = OtherWork::Share(0.01);
    assert!(words(&crossing).contains(claim), "{}", table(&crossing));
    assert_eq!(
        attribute(&chart(&outcome), "circle", "cx").len(),
        1,
        "OUTCOME-1: one point is left"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 80), "80 columns: {text}");
}

/// Texts of a picture that touch: on one base line, without a blank between them. A character is at most 8 wide.
fn touching(svg: &str) -> Vec<[String; 2]> {
    let mut texts = Vec::new();
    for line in svg.lines().filter(|line| line.starts_with("<text ")) {
        let number = |name: &str| -> f64 {
            let value =
                line.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
            value.and_then(|value| value.parse().ok()).expect("a place")
        };
        let words = line.split(['<', '>']).nth(2).expect("words").replace("&lt;", "<");
        let width = 8.0 * f64::from(u32::try_from(text_width(&words)).expect("a short text"));
        let anchored = |anchor: &str| line.contains(&format!("\"{anchor}\""));
        let before = if anchored("middle") { 0.5 } else { f64::from(u8::from(anchored("end"))) };
        let start = number("x") - before * width;
        texts.push((number("y"), start, start + width, words));
    }
    let mut found = Vec::new();
    for (place, (y, start, end, words)) in texts.iter().enumerate() {
        for (other_y, other_start, other_end, other) in &texts[..place] {
            if (y - other_y).abs() < 10.0 && start < other_end && other_start < end {
                found.push([other.clone(), words.clone()]);
            }
        }
    }
    found
}

#[test]
fn labels_do_not_touch_however_close_their_points_are() {
    // A point each 3 ms: far more labels than there is room for.
    let close: Vec<_> = (1..120).map(|step| (1_000_000 + step, [3 * u64::from(step); 4])).collect();
    for rows in [
        &close[..],
        &close[..2],
        &[(200_000, [138, 138, 138, 138]), (1_000_000, [1_200, 1_200, 1_200, 1_200])],
    ] {
        let svg = chart(&of_rows(rows));
        assert_eq!(touching(&svg), [[""; 2]; 0], "CHART-3, in {svg}");
        assert!(svg.contains("!</text>"), "expected a label in {svg}");
    }
    for name in ["factorial", "compare"] {
        let path = format!("{}/notes/pictures/{name}.svg", env!("CARGO_MANIFEST_DIR"));
        let drawn = fs::read_to_string(path).expect("the picture");
        assert_eq!(touching(&drawn), [[""; 2]; 0], "CHART-3: the picture {name} of the course");
    }
}

/// The figures in a picture's `<desc>`.
fn figures(svg: &str) -> Json {
    let (_, rest) = svg.split_once("<desc>").expect("CHART-2: a <desc>");
    let (text, _) = rest.split_once("</desc>").expect("CHART-2: its end");
    let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    Json::parse(text.replace("&amp;", "&").as_bytes()).expect("CHART-2: JSON")
}

/// What a picture shows that cannot be: speed-ups above the processors, or above one under a GIL.
fn impossible(figures: &Json) -> Vec<String> {
    let number = |json: &Json, name: &str| json.get(name)?.as_number().map(Number::to_f64);
    let processors = number(figures, "processors").expect("the processors");
    let mut found = Vec::new();
    for row in figures.get("rows").expect("rows").items() {
        for run in row.get("runs").expect("runs").items() {
            let pool = run.get("pool").and_then(Json::as_text).expect("a pool");
            let most = if pool == "gil" { 1.2 } else { 1.2 * processors };
            let speed = number(run, "speed_up").unwrap_or(0.0);
            let n = row.get("n").and_then(Json::as_text).expect("n");
            if speed > most {
                found.push(format!("{pool}, {n}!: {speed:.2} times, on {processors} processors"));
            }
        }
    }
    found
}

#[test]
fn the_picture_of_the_course_shows_nothing_that_cannot_be() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("notes/pictures/factorial.svg");
    let figures = figures(&fs::read_to_string(path).expect("the picture"));
    assert!(!figures.get("rows").expect("rows").items().is_empty(), "expected rows in {figures}");
    assert_eq!(impossible(&figures), [""; 0], "draw it anew on an idle machine");
    // The same test finds what the first edition's picture showed.
    let old = br#"{"processors":2,"rows":[{"n":"1","runs":[{"pool":"threads","speed_up":3.48},{"pool":"gil","speed_up":1.55},{"pool":"processes","speed_up":1.9}]}]}"#;
    assert_eq!(impossible(&Json::parse(old).expect("JSON")).len(), 2);
}
