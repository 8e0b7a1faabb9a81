//! Hints, and the reference of a step that the student has written.

use handloom_workbook::stages;
use handloom_workbook::steps::STEPS;

use crate::check::{Found, first_open};
use crate::print;

/// Prints the hint of a degree for the first step that does not hold.
pub(crate) fn hint(degree: usize) -> Result<(), String> {
    let open = first_open(11, false)?;
    let Some((number, _)) = open else {
        return Err("All steps hold; there is nothing to hint at.".into());
    };
    let step = &STEPS[usize::from(number)];
    let Some(text) = step.hints.get(degree.wrapping_sub(1)) else {
        return Err(format!("{degree}: expected a hint from 1 to 3"));
    };
    print::text(&format!("Step {number}, hint {degree} of 3:\n\n{text}"));
    if degree < 3 {
        print::text(&format!("\nMore: `-- hint {}`.", degree + 1));
    }
    Ok(())
}

/// Prints what the reference changes in a step, or the whole stage; only if the student's step holds.
pub(crate) fn show(step: Option<u8>, whole: bool) -> Result<(), String> {
    let open = first_open(11, false)?.map_or(12, |(number, _): (u8, Found)| number);
    let step = step.unwrap_or_else(|| open.saturating_sub(1).min(stages::LAST));
    if step == 0 || step > stages::LAST {
        return Err(format!("Step {step} has no reference: in it nothing is written."));
    }
    if step >= open {
        return Err(format!(
            "Step {step} does not hold yet. `-- hint` helps; the reference comes after it."
        ));
    }
    let text = stages::stage(step);
    if whole {
        print::text(&text);
        return Ok(());
    }
    print::text(&format!(
        "What step {step} changes in the reference; `-- show {step} whole` prints it all.\n"
    ));
    for (sign, line) in stages::difference(&stages::stage(step - 1), &text, 2) {
        print::text(&if sign == '@' {
            "  ...".to_owned()
        } else {
            format!("{sign} {line}").trim_end().to_owned()
        });
    }
    Ok(())
}
