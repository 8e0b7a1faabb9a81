//! What a subcommand declares about its command line, how the words of a user are read against it, and the usage texts.
//!
//! A declaration is data. The parser, the usage text and the error messages are all made from it, so an
//! option that is not declared is neither read nor shown. Words are bytes, because file names are.
//!
//! - An option is `--name value` or `--name=value`; with a short name also `-n value`, `-nvalue` or `-n=value`.
//! - `ARGS-4`: after `--` every word is an operand. `--help` before it wins over any error.
//! - A value that begins with `-` is written `--name=-value`, except a number.
//!
//! **Source**: the POSIX utility syntax guidelines; `getopt_long(3)`.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use super::output::{Failure, Output};
use crate::factorial::benchmark::Watch;
use crate::http::without_password;
use crate::report::wrapped;

/// How wide the left column of a table may be; a longer cell stands on a line of its own.
const LEFT_COLUMNS: usize = 24;
/// How wide the texts are, also in a pipe and on a wider terminal.
const COLUMNS: usize = 80;

/// A subcommand as its file declares it.
#[derive(Debug)]
pub(crate) struct Subcommand {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// The operand, if it takes one: how the usage text shows it (`FILE`, `[NAME]`, `URL...`), and what it is. Then the
    /// options, in the order of the usage text, each as an [`Opt`] is declared.
    pub(crate) options: &'static [&'static str],
    /// Command lines, each with what it does behind a `#`.
    pub(crate) examples: &'static [&'static str],
    /// Runs it.
    pub(crate) run: fn(&Args, &mut Output) -> Result<(), Failure>,
}

/// An option, as it is declared: `-c, --connections N [64]: connections that ask at once`. Without a value it is a flag;
/// `...` behind the value lets it be repeated; the text in brackets is read when it is not given.
#[derive(Clone, Copy, Debug)]
struct Opt(&'static str);

impl Opt {
    /// How it is given.
    fn spelling(self) -> &'static str {
        self.0.split([':', '[']).next().unwrap_or_default().trim_end()
    }

    /// What it is for.
    fn help(self) -> &'static str {
        self.0.split_once(": ").unwrap_or_default().1
    }

    /// The text that is read when it is not given.
    fn default(self) -> Option<&'static str> {
        let (declared, _) = self.0.split_once(": ")?;
        declared.split_once('[')?.1.strip_suffix(']')
    }

    /// Its long name, without the dashes.
    fn name(self) -> &'static str {
        let (_, after) = self.spelling().split_once("--").unwrap_or_default();
        after.split(' ').next().unwrap_or_default()
    }

    /// Its short name, if it has one.
    fn short(self) -> Option<char> {
        let (short, _) = self.spelling().strip_prefix('-')?.split_once(',')?;
        short.chars().next()
    }

    /// What the usage text calls its value; none for a flag.
    fn value(self) -> Option<&'static str> {
        self.spelling().split_once("--")?.1.split(' ').nth(1)
    }
}

/// The option that every subcommand has.
const HELP: Opt = Opt("-h, --help: prints this");

/// What reads the text of a value: it returns the value, or what it expected.
pub(crate) trait Reader<T>: Fn(&OsStr) -> Result<T, String> {}

impl<T, F: Fn(&OsStr) -> Result<T, String>> Reader<T> for F {}

/// What was given on a command line.
pub(crate) struct Args {
    /// What could be given.
    declared: &'static Subcommand,
    /// Each option that was given, by its name, with its value; a flag's is empty.
    given: Vec<(&'static str, OsString)>,
    /// The operands.
    operands: Vec<OsString>,
    /// With `--trace`: what workers without an event loop tell.
    pub(super) watch: Option<Watch>,
    /// With `--trace`: what is written at the end, also after ctrl-c.
    pub(super) write_trace: Option<Arc<dyn Fn() -> Result<(), Failure> + Send + Sync>>,
}

impl Subcommand {
    /// The options, and the one that every subcommand has.
    fn all_options(&self) -> impl Iterator<Item = Opt> {
        let options = self.options.iter().filter(|declared| declared.starts_with('-'));
        options.copied().map(Opt).chain([HELP])
    }

    /// The operand and what it is, if there is one.
    fn operand(&self) -> Option<(&'static str, &'static str)> {
        self.options.first()?.split_once(": ").filter(|(name, _)| !name.starts_with('-'))
    }

