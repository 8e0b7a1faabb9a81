//! How a subcommand declares its options, and how they are read.
//!
//! A declaration is data. The parser, the usage text and the error messages are all made from it, so none of
//! them can say what another does not do.
//!
//! **Invariants**
//! - `ARGS-1`: an option is `--name value` or `--name=value`; with a short name also `-n value` or `-nvalue`.
//! - `ARGS-2`: an option stands once. Twice is an error, since one of the two is not what was meant; save for the
//!   few that are declared as repeated.
//! - `ARGS-3`: a default is text that is read like a given value. What the usage text shows is what is taken.
//! - `ARGS-4`: after `--` everything is an operand. `--help` before it wins over any error.
//! - `ARGS-5`: a value that begins with `-` is written `--name=-value`, except a number.
//! - `ARGS-6`: an operand that may be repeated is the last one declared; it takes all that is left.
//!
//! **Left out**: several flags in one word (`-xvf`), abbreviated names, options from the environment.
//!
//! **Source**: the POSIX utility syntax guidelines; `getopt_long(3)`.

use super::failure::Failure;
use super::suggest::nearest;

/// An option as a subcommand declares it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opt {
    /// Its name, without the dashes.
    pub(crate) name: &'static str,
    /// Its name of one letter.
    pub(crate) short: Option<char>,
    /// What the usage text calls its value; none for a flag.
    pub(crate) value: Option<&'static str>,
    /// What is read when it is not given (`ARGS-3`).
    pub(crate) default: Option<&'static str>,
    /// What it is for, in one line.
    pub(crate) help: &'static str,
    /// Whether it may stand several times (`ARGS-2`).
    pub(crate) is_repeated: bool,
}

impl Opt {
    /// Declares an option without a value.
    pub(crate) const fn flag(name: &'static str, help: &'static str) -> Self {
        Self { name, short: None, value: None, default: None, help, is_repeated: false }
    }

    /// Declares an option with a value, and no default.
    pub(crate) const fn value(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { name, short: None, value: Some(value), default: None, help, is_repeated: false }
    }

    /// Gives it a default.
    pub(crate) const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// Lets it stand several times.
    pub(crate) const fn repeated(mut self) -> Self {
        self.is_repeated = true;
        self
    }

    /// Gives it a name of one letter.
    pub(crate) const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }
}

/// An operand: an argument that is known by its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand {
    /// What the usage text calls it.
    pub(crate) name: &'static str,
    /// What it is, in one line.
    pub(crate) help: &'static str,
    /// Whether it may be missing.
    pub(crate) is_optional: bool,
    /// Whether it may stand several times; only the last operand may (`ARGS-6`).
    pub(crate) is_repeated: bool,
}

impl Operand {
    /// Declares an operand that has to be there.
    pub(crate) const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, is_optional: false, is_repeated: false }
    }

    /// Lets it be missing.
    pub(crate) const fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// Lets it stand several times.
    pub(crate) const fn repeated(mut self) -> Self {
        self.is_repeated = true;
        self
    }
}

/// What a command line may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Syntax {
    /// The options, in the order of the usage text.
    pub(crate) options: &'static [Opt],
    /// The operands, in their order.
    pub(crate) operands: &'static [Operand],
}

/// A command line that fits its syntax, or asks for help.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// Something to run.
    Run(Args),
    /// `--help` (`ARGS-4`).
    Help,
}

/// What was given on a command line.
#[derive(Debug)]
pub(crate) struct Args {
    /// What could be given.
    syntax: Syntax,
    /// Each option that was given, by its name, with its value; a flag's is empty.
    given: Vec<(&'static str, String)>,
    /// The operands.
    operands: Vec<String>,
}

impl Syntax {
    /// Sorts the words of a command line.
    ///
    /// # Errors
    /// [`Failure::Usage`], naming the word that does not fit.
    pub(crate) fn parse(self, words: &[String]) -> Result<Parsed, Failure> {
        let mut before_dashes = words.iter().take_while(|word| *word != "--");
        if before_dashes.any(|word| word == "--help" || word == "-h") {
            return Ok(Parsed::Help);
        }
        let mut args = Args { syntax: self, given: Vec::new(), operands: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                args.operands.extend(words.by_ref().cloned());
            } else if looks_like_option(word) {
                let (option, attached) = self.find(word)?;
                let value = option.take_value(attached, &mut words)?;
                args.add(option, value)?;
            } else {
                args.operands.push(word.clone());
            }
        }
        args.check_operands()?;
        Ok(Parsed::Run(args))
    }

    /// Finds the option that a word begins, and the value that is attached to it (`ARGS-1`).
    fn find(self, word: &str) -> Result<(&'static Opt, Option<&str>), Failure> {
        let found = if let Some(long) = word.strip_prefix("--") {
            let (name, attached) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            self.options.iter().find(|option| option.name == name).map(|found| (found, attached))
        } else {
            let mut letters = word.chars();
            let letter = letters.by_ref().nth(1);
            let attached = Some(letters.as_str()).filter(|rest| !rest.is_empty());
            let is_it = |option: &&Opt| option.short.is_some() && option.short == letter;
            self.options.iter().find(is_it).map(|found| (found, attached))
        };
        found.ok_or_else(|| self.unknown(word))
    }

