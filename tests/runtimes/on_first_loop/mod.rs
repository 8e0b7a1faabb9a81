//! The suite on the event loop in one file. Its words are those of the workbook, which has loops of the same shape.

use std::path::Path;

use handloom::first_loop as the_loop;

#[path = "../../../notes/workbook/src/words.rs"]
mod words;

use words::{UNMET, Words};

handloom_conformance::conformance!(Words, except: UNMET);

#[test]
fn the_file_that_meets_an_unmet_claim_exists() {
    for (claim, file) in UNMET {
        assert!(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(),
            "{claim}: there is no {file}"
        );
    }
}
