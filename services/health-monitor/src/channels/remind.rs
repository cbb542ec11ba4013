//! Reminders: what nobody has seen is told again by a channel.

use phoenix_bus::Delivered;
use tokio::time::Instant;

use super::held::Held;
use super::item::Item;
use super::told;
use crate::over::Over;

impl Held<'_> {
    /// Returns when people are reminded next of what nobody has seen.
    pub(super) fn next_reminder(&self) -> Option<Instant> {
        let pauses = &self.of.channel.remind;
        let open = self.memory.note.told.iter().filter(|(id, _)| !self.desk.has(id));
        let due = open.filter_map(|(_, told)| told::remind_at(told.called?, pauses)).min()?;
        let wait = (due - (self.of.clock)()).to_std().unwrap_or_default();
        Some(Instant::now() + wait)
    }

    /// Has people reminded of what nobody has seen for too long, as it stands now.
    pub(super) async fn remind(&mut self) -> Result<(), Over> {
        let (now, pauses) = ((self.of.clock)(), &self.of.channel.remind);
        let is_due = |told: &Delivered| {
            let called = told.called.and_then(|called| told::remind_at(called, pauses));
            called.is_some_and(|at| at <= now)
        };
        let told = self.memory.note.told.iter().filter(|(id, _)| !self.desk.has(id));
        let due: Vec<_> = told.filter(|(_, told)| is_due(told)).map(|(id, _)| id.clone()).collect();
        for id in due {
            match self.of.bus.news(&id).await?.filter(|news| news.incident.is_calling()) {
                Some(news) => self.take(Item::Reminder(Box::new(news))).await,
                // Somebody has seen it, or it is over: that is on its way, or is told no more.
                None => {
                    if let Some(told) = self.memory.note.told.get_mut(&id) {
                        told.called = None;
                    }
                }
            }
        }
        Ok(())
    }
}
