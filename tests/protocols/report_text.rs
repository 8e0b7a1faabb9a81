//! Tables, pictures and pages, as text.

use std::thread;
use std::time::{Duration, Instant};

use handloom::os::ThreadUsage;
use handloom::report::{Bar, Bars, OtherWork, OtherWorkProbe, Page, columns, text_width, wrapped};

/// The numbers that stand in an attribute of the picture's elements of one kind.
fn attribute(svg: &str, element: &str, name: &str) -> Vec<f64> {
    let elements = svg.lines().filter(|line| line.starts_with(&format!("<{element} ")));
    let value =
        |line: &str| line.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?.parse().ok();
    elements.filter_map(value).collect()
}

#[test]
fn columns_line_up_and_no_line_ends_with_a_blank() {
    let rows = [vec!["a".to_owned(), "1 µs".to_owned()], vec!["longer".to_owned()], vec![]];
    let text = columns(&["name", "time"], &rows);
    assert_eq!(text, "name    time\na       1 µs\nlonger\n\n", "COLUMNS-1");
}

#[test]
fn wide_and_combining_characters_shift_no_column() {
    let row = |name: &str| vec![name.to_owned(), "1".to_owned()];
    let text = columns(&["name", "n"], &["東京", "Zu\u{308}rich", "Köln", "🙂"].map(row));
    let places: Vec<_> = text.lines().map(text_width).collect();
    assert_eq!(places, [9; 5], "COLUMNS-1: every line ends in one column, came\n{text}");
}

#[test]
fn text_is_wrapped_between_words_and_under_its_bullet() {
    let text = wrapped("Heading\n  - one two three\n  - averyverylongword", 11);
    assert_eq!(text, "Heading\n  - one two\n    three\n  - averyverylongword");
}

#[test]
fn work_of_this_process_is_no_other_work() {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let (probe, begin) = (OtherWorkProbe::start(), Instant::now());
    let own: Duration = thread::scope(|scope| {
        let compute = || {
            while begin.elapsed() < Duration::from_millis(500) {}
            ThreadUsage::now().unwrap().cpu
        };
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(compute)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let all = begin.elapsed().as_secs_f64() * f64::from(u32::try_from(processors).unwrap());
    let OtherWork::Share(other) = probe.finish() else { panic!("/proc cannot be read") };
    let own = own.as_secs_f64() / all;
    assert!(
        own + other < 1.15,
        "expected the share of this process not to count as other work: {own:.2} and {other:.2}"
    );
}

#[test]
fn a_claim_is_judged_by_what_the_machine_allowed() {
    let [idle, busy] = [0.01, 0.6].map(OtherWork::Share);
    assert_eq!(busy.verdict(true), "as claimed");
    assert_eq!(idle.verdict(false), "not as claimed on this machine");
    assert_eq!(busy.verdict(false), "not measurable now: other work had 60 % of the processors");
    assert!(idle.is_small() && !busy.is_small() && !OtherWork::Unknown.is_small());
}

#[test]
fn the_longest_bar_fills_its_room_and_one_without_a_figure_has_none() {
    let bar = |name: &str, length| Bar {
        name: name.to_owned(),
        length,
        words: "words".to_owned(),
        is_marked: false,
    };
    let bars = Bars {
        title: "t",
        conditions: "",
        rows: vec![bar("a", Some(2.0)), bar("b", Some(1.0)), bar("c", None)],
    };
    let svg = bars.svg();
    let widths = attribute(&svg, "rect", "width");
    assert_eq!(widths.len(), 3, "BARS-1: expected the background and two bars, came {svg}");
    assert!(
        (widths[1] - 2.0 * widths[2]).abs() < 0.2,
        "expected one bar twice as long as the other, came {widths:?}"
    );
    assert_eq!(svg.matches(">words<").count(), 3, "BARS-1: a bar without a figure says why");
}

#[test]
fn a_text_cannot_leave_its_element() {
    let mut page = Page::new("<script>&\"");
    page.paragraph("</p><b>");
    page.list(&["<i>"]);
    let html = page.finish();
    for raw in ["<script>", "</p><b>", "<i>"] {
        assert!(!html.contains(raw), "PAGE-2: expected \"{raw}\" to be escaped, came {html}");
    }
    let rows =
        vec![Bar { name: "<&>".to_owned(), length: None, words: String::new(), is_marked: false }];
    let svg = Bars { title: "<t>", conditions: "\"", rows }.svg();
    assert!(svg.contains("&lt;&amp;&gt;") && !svg.contains("<t>"), "SVG-2: came {svg}");
}
