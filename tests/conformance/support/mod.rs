//! What claims are written with: counting futures, checks that name the promise, a watchdog.

pub(crate) mod alone;
pub(crate) mod check;
pub(crate) mod futures;
pub(crate) mod sockets;
pub(crate) mod watch;
pub(crate) mod watchdog;

/// Makes tests of claims: one for each runtime that a claim is listed for.
///
/// With `alone` first, each test runs in a process of its own. With `unwatched` first, nobody holds a way
/// in from another thread while the claim runs, so that the loop can find that it is stuck.
macro_rules! claims {
    (
        $(both: [$($both:ident),* $(,)?])?
        $(handloom: [$($ours:ident),* $(,)?])?
        $(tokio: [$($theirs:ident),* $(,)?])?
    ) => {
        claims! { @make on_handloom, on_tokio, watched,
            [$($($both,)*)? $($($ours,)*)?], [$($($both,)*)? $($($theirs,)*)?] }
    };
    (
        alone
        $(both: [$($both:ident),* $(,)?])?
        $(handloom: [$($ours:ident),* $(,)?])?
        $(tokio: [$($theirs:ident),* $(,)?])?
    ) => {
        claims! { @make alone_on_handloom, alone_on_tokio, alone,
            [$($($both,)*)? $($($ours,)*)?], [$($($both,)*)? $($($theirs,)*)?] }
    };
    (unwatched handloom: [$($ours:ident),* $(,)?]) => {
        claims! { @make unwatched_on_handloom, unwatched_on_tokio, unwatched, [$($ours,)*], [] }
    };
    (@make $here:ident, $there:ident, $how:ident, [$($ours:ident,)*], [$($theirs:ident,)*]) => {
        mod $here {
            $(#[test]
            fn $ours() {
                let name = concat!(module_path!(), "::", stringify!($ours));
                $crate::support::watchdog::$how::<$crate::on_handloom::Handloom>(name, super::$ours);
            })*
        }
        mod $there {
            $(#[test]
            fn $theirs() {
                let name = concat!(module_path!(), "::", stringify!($theirs));
                $crate::support::watchdog::$how::<$crate::on_tokio::Tokio>(name, super::$theirs);
            })*
        }
    };
}