    /// Sorts the words after the subcommand's name; returns none when they ask for help. A failure names the word
    /// that does not fit.
    pub(crate) fn parse(&'static self, words: &[OsString]) -> Result<Option<Args>, Failure> {
        let mut before_dashes = words.iter().take_while(|word| *word != "--");
        if before_dashes.any(|word| word == "--help" || word == "-h") {
            return Ok(None);
        }
        let (given, operands) = Default::default();
        let mut args = Args { declared: self, given, operands, watch: None, write_trace: None };
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            if word == "--" {
                args.operands.extend(words.by_ref().cloned());
            } else if looks_like_option(word) {
                let (option, attached) = self.find(word)?;
                let value = match (option.value(), attached) {
                    (None, None) => Ok(OsString::new()),
                    (None, Some(value)) => {
                        Err(format!("takes no value, got \"{}\"", value.display()))
                    }
                    (Some(_), Some(value)) => Ok(value.to_owned()),
                    (Some(what), None) => words
                        .next_if(|word| !looks_like_option(word))
                        .cloned()
                        .ok_or(format!("its value {what} is missing")),
                };
                let value = value.map_err(|text| about(option.name(), &text))?;
                if args.is_given(option.name()) && !option.spelling().ends_with("...") {
                    return Err(about(option.name(), "given twice"));
                }
                args.given.push((option.name(), value));
            } else {
                args.operands.push(word.clone());
            }
        }
        args.check_operands()?;
        Ok(Some(args))
    }

    /// Finds the option that a word begins, and the value that is attached to it: `--name=value` or `-nvalue`.
    fn find<'a>(&self, word: &'a OsStr) -> Result<(Opt, Option<&'a OsStr>), Failure> {
        let bytes = word.as_bytes();
        let is_long = bytes.starts_with(b"--");
        let end = if is_long { bytes.iter().position(|byte| *byte == b'=') } else { Some(2) };
        let (name, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        let attached = match rest.strip_prefix(b"=") {
            None if is_long || rest.is_empty() => None,
            after => Some(after.unwrap_or(rest)),
        };
        let name = String::from_utf8_lossy(name);
        let is_it = |option: &Opt| match name.strip_prefix("--") {
            Some(long) => option.name() == long,
            None => option.short().is_some_and(|short| name.ends_with(short)),
        };
        if let Some(option) = self.all_options().find(is_it) {
            return Ok((option, attached.map(OsStr::from_bytes)));
        }
        let names = self.all_options().map(Opt::name);
        let near = nearest(name.trim_start_matches('-'), names);
        let hint = near.map(|name| format!("; did you mean --{name}?")).unwrap_or_default();
        Err(Failure::Usage(format!("unknown option {name}{hint}")))
    }
}

/// The failure of an option.
fn about(option: &str, text: &str) -> Failure {
    Failure::Usage(format!("--{option}: {text}"))
}

/// Tells an option from an operand or a value. A dash alone is an operand.
fn looks_like_option(word: &OsStr) -> bool {
    matches!(word.as_bytes(), [b'-', second, ..] if !second.is_ascii_digit())
}

impl Args {
    /// Compares the number of operands with the declaration.
    fn check_operands(&self) -> Result<(), Failure> {
        let declared = self.declared.operand().map_or("[]", |(name, _)| name);
        let most = match declared {
            "[]" => 0,
            name if name.contains("...") => usize::MAX,
            _ => 1,
        };
        if let Some(extra) = self.operands.get(most) {
            return Err(Failure::Usage(format!("unexpected argument \"{}\"", extra.display())));
        }
        if self.operands.is_empty() && !declared.starts_with('[') {
            return Err(Failure::Usage(format!("{} is missing", declared.trim_end_matches('.'))));
        }
        Ok(())
    }

    /// Refuses an option that was given where it would change nothing: it applies to `what`, not to `this`.
    pub(crate) fn refuse(
        &self,
        name: &str,
        is_useless: bool,
        what: &str,
        this: impl Display,
    ) -> Result<(), Failure> {
        if !is_useless || !self.is_given(name) {
            return Ok(());
        }
        Err(about(name, &format!("only for {what}, not for {this}")))
    }

    /// Tells whether an option stands on the command line.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// The texts of an option as given, or its default.
    fn texts(&self, name: &str) -> Vec<&OsStr> {
        let declared = self.declared.all_options().find(|option| option.name() == name);
        let option = declared.expect("holds because a subcommand reads what it declares");
        let given = self.given.iter().filter(|(given, _)| *given == name);
        let mut texts: Vec<_> = given.map(|(_, text)| text.as_os_str()).collect();
        if texts.is_empty() {
            texts.extend(option.default().map(OsStr::new));
        }
        texts
    }

    /// Reads the value of an option that has a default. The failure, as with the methods below, names the option,
    /// what `read` expected, and what was given.
    pub(crate) fn value<T>(&self, name: &str, read: impl Reader<T>) -> Result<T, Failure> {
        let value = self.optional(name, read)?;
        Ok(value.expect("holds because the option is declared with a default"))
    }

    /// Reads the value of an option that may be missing.
    pub(crate) fn optional<T>(
        &self,
        name: &str,
        read: impl Reader<T>,
    ) -> Result<Option<T>, Failure> {
        Ok(self.all(name, read)?.pop())
    }

    /// Reads every value of an option that may be repeated, in their order.
    pub(crate) fn all<T>(&self, name: &str, read: impl Reader<T>) -> Result<Vec<T>, Failure> {
        let whose = format!("--{name}");
        self.texts(name).into_iter().map(|text| read_as(&whose, text, &read)).collect()
    }

