//! Tables, pictures and pages, as text.

use handloom::report::{Bar, Bars, Curve, Lines, Page, columns};

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
    // The first rectangle is the background.
    let widths = attribute(&svg, "rect", "width");
    assert_eq!(widths.len(), 3, "BARS-1: expected the background and two bars, came {svg}");
    assert!(
        (widths[1] - 2.0 * widths[2]).abs() < 0.2,
        "expected one bar twice as long as the other, came {widths:?}"
    );
    assert_eq!(svg.matches(">words<").count(), 3, "BARS-1: a bar without a figure says why");
}

#[test]
fn equal_ratios_have_equal_lengths_in_a_picture_of_curves() {
    let points = vec![[1.0, 0.1], [10.0, 1.0], [100.0, 10.0], [0.0, 5.0], [f64::NAN, 1.0]];
    let curves = vec![Curve { name: "c".to_owned(), points }];
    let svg = Lines { title: "t", conditions: "", across: "n", curves }.svg();
    let [x, y] = ["cx", "cy"].map(|name| attribute(&svg, "circle", name));
    assert_eq!(
        x.len(),
        3,
        "LINES-2: expected a dot for each point that has a logarithm, came {x:?}"
    );
    for places in [x, y] {
        let [first, second] = [places[1] - places[0], places[2] - places[1]];
        assert!(
            (first - second).abs() < 0.2,
            "LINES-1: expected equal steps, came {first} and {second}"
        );
    }
}

#[test]
fn curves_without_a_point_are_drawn_as_an_empty_plot() {
    let svg = Lines { title: "t", conditions: "", across: "n", curves: Vec::new() }.svg();
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "expected finite places, came {svg}");
}

#[test]
fn a_text_cannot_leave_its_element() {
    let mut page = Page::new("<script>&\"");
    page.paragraph("</p><b>");
    page.list(&["<i>"]);
    page.definitions(&[("<u>", "</dd>")]);
    let html = page.finish();
    for raw in ["<script>", "</p><b>", "<i>", "<u>", "</dd></dd>"] {
        assert!(!html.contains(raw), "PAGE-2: expected \"{raw}\" to be escaped, came {html}");
    }
    let rows =
        vec![Bar { name: "<&>".to_owned(), length: None, words: String::new(), is_marked: false }];
    let svg = Bars { title: "<t>", conditions: "\"", rows }.svg();
    assert!(svg.contains("&lt;&amp;&gt;") && !svg.contains("<t>"), "SVG-2: came {svg}");
}
