//! What a subcommand declares about its command line, and how the words of a user are read against it.
//!
//! A declaration is data. The parser, the usage text (`help`) and the error messages are all made from it, so an
//! option that is not declared is neither read nor shown. Words are bytes, because file names are.
//!
//! **Invariants**
//! - `ARGS-1`: an option is `--name value` or `--name=value`; with a short name also `-n value` or `-nvalue`.
//! - `ARGS-2`: an option is given once, unless its declaration ends in `...`.
//! - `ARGS-3`: a default is text that is read like a given value.
//! - `ARGS-4`: after `--` every word is an operand. `--help` before it wins over any error.
//! - `ARGS-5`: a value that begins with `-` is written `--name=-value`, except a number.
//!
//! **Source**: the POSIX utility syntax guidelines; `getopt_long(3)`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::failure::Failure;
use super::output::Output;
use super::suggest::nearest;

/// A subcommand as its file declares it.
#[derive(Debug)]
pub(crate) struct Subcommand {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// The operands: how the usage text shows each (`FILE`, `[NAME]`, `URL...`), and what it is. Only the last may be
    /// optional or repeated.
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
    /// The text that is read when it is not given (`ARGS-3`).
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

    /// Whether it may be given several times (`ARGS-2`).
    fn is_repeated(&self) -> bool {
        self.spelling.ends_with("...")
    }
}

/// A command line that fits its declaration, or asks for help.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// A subcommand to run.
    Run(Args),
    /// `--help` (`ARGS-4`).
    Help,
}

/// What was given on a command line.
#[derive(Debug)]
pub(crate) struct Args {
    /// What could be given.
    declared: &'static Subcommand,
    /// Each option that was given, by its name, with its value; a flag's is empty.
    given: Vec<(&'static str, OsString)>,
    /// The operands.
    operands: Vec<OsString>,
}

impl Subcommand {
    /// Sorts the words after the subcommand's name.
    ///
    /// # Errors
    /// [`Failure::Usage`], naming the word that does not fit.
    pub(crate) fn parse(&'static self, words: &[OsString]) -> Result<Parsed, Failure> {
        let mut before_dashes = words.iter().take_while(|word| *word != "--");
        if before_dashes.any(|word| word == "--help" || word == "-h") {
            return Ok(Parsed::Help);
        }
        let mut args = Args { declared: self, given: Vec::new(), operands: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                args.operands.extend(words.by_ref().cloned());
            } else if looks_like_option(word) {
                let (option, attached) = self.find(word)?;
                let next = || words.next().filter(|word| !looks_like_option(word)).cloned();
                args.add(option, attached, next)?;
            } else {
                args.operands.push(word.clone());
            }
        }
        args.check_operands()?;
        Ok(Parsed::Run(args))
    }

    /// Finds the option that a word begins, and the value that is attached to it (`ARGS-1`).
    fn find(&self, word: &OsStr) -> Result<(&'static Opt, Option<OsString>), Failure> {
        let bytes = word.as_bytes();
        let (name, attached) = match bytes.iter().position(|byte| *byte == b'=') {
            Some(at) if bytes.starts_with(b"--") => (&bytes[..at], Some(&bytes[at + 1..])),
            _ if bytes.starts_with(b"--") => (bytes, None),
            _ => (&bytes[..2], Some(&bytes[2..]).filter(|rest| !rest.is_empty())),
        };
        let is_it = |option: &&Opt| match name.strip_prefix(b"--") {
            Some(long) => option.name().as_bytes() == long,
            None => option.short().is_some_and(|short| short as u32 == u32::from(name[1])),
        };
        let name_text = String::from_utf8_lossy(name);
        let found = self.options.iter().find(is_it);
        let found = found.ok_or_else(|| match attached {
            Some(value) if name == b"--help" => takes_no_value("help", OsStr::from_bytes(value)),
            _ => self.unknown(&name_text),
        })?;
        Ok((found, attached.map(|value| OsString::from_vec(value.to_vec()))))
    }

