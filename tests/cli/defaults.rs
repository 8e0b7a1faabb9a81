//! A server started without options does what the defaults of its library say: the usage text is compared with them.

use std::fmt::Display;
use std::time::Duration;

use crate::program::{command, start};
use handloom::calc::{self, Op};
use handloom::weather::gateway::Settings;
use handloom::web::server;

/// The usage text of a subcommand, and the options that the test has compared.
struct Usage {
    subcommand: &'static str,
    text: String,
    compared: usize,
}

impl Usage {
    fn of(subcommand: &'static str) -> Self {
        let text = start(command(&[subcommand, "--help"])).end().out;
        Self { subcommand, text, compared: 0 }
    }

    /// The default of an option is the one of the library.
    fn says(&mut self, option: &str, default: impl Display) -> &mut Self {
        let start = format!("\n  --{option} ");
        let from = self.text.find(&start).map(|at| &self.text[at + 1..]);
        let from = from.unwrap_or_else(|| panic!("expected --{option} in {}", self.text));
        // The lines of one option: the first, and those that are indented further.
        let more = from.lines().skip(1).take_while(|line| line.starts_with("     ")).count();
        let lines: Vec<_> = from.lines().take(1 + more).map(str::trim).collect();
        let line = lines.join(" ");
        let expected = format!("[default: {default}]");
        assert!(
            line.ends_with(&expected),
            "{}: the library's default is {default}, the usage text says: {line}",
            self.subcommand
        );
        self.compared += 1;
        self
    }

    /// Every default was compared, apart from that of `--addr` and `others`.
    fn is_complete(&self, others: usize) {
        let defaults = self.text.matches("[default: ").count();
        assert_eq!(defaults, self.compared + 1 + others, "a default without a test: {}", self.text);
    }
}

/// A span of whole seconds, as an option writes it.
fn seconds(span: Duration) -> u64 {
    assert_eq!(span.subsec_nanos(), 0, "{span:?}");
    span.as_secs()
}

#[test]
fn without_options_the_calculator_is_told_the_defaults_of_its_library() {
    let calc::Config {
        op,
        max_message_bytes,
        pause,
        max_connections,
        idle_timeout,
        grace,
        workers,
        verbose,
    } = calc::Config::default();
    assert!(!verbose, "--verbose is not given");
    let mut usage = Usage::of("serve");
    assert_eq!((op, idle_timeout), (Op::Sum, None));
    usage
        .says("op", "sum")
        .says("max-message", max_message_bytes)
        .says("pause-ms", pause.as_millis())
        .says("max-connections", max_connections)
        .says("idle-timeout", "never")
        .says("grace", seconds(grace))
        .says("workers", workers)
        // The model is no part of the configuration.
        .is_complete(1);
}

#[test]
fn without_options_the_site_is_told_the_defaults_of_its_library() {
    let config = server::Config::default();
    Usage::of("site")
        .says("max-connections", config.max_connections)
        .says("max-body", config.max_body_bytes)
        .says("head-timeout", seconds(config.head_timeout))
        .says("body-timeout", seconds(config.body_timeout))
        .says("idle-timeout", seconds(config.idle_timeout))
        .says("write-timeout", seconds(config.write_timeout))
        .says("grace", seconds(config.grace))
        .is_complete(0);
}

#[test]
fn without_options_the_gateway_is_told_the_defaults_of_its_library() {
    let settings = Settings::default();
    assert!(settings.upstream.is_none(), "{settings:?}");
    Usage::of("gateway")
        .says("max-upstream", settings.most_calls)
        .says("timeout", seconds(settings.timeout))
        .says("grace", seconds(settings.server.grace))
        // The log is no part of the settings.
        .is_complete(1);
}
