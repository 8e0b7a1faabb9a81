//! `lab [NAME]`: handloom's `lab`, on tokio; without a name, the list.

use std::env;
use std::error::Error;
use std::io;

use handloom::labs::Journal;
use handloom_tokio::labs::LABS;

fn main() -> Result<(), Box<dyn Error>> {
    let journal = Journal::new(io::stdout());
    let Some(wanted) = env::args().nth(1) else {
        return Ok(LABS.iter().try_for_each(|(name, _)| journal.line(name))?);
    };
    let (_, run) = LABS.iter().find(|(name, _)| *name == wanted).ok_or("no such lab")?;
    Ok(run(&journal)?)
}