    /// Reads all operands.
    pub(crate) fn operands<T>(&self, read: impl Reader<T>) -> Result<Vec<T>, Failure> {
        let (name, _) = self.declared.operand().unwrap_or_default();
        let name = name.trim_matches(['[', ']', '.']);
        self.operands.iter().map(|text| read_as(name, text, &read)).collect()
    }

    /// Reads the operand that the subcommand requires.
    pub(crate) fn operand<T>(&self, read: impl Reader<T>) -> Result<T, Failure> {
        let operand = self.operands(read)?.pop();
        Ok(operand.expect("holds because the operand is declared as required"))
    }
}

/// Reads the text of an option or an operand, which the failure names.
fn read_as<T>(name: &str, text: &OsStr, read: &impl Reader<T>) -> Result<T, Failure> {
    let given = text.to_string_lossy();
    let given = without_password(&given);
    read(text).map_err(|expected| Failure::Usage(format!("{name}: {expected}, got \"{given}\"")))
}

/// The usage text of one subcommand.
pub(crate) fn help_of_subcommand(subcommand: &Subcommand) -> String {
    let Subcommand { name, summary, examples, .. } = subcommand;
    let operand = subcommand.operand();
    let usage = operand.map_or("[OPTIONS]".to_owned(), |(name, _)| format!("[OPTIONS] {name}"));
    let operand = operand.map(|(name, help)| (name.trim_matches(['[', ']']), help.to_owned()));
    let options = subcommand.all_options().map(option_row);
    format!(
        "{}\n\nUsage: handloom {name} {usage}\n{}{}{}",
        wrapped(summary, COLUMNS),
        table("Arguments", operand.as_slice()),
        table("Options", &options.collect::<Vec<_>>()),
        examples_text(examples),
    )
}

/// The usage text of the program.
pub(crate) fn help_of_program(subcommands: &[&Subcommand]) -> String {
    let rows = subcommands.iter().map(|each| (each.name, each.summary.to_owned()));
    let options = [option_row(HELP), ("-V, --version", "prints the version".to_owned())];
    let examples: Vec<_> =
        subcommands.iter().filter_map(|each| each.examples.first().copied()).collect();
    format!(
        "A laboratory of concurrency: one calculator server in every model, and more\n\n\
         Usage: handloom SUBCOMMAND [OPTIONS]\n{}{}{}\n\
         `handloom help SUBCOMMAND` tells more. Exit codes: 0 done, 1 it ran and\n\
         something failed, 2 the command line was wrong, 130 interrupted.\n",
        table("Subcommands", &rows.collect::<Vec<_>>()),
        table("Options", &options),
        examples_text(&examples),
    )
}

/// The row of an option, with its default.
fn option_row(option: Opt) -> (&'static str, String) {
    let default = option.default().map(|default| format!(" [default:\u{A0}{default}]"));
    (option.spelling(), option.help().to_owned() + &default.unwrap_or_default())
}

/// Rows under a heading; nothing when there are none.
fn table(heading: &str, rows: &[(&str, String)]) -> String {
    let widths = rows.iter().map(|(left, _)| left.len()).filter(|width| *width <= LEFT_COLUMNS);
    let widest = widths.max().unwrap_or(LEFT_COLUMNS);
    let lines = rows.iter().map(|(left, right)| match left {
        left if left.len() <= widest => indented(&format!("  {left:widest$}  "), right),
        left => format!("  {left}\n{}", indented(&format!("  {:widest$}  ", ""), right)),
    });
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("\n{heading}:\n{lines}") }
}

/// A text behind `first`, in lines that are indented alike.
fn indented(first: &str, text: &str) -> String {
    let break_and_indent = format!("\n{:1$}", "", first.len());
    let text = wrapped(text, COLUMNS - first.len());
    format!("{first}{}\n", text.replace('\n', &break_and_indent))
}

/// Examples: a command, and below it what it does.
fn examples_text(examples: &[&str]) -> String {
    let of_one = |example: &&str| {
        let (command, what) = example.split_once("  # ").unwrap_or((example, ""));
        format!("  {command}\n{}", indented("      ", what))
    };
    format!("\nExamples:\n{}", examples.iter().map(of_one).collect::<String>())
}

/// Finds the name that was probably meant: one that `given` begins, or that differs from it by one slip of the finger.
pub(crate) fn nearest<'a>(
    given: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = |name: &&str| name.starts_with(given) || is_one_slip(given, name);
    names.into_iter().find(|name| given.len() > 1 && near(name))
}

/// Tells whether one letter was inserted, left out or replaced, or two neighbours were swapped.
fn is_one_slip(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let head = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[head..], &other[head..]);
    let tail = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    match (&one[..one.len() - tail], &other[..other.len() - tail]) {
        ([a, b], [c, d]) => a == d && b == c,
        (one, other) => one.len() < 2 && other.len() < 2,
    }
}
