//! What a leader waits for, and what it takes from there.
//!
//! Problem: the wait is without the lock, so when it is over the worker that was waited for may have died, and its
//! place may have another by now.
//!
//! **Invariants**
//! - `PSOURCE-1`: only workers that have jobs are waited for; an idle one that dies is the fork server's news (`LEAD-5`).
//! - `PSOURCE-2`: a place is read only if it still has the socket that was waited for.
//!
//! | who leads, for what | waits in |
//! | --- | --- |
//! | a caller, and one job of one worker is open at the workers | the ledger (`doze`) |
//! | a caller, and several | ppoll: the bell, each socket |
//! | the pool's thread, or a caller while there is none yet | the same, and the control socket |
//!
//! **Left out**: epoll. The list changes with almost every wait, and has as many entries as there are busy workers.
//!
//! **Source**: ppoll(2).

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::leader::Shared;
use super::ledger::Ledger;
use super::link::Link;
use super::state::{Place, State};
use crate::os::{PollFd, poll};

/// What a leader waits for, beside its bell. Kept from one wait to the next for its memory.
#[derive(Default)]
pub(super) struct Sources {
    /// The control socket; `None` when the pool's thread listens to it.
    control: Option<Arc<OwnedFd>>,
    /// The socket of each worker that has jobs: its place's number, and whether there is something to send as well.
    workers: Vec<(usize, Arc<OwnedFd>, bool)>,
    /// Where to doze instead: the place of the one worker that has a job, and its ledger.
    alone: Option<(usize, Arc<Ledger>)>,
    /// Whether each was ready at the last wait: the bell, the control socket if there is one, the workers'.
    ready: Vec<bool>,
}

impl Sources {
    /// Lists what there is to wait for, and sends what there is to send.
    pub(super) fn list(&mut self, state: &mut State, hears_server: bool) {
        self.control = state.control.clone().filter(|_| hears_server);
        self.alone = if hears_server { None } else { lie_down(state) };
        state.send();
        self.workers.clear();
        for (at, place) in state.places.iter_mut().enumerate() {
            if let Some(link) = place.link() {
                link.watched = link.has_jobs();
                if link.watched && self.alone.is_none() {
                    self.workers.push((at, Arc::clone(&link.socket), link.is_blocked()));
                }
            }
        }
    }

    /// Who has news for the leader calls it there (`DOZE-3`).
    pub(super) fn dozing(&self) -> Option<Arc<Ledger>> {
        self.alone.as_ref().map(|(_, ledger)| Arc::clone(ledger))
    }

    /// Waits.
    pub(super) fn wait(&mut self, shared: &Shared, deadline: Option<Instant>, looks: Duration) {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let span = left.unwrap_or(Duration::MAX).min(looks);
        if let Some((_, ledger)) = &self.alone {
            return ledger.doze(span);
        }
        let timeout = Some(span).filter(|span| *span < Duration::MAX);
        let mut fds = Vec::with_capacity(self.workers.len() + 2);
        fds.push(PollFd::readable(shared.leader_bell.as_fd()));
        fds.extend(self.control.iter().map(|control| PollFd::readable(control.as_fd())));
        fds.extend(self.workers.iter().map(|(_, socket, sends)| {
            if *sends { PollFd::either(socket.as_fd()) } else { PollFd::readable(socket.as_fd()) }
        }));
        // It fails for want of memory only; then the leader spins, which is the least of its troubles.
        drop(poll(&mut fds, timeout));
        self.ready.clear();
        self.ready.extend(fds.iter().map(PollFd::is_ready));
        if self.ready[0] {
            drop(shared.leader_bell.clear());
        }
    }

    /// Takes what the ready ones have sent.
    pub(super) fn take(&mut self, state: &mut State) {
        if let Some((place, ledger)) = self.alone.take() {
            if place < state.places.len() {
                state.take_with(place, |link, answered| link.get_up(&ledger, answered));
            }
            return;
        }
        let (control, workers) = self.ready[1..].split_at(usize::from(self.control.is_some()));
        for ((place, socket, _), _) in self.workers.iter().zip(workers).filter(|(_, ready)| **ready)
        {
            // PSOURCE-2.
            let same = |link: &mut Link| Arc::ptr_eq(&link.socket, socket);
            if state.places.get_mut(*place).and_then(Place::link).is_some_and(same) {
                state.receive(*place);
            }
        }
        if control.contains(&true) {
            state.take_notices();
        }
    }
}

/// Has the leader lie down at the one worker that has jobs, if it is the only one, and that can be.
fn lie_down(state: &mut State) -> Option<(usize, Arc<Ledger>)> {
    let links =
        state.places.iter_mut().enumerate().filter_map(|(at, place)| Some((at, place.link()?)));
    let mut busy = links.filter(|(_, link)| link.has_jobs());
    let (at, link) = busy.next()?;
    if busy.next().is_some() {
        return None;
    }
    Some((at, link.lie_down()?))
}
