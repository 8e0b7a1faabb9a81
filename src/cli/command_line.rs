//! What a subcommand declares about its command line, and how the words of a user are read against it.
//!
//! A declaration is data. The parser, the usage text (`help`) and the error messages are all made from it, so an
//! option that is not declared is neither read nor shown. Words are bytes, because file names are.
//!
//! - An option is `--name value` or `--name=value`; with a short name also `-n value`, `-nvalue` or `-n=value`.
//! - An option is given once, unless its declaration ends in `...`.
//! - A default is text that is read like a given value.
//! - `ARGS-4`: after `--` every word is an operand. `--help` before it wins over any error.
//! - A value that begins with `-` is written `--name=-value`, except a number.
//!
//! **Source**: the POSIX utility syntax guidelines; `getopt_long(3)`.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt;

use super::failure::Failure;
use super::output::Output;
use super::suggest::nearest;
use crate::factorial::benchmark::Watch;
use crate::http::without_password;

/// A subcommand as its file declares it.
#[derive(Debug)]
pub(crate) struct Subcommand {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// The operand, if it takes one: how the usage text shows it (`FILE`, `[NAME]`, `URL...`), and what it is.
    pub(crate) operands: &'static [(&'static str, &'static str)],
    /// The options, in the order of the usage text.
    pub(crate) options: &'static [Opt],
    /// Command lines, each with what it does.
    pub(crate) examples: &'static [(&'static str, &'static str)],
    /// Runs it.
    pub(crate) run: fn(&Args, &mut Output) -> Result<(), Failure>,
}

/// An option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opt {
    /// How the usage text shows it, such as `-c, --connections N`. Without a value it is a flag; `...` at the end
    /// lets it be repeated.
    pub(crate) spelling: &'static str,
    /// The text that is read when it is not given.
    pub(crate) default: Option<&'static str>,
    /// What it is for, in one line.
    pub(crate) help: &'static str,
}

impl Opt {
    /// Declares an option without a default.
    pub(crate) const fn new(spelling: &'static str, help: &'static str) -> Self {
        Self { spelling, default: None, help }
    }

    /// Gives it a default.
    pub(crate) const fn default(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    /// Its long name, without the dashes.
    fn name(&self) -> &'static str {
        let (_, after) = self.spelling.split_once("--").unwrap_or_default();
        after.split(' ').next().unwrap_or_default()
    }

    /// Its short name, if it has one.
    fn short(&self) -> Option<char> {
        let (short, _) = self.spelling.strip_prefix('-')?.split_once(',')?;
        short.chars().next()
    }

    /// What the usage text calls its value; none for a flag.
    fn value(&self) -> Option<&'static str> {
        self.spelling.split_once("--")?.1.split(' ').nth(1)
    }
}

/// The option that every subcommand has.
pub(crate) static HELP: Opt = Opt::new("-h, --help", "prints this");

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
}

impl Subcommand {
    /// Sorts the words after the subcommand's name; returns none when they ask for help. A failure names the word
    /// that does not fit.
    pub(crate) fn parse(&'static self, words: &[OsString]) -> Result<Option<Args>, Failure> {
        let mut before_dashes = words.iter().take_while(|word| *word != "--");
        if before_dashes.any(|word| word == "--help" || word == "-h") {
            return Ok(None);
        }
        let mut args =
            Args { declared: self, given: Vec::new(), operands: Vec::new(), watch: None };
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
                args.add(option, value).map_err(|text| about(option.name(), &text))?;
            } else {
                args.operands.push(word.clone());
            }
        }
        args.check_operands()?;
        Ok(Some(args))
    }

    /// Finds the option that a word begins, and the value that is attached to it: `--name=value` or `-nvalue`.
    fn find<'a>(&self, word: &'a OsStr) -> Result<(&'static Opt, Option<&'a OsStr>), Failure> {
        let bytes = word.as_bytes();
        let is_long = bytes.starts_with(b"--");
        let end = if is_long { bytes.iter().position(|byte| *byte == b'=') } else { Some(2) };
        let (name, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        let attached = match rest.strip_prefix(b"=") {
            None if is_long || rest.is_empty() => None,
            after => Some(after.unwrap_or(rest)),
        };
        let name = String::from_utf8_lossy(name);
        let is_it = |option: &&Opt| match name.strip_prefix("--") {
            Some(long) => option.name() == long,
            None => option.short().is_some_and(|short| name.ends_with(short)),
        };
        if let Some(option) = self.options.iter().chain([&HELP]).find(is_it) {
            return Ok((option, attached.map(OsStr::from_bytes)));
        }
        let names = self.options.iter().chain([&HELP]).map(Opt::name);
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
    /// Notes an option and its value.
    fn add(&mut self, option: &Opt, value: Result<OsString, String>) -> Result<(), String> {
        let (name, value) = (option.name(), value?);
        if self.is_given(name) && !option.spelling.ends_with("...") {
            return Err("given twice".to_owned());
        }
        self.given.push((name, value));
        Ok(())
    }

    /// Compares the number of operands with the declaration.
    fn check_operands(&self) -> Result<(), Failure> {
        let declared = self.declared.operands;
        let takes_all = declared.last().is_some_and(|(name, _)| name.contains("..."));
        if let Some(extra) = self.operands.get(declared.len()).filter(|_| !takes_all) {
            return Err(Failure::Usage(format!("unexpected argument \"{}\"", extra.display())));
        }
        match declared.get(self.operands.len()) {
            Some((name, _)) if !name.starts_with('[') => {
                Err(Failure::Usage(format!("{} is missing", name.trim_end_matches('.'))))
            }
            _ => Ok(()),
        }
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
        let declared = self.declared.options.iter().find(|option| option.name() == name);
        let option = declared.expect("holds because a subcommand reads what it declares");
        let given = self.given.iter().filter(|(given, _)| *given == name);
        let texts: Vec<_> = given.map(|(_, text)| text.as_os_str()).collect();
        if texts.is_empty() { option.default.map(OsStr::new).into_iter().collect() } else { texts }
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
        let name = self.declared.operands[0].0.trim_matches(['[', ']', '.']);
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