    /// The failure for an option that does not exist.
    fn unknown(self, word: &str) -> Failure {
        let word = match word.split_once('=') {
            // Nearest to itself, it would be suggested in its own place.
            Some(("--help", value)) => {
                return Failure::Usage(format!("--help: takes no value, got \"{value}\""));
            }
            Some((name, _)) => name,
            None => word,
        };
        let bare = word.trim_start_matches('-');
        let names = self.options.iter().map(|option| option.name).chain(["help"]);
        let mut text = format!("unknown option {word}");
        if let Some(name) = nearest(bare, names) {
            text = format!("{text}; did you mean --{name}?");
        }
        Failure::Usage(text)
    }
}

impl Opt {
    /// Takes the option's value: the attached one, or the next word.
    fn take_value<'a>(
        &self,
        attached: Option<&str>,
        words: &mut impl Iterator<Item = &'a String>,
    ) -> Result<String, Failure> {
        let name = self.name;
        let Some(what) = self.value else {
            return match attached {
                None => Ok(String::new()),
                Some(value) => {
                    Err(Failure::Usage(format!("--{name}: takes no value, got \"{value}\"")))
                }
            };
        };
        let next = || words.next().filter(|word| !looks_like_option(word)).map(String::as_str);
        let value = attached.or_else(next);
        let missing = || Failure::Usage(format!("--{name}: its value {what} is missing"));
        value.map(str::to_owned).ok_or_else(missing)
    }
}

/// Tells an option from an operand or a value (`ARGS-5`). A dash alone is none.
fn looks_like_option(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next() == Some('-') && letters.next().is_some_and(|second| !second.is_ascii_digit())
}

impl Args {
    /// Notes an option (`ARGS-2`).
    fn add(&mut self, option: &Opt, value: String) -> Result<(), Failure> {
        let name = option.name;
        if self.is_given(name) && !option.is_repeated {
            return Err(Failure::Usage(format!("--{name}: given twice")));
        }
        self.given.push((name, value));
        Ok(())
    }

    /// Holds the number of operands against the declaration.
    fn check_operands(&self) -> Result<(), Failure> {
        let declared = self.syntax.operands;
        let takes_all = declared.last().is_some_and(|last| last.is_repeated);
        if let Some(extra) = self.operands.get(declared.len()).filter(|_| !takes_all) {
            return Err(Failure::Usage(format!("unexpected argument \"{extra}\"")));
        }
        match declared.get(self.operands.len()) {
            Some(missing) if !missing.is_optional => {
                Err(Failure::Usage(format!("{} is missing", missing.name)))
            }
            _ => Ok(()),
        }
    }

    /// Tells whether an option stands on the command line.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// Reads the value of an option that has a default (`ARGS-3`).
    ///
    /// # Errors
    /// [`Failure::Usage`]: the option's name, what `read` expected, and what was given.
    ///
    /// # Panics
    /// The subcommand does not declare this option, or without a default.
    pub(crate) fn value<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let value = self.optional(name, read)?;
        Ok(value.expect("holds because the option is declared with a default"))
    }

    /// Reads the value of an option that may be missing and have no default.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    ///
    /// # Panics
    /// The subcommand does not declare this option.
    pub(crate) fn optional<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let option = self.syntax.options.iter().find(|option| option.name == name);
        let option = option.expect("holds because a subcommand reads what it declares");
        let given = self.given.iter().find(|(given, _)| *given == name);
        let text = given.map(|(_, value)| value.as_str()).or(option.default);
        text.map(|text| read_as(&format!("--{name}"), text, read)).transpose()
    }

    /// Reads every value of an option that may be repeated, in their order.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub(crate) fn all<T>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Failure> {
        let given = self.given.iter().filter(|(given, _)| *given == name);
        given.map(|(_, text)| read_as(&format!("--{name}"), text, &read)).collect()
    }

    /// Reads the operand in a place, counted from 0; none when it is optional and missing.
    ///
    /// # Errors
    /// [`Failure::Usage`]: the operand's name, what `read` expected, and what was given.
    pub(crate) fn operand<T>(
        &self,
        place: usize,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let name = self.syntax.operands[place].name;
        self.operands.get(place).map(|text| read_as(name, text, read)).transpose()
    }

    /// Reads every operand from a place on, in their order (`ARGS-6`).
    ///
    /// # Errors
    /// As [`operand`](Self::operand).
    pub(crate) fn operands<T>(
        &self,
        place: usize,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Failure> {
        let name = self.syntax.operands[place].name;
        self.operands.iter().skip(place).map(|text| read_as(name, text, &read)).collect()
    }
}

/// Reads a text, and says whose it was if that fails.
fn read_as<T>(
    whose: &str,
    text: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    read(text).map_err(|expected| Failure::Usage(format!("{whose}: {expected}, got \"{text}\"")))
}
