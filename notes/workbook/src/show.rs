//! Hints, and the reference of a step that the student has written.

use handloom_workbook::faults::Fault;
use handloom_workbook::stages;
use handloom_workbook::steps::STEPS;

use crate::check::{Found, first_open};
use crate::{keep, print};

/// Prints the hint of a degree: for the fault that `break` put in, or else for the step that is being written.
pub(crate) fn hint(degree: usize) -> Result<(), String> {
    let (what, hints) = match keep::fault() {
        Some(fault) => ("The fault".to_owned(), of_fault(&fault)),
        None => of_step()?,
    };
    let Some(text) = hints.get(degree.wrapping_sub(1)) else {
        return Err(format!("{degree}: expected a hint from 1 to 3"));
    };
    print::text(&format!("{what}, hint {degree} of 3:\n\n{text}"));
    if degree < 3 {
        print::text(&format!("\nMore: `-- hint {}`.", degree + 1));
    }
    Ok(())
}

/// The hints for the step after the last one that held, or else for the first one that does not hold.
fn of_step() -> Result<(String, [String; 3]), String> {
    let held = keep::held();
    let number = if (1..11).contains(&held) {
        held + 1
    } else {
        let open = first_open(11, false)?;
        open.ok_or("All steps hold; there is nothing to hint at.")?.0
    };
    Ok((format!("Step {number}"), STEPS[usize::from(number)].hints.map(str::to_owned)))
}

/// The hints for a fault: the promise, the story, the line.
fn of_fault(fault: &Fault) -> [String; 3] {
    let line = fault.wrong.lines().chain(fault.right.lines()).next().unwrap_or_default().trim();
    [
        format!(
            "It breaks the promise {}, which step {} keeps. Read what `-- check` says of the first claim, and the page notes/workbook/steps/{}.",
            fault.promise,
            fault.step,
            STEPS[usize::from(fault.step)].page
        ),
        fault.story.clone(),
        format!("Look at this line, and at what should stand there: {line}"),
    ]
}

/// Prints what the reference changes in a step, or the whole stage; only if the student's step holds.
pub(crate) fn show(step: Option<u8>, whole: bool) -> Result<(), String> {
    let mut open = keep::held() + 1;
    if step.is_none_or(|step| step >= open) {
        open = first_open(11, false)?.map_or(12, |(number, _): (u8, Found)| number);
    }
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
        "What step {step} changes in the reference, without docs; `-- show {step} whole`\nprints it all.\n"
    ));
    let before = stages::stage(step - 1);
    let [before, after] = [&before, &text].map(|stage| without_docs(stage));
    for (sign, line) in stages::difference(&before, &after, 2) {
        match sign {
            '@' => print::text("  ..."),
            _ => print::with_sign(&format!("{sign} "), &line),
        }
    }
    Ok(())
}

/// A stage without its docs: those of the stub, which say what is to be written, would look like removed lines.
fn without_docs(stage: &str) -> String {
    let is_doc =
        |line: &&str| ["//!", "///"].iter().any(|docs| line.trim_start().starts_with(docs));
    let lines = stage.lines().filter(|line| !is_doc(line));
    lines.collect::<Vec<_>>().join("\n")
}
