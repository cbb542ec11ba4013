//! The metrics there are, a line each. `docs/metrics.md` says the same to people, and a test compares the two.

use prometheus_client::metrics::MetricType;

/// What a metric is.
#[derive(Clone, Copy, Debug)]
pub(in crate::serve) struct About {
    /// As it is asked for.
    pub(super) name: &'static str,
    pub(super) kind: MetricType,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

impl About {
    /// Returns the name without what its kind adds: as `OpenMetrics` calls it.
    pub(super) fn family(&self) -> &'static str {
        let ending = match self.kind {
            MetricType::Counter => "_total",
            MetricType::Info => "_info",
            MetricType::Gauge | MetricType::Histogram | MetricType::Unknown => "",
        };
        self.name.strip_suffix(ending).unwrap_or(self.name)
    }
}

macro_rules! metrics {
    ($($constant:ident $name:literal $kind:ident [$($label:literal),*] $help:literal)*) => {
        $(
            pub(super) const $constant: About = About {
                name: $name,
                kind: MetricType::$kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// All of them.
        pub(super) const ALL: &[About] = &[$($constant),*];
    };
}

metrics! {
    BUILD "phoenix_build_info" Info ["version", "revision"] "The version of the server that tells this, and the commit it was built of."
    START "process_start_time_seconds" Gauge [] "When this server began, and counted from nothing."
    NATS_CONNECTED "phoenix_nats_connected" Gauge [] "Whether NATS is there."
    NATS_RECONNECTS "phoenix_nats_reconnects_total" Counter [] "How often the connection to NATS was made again."
    LOOKED "phoenix_look_timestamp_seconds" Gauge [] "When hosts, the monitor and the dead letters were looked at last."

    RUNS "phoenix_runs_total" Counter ["result"] "Runs that came to an end."
    RUN_DURATION "phoenix_run_duration_seconds" Histogram ["result"] "How long runs took from being asked for to their end."
    STEP_DURATION "phoenix_step_duration_seconds" Histogram ["step", "result"] "How long steps took."
    STEP_RETRIES "phoenix_step_retries_total" Counter ["step", "class"] "Times that a guest was left to be tried again, by the step it was at."
    REPAIRS "phoenix_repairs_total" Counter ["rung", "result"] "Repairs that came to an end, by what was done."

    GUESTS "phoenix_guests" Gauge ["host", "state"] "How many guests are in a state."
    GUEST_STATE "phoenix_guest_state" Gauge ["vmid", "host", "kind", "state"] "1 for the state that a guest is in, 0 for all others."
    GUEST_DRIFT "phoenix_guest_drift" Gauge ["vmid", "host", "kind"] "How many changes would make a guest as wanted that was complete."
    QUEUE_PENDING "phoenix_queue_pending" Gauge ["host"] "Guests that a worker could take now, and none has."
    QUEUE_ACK_PENDING "phoenix_queue_ack_pending" Gauge ["host"] "Guests that a worker has taken, and is at."
    OLDEST_COMMAND "phoenix_oldest_command_age_seconds" Gauge ["host"] "How long the one has waited for a worker that waits longest of those that could be taken."
    DLQ "phoenix_dlq_messages" Gauge [] "Dead letters that somebody has still to do something about."
    LOCK_WAIT "phoenix_lock_wait_seconds" Histogram ["host", "lock"] "How long the worker of a host waited for locks, since it started."
    HEARTBEAT "phoenix_heartbeat_timestamp_seconds" Gauge ["host"] "When the worker of a host was heard last."
    GPU_COMMITTED "phoenix_gpu_vram_committed_ratio" Gauge ["host", "gpu"] "How much of the memory of a GPU was promised to guests that are to run."

    MONITOR "phoenix_monitor_up" Gauge [] "Whether a health monitor answers; while none does, nothing is told of probes."
    PROBE_SUCCESS "phoenix_probe_success" Gauge ["vmid", "probe"] "Whether a probe finds that a guest serves; absent while it cannot tell."
    PROBE_DURATION "phoenix_probe_duration_seconds" Gauge ["vmid", "probe"] "How long a probe took last; absent while it cannot be made."
    HEALTH_STATE "phoenix_health_state" Gauge ["vmid", "state"] "1 for what the worst probe finds a guest to be, 0 for all else."
    FLAPPING "phoenix_health_flapping" Gauge ["vmid"] "Whether a guest goes up and down."
    BREAKER "phoenix_repair_breaker_open" Gauge [] "Whether all repairs are stopped."
    SUPPRESSED "phoenix_repair_suppressed_total" Counter ["reason"] "Repairs that were held back, each once for a reason until the guest is well."
    BUDGET "phoenix_repair_budget_remaining" Gauge ["vmid"] "How many repairs of a guest are left within the hour and the day."
    FLEET_BUDGET "phoenix_repair_fleet_budget_remaining" Gauge [] "How many more guests may be repaired now."
    HELD "phoenix_repairs_held" Gauge [] "Open incidents with a repair that something is in the way of."
    INCIDENTS "phoenix_incidents_open" Gauge ["severity"] "Open incidents."
    INCIDENT_OPENED "phoenix_incident_opened_timestamp_seconds" Gauge ["severity"] "When the oldest open incident was opened."

    WEBHOOKS "phoenix_webhook_deliveries_total" Counter ["source", "result"] "Webhooks that came, by what their sender was told."
    WEBHOOK_SUCCESS "phoenix_webhook_last_success_timestamp_seconds" Gauge ["source"] "When the last webhook came of which something was made."
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_page_for_people_says_what_there_is() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        let page = fs::read_to_string(page).unwrap();
        let line = |about: &About| {
            let labels: Vec<_> = about.labels.iter().map(|label| format!("`{label}`")).collect();
            let (name, kind, labels) = (about.name, about.kind.as_str(), labels.join(", "));
            format!("| `{name}` | {kind} | {labels} | {} |\n", about.help)
        };

        let table: String = ALL.iter().map(line).collect();

        let head = "| metric | kind | labels | it says |\n|---|---|---|---|\n";
        assert!(
            page.contains(&format!("{head}{table}\n")),
            "docs/metrics.md is to have:\n{head}{table}"
        );
    }

    #[test]
    fn names_keep_to_the_rules_of_prometheus() {
        for About { name, kind, labels, help } in ALL {
            let is_name = |text: &str| text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
            assert!(is_name(name) && labels.iter().all(|label| is_name(label)), "{name}");
            let is_counter = matches!(kind, MetricType::Counter);
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            assert!(help.ends_with('.') && !help.contains(['\n', '|', '\\']), "{name}");
            // What tells runs, commits or errors apart would never end.
            let is_of_the_server = matches!(kind, MetricType::Info);
            for label in ["run", "revision", "commit", "error", "incident", "id"] {
                assert!(
                    is_of_the_server || !labels.contains(&label),
                    "{name} has the label {label}"
                );
            }
        }
    }
}
