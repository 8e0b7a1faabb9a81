//! Tables, pictures and pages, as text.

use std::thread;
use std::time::{Duration, Instant};

use handloom::os::ThreadUsage;
use handloom::report::{
    BarAxis, OtherWork, OtherWorkProbe, Page, Picture, columns, text_width, wrapped,
};

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
    assert_eq!(wrapped("work had 70 % of it", 12), "work had\n70 % of it", "a number has its unit");
    assert_eq!(wrapped("one two\u{A0}three", 9), "one\ntwo three", "held together");
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
fn a_bar_axis_ends_at_a_round_number_and_bars_have_the_lengths_of_their_values() {
    for (most, last_mark) in [(74_632.0, "80,000"), (9.4, "10"), (1.0, "1"), (0.0, "0.001")] {
        let mut picture = Picture::new("t", "", "", [100.0, 100.0]);
        let axis = BarAxis::new(0.0, 240.0, most, 4.0);
        axis.draw(&mut picture, [0.0, 50.0], "requests per second");
        axis.bar(&mut picture, 0.0, most, "red", "the most");
        axis.bar(&mut picture, 0.0, most / 2.0, "red", "half of it");
        let svg = picture.finish();
        let widths = attribute(&svg, "rect", "width");
        assert!((widths[1] - 2.0 * widths[2]).abs() < 0.2, "came {widths:?}");
        assert!(widths[1] <= 240.0 && (most == 0.0 || widths[1] > 120.0), "came {widths:?}");
        assert!(svg.contains(&format!(">{last_mark}</text>")), "{most}: came {svg}");
        assert!(svg.contains(">requests per second</text>"), "the axis has a name: {svg}");
    }
}

#[test]
fn a_page_shows_columns_as_a_table_and_other_lines_as_they_are() {
    let rows = [vec!["a <b>".to_owned(), "1".to_owned(), "2".to_owned()]];
    let mut page = Page::new("t");
    let table = columns(&["name", "n", "m"], &rows);
    page.text(&format!("Before\n{table}After\n\n{table}\n{}", table.replace("name", "way")));
    page.links(&[("fetch-async.log".to_owned(), "its log".to_owned())]);
    let html = page.finish().replace('\n', "");
    for part in [
        "<pre>Before</pre>",
        "<tr><th>name</th><th>n</th><th>m</th>",
        "<td data-name=\"name\">a &lt;b&gt;</td><td data-name=\"n\">1</td><td data-name=\"m\">2</td>",
        "<pre>After</pre><table>",
        "</table><pre></pre><table><tr><th>way</th>",
        "<ul><li><a href=\"fetch-async.log\">its log</a></li></ul>",
        "color-scheme:light dark",
        "@media print",
    ] {
        assert!(html.contains(part), "expected {part} in {html}");
    }
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
    let mut picture = Picture::new("<t>", "\"", "<t>", [10.0, 10.0]);
    picture.text([0.0, 0.0], "start", "<&>");
    let svg = picture.finish();
    assert!(svg.contains("&lt;&amp;&gt;") && !svg.contains("<t>"), "SVG-2: came {svg}");
}
