//! `handloom timeline`: the files that it leaves, and how it ends.

use std::fs;

use handloom::json::Json;

use crate::folder::Folder;
use crate::program::{command, start};

#[test]
fn a_table_and_three_views_come_of_one_run() {
    let folder = Folder::new();
    let out = folder.file("out");
    let out_text = out.to_str().unwrap_or_default();
    let small = ["--requests", "2", "--wait-ms", "30", "--factorials", "2", "--compute-ms", "20"];
    let args: Vec<_> = ["timeline", "--out", out_text].into_iter().chain(small).collect();
    let ended = start(command(&args)).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for way in ["sequential", "threads", "GIL", "processes", "event loop", "run_blocking"] {
        assert!(ended.out.contains(way), "expected a row for {way}: {}", ended.out);
    }
    let read = |name: &str| fs::read_to_string(out.join(name)).expect("the view");
    assert!(read("timeline.svg").starts_with("<svg xmlns"), "the picture stands alone");
    assert!(read("timeline.html").ends_with("</html>\n"), "the page is whole");
    let json = Json::parse(read("timeline.json").as_bytes()).expect("valid JSON");
    assert!(json.get("traceEvents").is_some_and(|events| events.items().len() > 50));
}
