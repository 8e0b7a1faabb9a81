//! From a level's list of claims to tests.

/// Lists the claims of a level.
///
/// It makes the function `claims`, which returns them for a runtime, and an exported macro with the level's name, by
/// which [`conformance!`] learns their names. With `alone`, a claim runs in a process of its own.
macro_rules! claims {
    (
        ($d:tt) $level:ident
        $(together: [$($together:ident),* $(,)?])?
        $(alone: [$($alone:ident),* $(,)?])?
    ) => {
        /// Returns the claims of this level for a runtime.
        pub fn claims<R: $crate::runtime::Runtime>() -> Vec<$crate::judge::Claim<R>> {
            use $crate::judge::{Claim, Setting};
            vec![
                $($(Claim::new(stringify!($together), Setting::Watched, $together::<R>),)*)?
                $($(Claim::new(stringify!($alone), Setting::Alone, $alone::<R>),)*)?
            ]
        }

        #[doc(hidden)]
        #[macro_export]
        macro_rules! $level {
            ($d($d runtime:tt)*) => {
                $crate::tests! {
                    [$d($d runtime)*] $level $($($together)*)? $($($alone)*)?
                }
            };
        }
    };
}

/// Makes a module with the tests of a level.
#[doc(hidden)]
#[macro_export]
macro_rules! tests {
    ([$runtime:ty, $unmet:expr] $level:ident $($claim:ident)*) => {
        mod $level {
            use super::*;

            $(#[test]
            fn $claim() {
                let claims = $crate::$level::claims::<$runtime>();
                let test = concat!(module_path!(), "::", stringify!($claim));
                $crate::judge::run_named(test, stringify!($claim), claims, $unmet);
            })*
        }
    };
}

/// Makes a test of every claim for a runtime, in modules with the names of the levels.
///
/// `except:` is followed by a list of claims that the runtime does not meet, a `&[(&str, &str)]` of the claim's name
/// and the reason. A claim in the list must fail, and one that is not in it must hold: so the list is never wrong.
/// `levels:` is followed by the levels that a runtime which is being written has reached, as in `[l0_block_on, l1_poll]`.
#[macro_export]
macro_rules! conformance {
    ($runtime:ty) => {
        $crate::conformance! { $runtime, except: &[] }
    };
    ($runtime:ty, levels: [$($level:ident),* $(,)?]) => {
        $($crate::$level! { $runtime, &[] })*
    };
    ($runtime:ty, except: $unmet:expr) => {
        $crate::l0_block_on! { $runtime, $unmet }
        $crate::l1_poll! { $runtime, $unmet }
        $crate::l2_tasks! { $runtime, $unmet }
        $crate::l3_join! { $runtime, $unmet }
        $crate::l4_time! { $runtime, $unmet }
        $crate::l5_sockets! { $runtime, $unmet }
        $crate::l6_threads! { $runtime, $unmet }
        $crate::l7_fairness! { $runtime, $unmet }
        $crate::l8_limits! { $runtime, $unmet }

        #[test]
        fn every_claim_that_is_excepted_exists() {
            $crate::judge::expect_known::<$runtime>($unmet);
        }
    };
}

/// Makes tests of claims that one runtime alone has, each a function that takes a reference to it.
///
/// With `alone`, each runs in a process of its own.
#[macro_export]
macro_rules! own_claims {
    (
        $runtime:ty
        $(; watched: [$($watched:ident),* $(,)?])?
        $(; alone: [$($alone:ident),* $(,)?])?
    ) => {
        $($crate::own_claims! { @ $runtime, Watched, watched, $($watched)* })?
        $($crate::own_claims! { @ $runtime, Alone, alone, $($alone)* })?
    };
    (@ $runtime:ty, $setting:ident, $module:ident, $($claim:ident)*) => {
        mod $module {
            use super::*;

            $(#[test]
            fn $claim() {
                use $crate::judge::{Claim, Setting, run};
                let test = concat!(module_path!(), "::", stringify!($claim));
                let claim = Claim::<$runtime>::new(stringify!($claim), Setting::$setting, super::$claim);
                run(test, claim.in_file(file!()));
            })*
        }
    };
}
