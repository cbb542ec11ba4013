//! Makes moments that cannot be told apart one: it is what keeps the states countable.

use crate::state::{Known, Outbox, State, Worker};

impl State {
    /// Forgets what cannot matter any more, so that moments which cannot be told apart are one.
    pub(crate) fn forget(&mut self) {
        if let Some(late) = self.late
            && late.base.sequence < self.guests[late.guest].log.sequence
        {
            self.late = None;
        }
        for (at, guest) in self.guests.iter_mut().enumerate() {
            if self.left.stale_reads == 0 {
                guest.log.before = None;
            }
            for worker in &mut self.workers {
                if let Worker::Busy(job) = worker
                    && job.guest == at
                    && job.phase.is_over()
                {
                    job.known = Known { sequence: guest.log.sequence, ..Known::default() };
                    job.claim = 0;
                    job.outbox = Outbox::EMPTY;
                }
            }
            let known = self.workers.iter_mut().filter_map(|worker| match worker {
                Worker::Idle | Worker::Waiting { .. } => None,
                Worker::Busy(job) => (job.guest == at).then_some(&mut job.known.sequence),
            });
            let late = self.late.iter_mut().filter(|late| late.guest == at);
            let mut sequences: Vec<&mut u8> =
                known.chain(late.map(|late| &mut late.base.sequence)).collect();
            let oldest = guest.log.sequence - u8::from(guest.log.before.is_some());
            let lowest = sequences
                .iter()
                .map(|known| **known)
                .min()
                .map_or(oldest, |known| known.min(oldest));
            for sequence in &mut sequences {
                **sequence -= lowest;
            }
            guest.log.sequence -= lowest;
        }
        let [one, other] = self.workers;
        let children = |worker: usize| self.guests.iter().map(move |guest| guest.children[worker]);
        if (other, children(1).collect::<Vec<_>>()) < (one, children(0).collect::<Vec<_>>()) {
            self.workers = [other, one];
            for guest in &mut self.guests {
                guest.children.swap(0, 1);
            }
        }
    }
}
