//! Faults by name: a small change of a loop, and the claims that must catch it.
//!
//! A fault is a file in `faults/`. It says what the right lines are, what stands there instead, and which claims fail
//! then. `-- break` makes the change in a text. `build.rs` puts all of them into one loop, each behind a switch, so that
//! the test of all faults compiles once.

/// The file of faults that a student's loop can have.
pub const FIRST_LOOP: &str = "src/first_loop.rs";

/// A claim of Handloom's own loop beside those of the suite, which has no words for tasks that wait in line.
pub const OF_A_LINE: &str = "a_permit_granted_to_a_waiter_that_is_dropped_goes_to_the_next";

/// The texts of the faults, by name.
const TEXTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/faults.rs"));

/// The texts of the faults of Handloom's own loop, by name.
const TEXTS_IN_RT: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/faults_in_rt.rs"));

/// A fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its name.
    pub name: String,
    /// The step whose page tells of it; of the claims up to this step, those in `caught_by` fail.
    pub step: u8,
    /// The file that it is in.
    pub file: String,
    /// What happens, in a sentence or two.
    pub story: String,
    /// The right lines.
    pub right: String,
    /// What stands there instead.
    pub wrong: String,
    /// The promise that the message of the first claim names.
    pub promise: String,
    /// The claims that fail.
    pub caught_by: Vec<String>,
}

impl Fault {
    /// Takes the text of a fault's file apart.
    ///
    /// # Panics
    /// When a part is missing.
    pub fn parse(name: &str, text: &str) -> Self {
        let field = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_else(|| panic!("faults/{name}: expected a line `{key}…`"))
                .trim()
                .to_owned()
        };
        let part = |title: &str| -> String {
            let lines = text.lines().skip_while(|line| *line != title).skip(1);
            lines
                .take_while(|line| !line.starts_with("== "))
                .fold(String::new(), |all, line| all + line + "\n")
        };
        let names = |title| part(title).split_whitespace().map(str::to_owned).collect();
        let story = text.lines().skip_while(|line| !line.is_empty()).skip(1);
        let story: Vec<_> = story.take_while(|line| !line.starts_with("== ")).collect();
        Self {
            name: name.to_owned(),
            step: field("step:")
                .parse()
                .unwrap_or_else(|_| panic!("faults/{name}: a step's number")),
            file: field("file:"),
            story: story.join(" ").trim().to_owned(),
            right: part("== right").trim_end().to_owned(),
            wrong: part("== wrong").trim_end().to_owned(),
            promise: field("promise:"),
            caught_by: names("== caught by"),
        }
    }

    /// Makes the change in a text; `None` if the right lines are not there exactly once. Indents do not count.
    pub fn apply(&self, text: &str) -> Option<String> {
        let lines: Vec<_> = text.lines().collect();
        let right: Vec<_> = self.right.lines().map(str::trim).collect();
        let is_here = |at: &usize| {
            let here = lines[*at..].iter().map(|line| line.trim());
            here.take(right.len()).eq(right.iter().copied())
        };
        let places: Vec<_> = (0..lines.len()).filter(is_here).collect();
        let [at] = places[..] else { return None };
        let indent: String = lines[at].chars().take_while(|c| *c == ' ').collect();
        let own: usize = self.wrong.chars().take_while(|c| *c == ' ').count();
        let mut changed = String::new();
        for line in &lines[..at] {
            changed += line;
            changed.push('\n');
        }
        for line in self.wrong.lines() {
            let line = line.get(own..).unwrap_or_else(|| line.trim_start());
            changed += format!("{indent}{line}").trim_end();
            changed.push('\n');
        }
        for line in &lines[at + right.len()..] {
            changed += line;
            changed.push('\n');
        }
        Some(changed)
    }
}

/// Returns all faults, by step and name.
pub fn all() -> Vec<Fault> {
    let mut all: Vec<_> = TEXTS.iter().map(|(name, text)| Fault::parse(name, text)).collect();
    all.sort_by(|one, other| (one.step, &one.name).cmp(&(other.step, &other.name)));
    all
}

/// Returns the faults of Handloom's own loop, by name. Each is a change of an expression or a statement of its file, and
/// its claims are those of all steps, the ones beyond them, and [`OF_A_LINE`].
pub fn in_rt() -> Vec<Fault> {
    TEXTS_IN_RT.iter().map(|(name, text)| Fault::parse(name, text)).collect()
}