    /// The failure for an option that does not exist.
    fn unknown(&self, word: &str) -> Failure {
        let names = self.options.iter().map(Opt::name).chain(["help"]);
        let near = nearest(word.trim_start_matches('-'), names);
        let hint = near.map(|name| format!("; did you mean --{name}?")).unwrap_or_default();
        Failure::Usage(format!("unknown option {word}{hint}"))
    }
}

/// The failure for a flag with a value.
fn takes_no_value(name: &str, value: &OsStr) -> Failure {
    Failure::Usage(format!("--{name}: takes no value, got \"{}\"", value.display()))
}

/// Tells an option from an operand or a value (`ARGS-5`). A dash alone is an operand.
fn looks_like_option(word: &OsStr) -> bool {
    matches!(word.as_bytes(), [b'-', second, ..] if !second.is_ascii_digit())
}

impl Args {
    /// Notes an option, with the value attached to it or else the next word.
    fn add(
        &mut self,
        option: &Opt,
        attached: Option<OsString>,
        next: impl FnOnce() -> Option<OsString>,
    ) -> Result<(), Failure> {
        let name = option.name();
        let value = match (option.value(), attached) {
            (None, None) => OsString::new(),
            (None, Some(value)) => return Err(takes_no_value(name, &value)),
            (Some(what), attached) => attached
                .or_else(next)
                .ok_or_else(|| Failure::Usage(format!("--{name}: its value {what} is missing")))?,
        };
        if self.is_given(name) && !option.is_repeated() {
            return Err(Failure::Usage(format!("--{name}: given twice")));
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

    /// Reads the value of an option that has a default.
    ///
    /// # Errors
    /// [`Failure::Usage`]: the option's name, what `read` expected, and what was given.
    ///
    /// # Panics
    /// The subcommand does not declare this option, or declares it without a default.
    pub(crate) fn value<T>(
        &self,
        name: &str,
        read: impl Fn(&OsStr) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let value = self.optional(name, read)?;
        Ok(value.expect("holds because the option is declared with a default"))
    }

    /// Reads the value of an option that may be missing.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub(crate) fn optional<T>(
        &self,
        name: &str,
        read: impl Fn(&OsStr) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        Ok(self.all(name, read)?.pop())
    }

    /// Reads every value of an option that may be repeated, in their order.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub(crate) fn all<T>(
        &self,
        name: &str,
        read: impl Fn(&OsStr) -> Result<T, String>,
    ) -> Result<Vec<T>, Failure> {
        let whose = format!("--{name}");
        self.texts(name).into_iter().map(|text| read_as(&whose, text, &read)).collect()
    }

    /// Reads the operands from a place on, counted from 0.
    ///
    /// # Errors
    /// [`Failure::Usage`]: the operand's name, what `read` expected, and what was given.
    pub(crate) fn operands<T>(
        &self,
        place: usize,
        read: impl Fn(&OsStr) -> Result<T, String>,
    ) -> Result<Vec<T>, Failure> {
        let whose = self.operand_name(place);
        self.operands.iter().skip(place).map(|text| read_as(whose, text, &read)).collect()
    }

    /// Reads the operand in a place; none when it is optional and missing.
    ///
    /// # Errors
    /// As [`operands`](Self::operands).
    pub(crate) fn operand<T>(
        &self,
        place: usize,
        read: impl Fn(&OsStr) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let text = self.operands.get(place);
        text.map(|text| read_as(self.operand_name(place), text, read)).transpose()
    }

    /// What messages call an operand.
    fn operand_name(&self, place: usize) -> &'static str {
        self.declared.operands[place].0.trim_matches(['[', ']', '.'])
    }
}

/// Reads a text, and says whose it was if that fails.
fn read_as<T>(
    whose: &str,
    text: &OsStr,
    read: impl Fn(&OsStr) -> Result<T, String>,
) -> Result<T, Failure> {
    let text_shown = text.display();
    read(text)
        .map_err(|expected| Failure::Usage(format!("{whose}: {expected}, got \"{text_shown}\"")))
}
