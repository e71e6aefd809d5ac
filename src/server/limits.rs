//! What the port allows, and for how long.

use std::time::Duration;

/// Connections in all. Each costs a file descriptor and up to a megabyte of buffers;
/// calls share connections, so these are far more than a service behind a load balancer
/// has.
const CONNECTIONS_MAX: usize = 2_000;
/// Connections of one address. Behind a load balancer the callers of a whole region may
/// come from one, so it is a quarter of all: enough for them, and never everything.
const CONNECTIONS_PER_PEER_MAX: usize = 500;
/// How long a connection may take to begin to speak HTTP/2.
const PREFACE_WAIT: Duration = Duration::from_secs(5);
/// How often a silent connection is asked whether it lives.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long it may take to answer, and how long a connection may take nothing of what it
/// is sent.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// When a connection is asked to end, so that callers spread over the replicas there are.
const CONNECTION_AGE: Duration = Duration::from_mins(15);
/// How much later it is cut: an import that began at the last moment has ended by then.
const CONNECTION_GRACE: Duration = Duration::from_mins(16);
/// How long a unary call may take, from the arrival of its headers.
const CALL_MAX: Duration = Duration::from_secs(10);
/// How long the request of a unary call may take to arrive, from the arrival of its
/// headers. It is a fraction of a megabyte; who sends headers alone holds no place for
/// longer.
const ARRIVAL_MAX: Duration = Duration::from_secs(2);
/// How long an answer may take to be taken, from the moment it is there. The largest
/// needs some ten megabits a second; who gives no room for it loses the connection.
const ANSWER_TAKEN_MAX: Duration = Duration::from_secs(10);
/// How long a series of answers may take to be made and taken: as long as a call and the taking of
/// its answer.
const SERIES_MAX: Duration = Duration::from_secs(20);
/// How long a stream of requests may pause.
const STREAM_IDLE_MAX: Duration = Duration::from_secs(30);
/// How long it may take in all.
const STREAM_MAX: Duration = Duration::from_mins(15);
/// Calls under way, until their answers have been taken: half of what the writer's lanes would take in, since a call that has
/// to wait longer than its deadline is better refused at once.
const CALLS_MAX: usize = 4_000;
/// Reads under way. They share the readers' connections: at 30 ms each, which is slow,
/// the last of them has waited a second.
const READS_MAX: usize = 400;
/// Calls one caller has under way: an eighth of all, so that no one takes every place. At
/// 50 ms each they make the caller's whole share of calls.
const CALLS_PER_CALLER_MAX: usize = 500;
/// Calls of one caller in a second: about half of what one replica does on two cores. A
/// county's night job is never held up, and a loop without a pause never takes the whole
/// service from the others.
const CALLER_RATE: u32 = 10_000;
/// Calls a caller may make at once after a pause: two seconds' worth.
const CALLER_BURST: u32 = 20_000;
/// How long calls under way have to finish at the end: longer than any unary call may
/// take, and longer than an answer may take to be taken. With [`FINISH_MAX`] it is 15 s, half of what platforms commonly give.
const DRAIN_MAX: Duration = Duration::from_secs(12);
/// How long the writer's lanes and the pools then have.
const FINISH_MAX: Duration = Duration::from_secs(3);
/// How often the service asks itself whether it is ready.
const READINESS_EVERY: Duration = Duration::from_secs(5);

/// What the port allows, and for how long.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one address.
    pub connections_per_peer: usize,
    /// The wait for a connection to speak HTTP/2.
    pub preface: Duration,
    /// How often a silent connection is asked whether it lives.
    pub keepalive_interval: Duration,
    /// How long it may take to answer, or take nothing of what it is sent.
    pub keepalive_timeout: Duration,
    /// When a connection is asked to end.
    pub connection_age: Duration,
    /// How much later it is cut.
    pub connection_grace: Duration,
    /// How long a unary call may take.
    pub call: Duration,
    /// How long the request of a unary call may take to arrive.
    pub arrival: Duration,
    /// How long an answer may take to be taken.
    pub answer: Duration,
    /// How long a series of answers may take to be made and taken.
    pub series: Duration,
    /// How long a stream of requests may pause.
    pub stream_idle: Duration,
    /// How long it may take in all.
    pub stream: Duration,
    /// Calls under way.
    pub calls: usize,
    /// Reads under way.
    pub reads: usize,
    /// Calls one caller has under way.
    pub calls_per_caller: usize,
    /// Calls of one caller in a second.
    pub caller_rate: u32,
    /// Calls of one caller at once, after a pause.
    pub caller_burst: u32,
    /// How long calls under way have to finish at the end.
    pub drain: Duration,
    /// How long lanes and pools then have.
    pub finish: Duration,
    /// How often database and clock are checked; `None` for a clock that is not the
    /// database's, as tests have.
    pub readiness: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            connections_per_peer: CONNECTIONS_PER_PEER_MAX,
            preface: PREFACE_WAIT,
            keepalive_interval: KEEPALIVE_INTERVAL,
            keepalive_timeout: KEEPALIVE_TIMEOUT,
            connection_age: CONNECTION_AGE,
            connection_grace: CONNECTION_GRACE,
            call: CALL_MAX,
            arrival: ARRIVAL_MAX,
            answer: ANSWER_TAKEN_MAX,
            series: SERIES_MAX,
            stream_idle: STREAM_IDLE_MAX,
            stream: STREAM_MAX,
            calls: CALLS_MAX,
            reads: READS_MAX,
            calls_per_caller: CALLS_PER_CALLER_MAX,
            caller_rate: CALLER_RATE,
            caller_burst: CALLER_BURST,
            drain: DRAIN_MAX,
            finish: FINISH_MAX,
            readiness: Some(READINESS_EVERY),
        }
    }
}
