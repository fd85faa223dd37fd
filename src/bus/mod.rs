//! The wires between the tasks: where events are handed in, and where everybody hears of them.
//!
//! Transports hand publications to [`Intake`] and get a [`Verdict`] once the event is durable. Whoever emits events
//! tells [`Live`], which tells watchers and the MQTT side. Whoever wants an answer of a device asks [`Calls`]. Nothing
//! here decides anything or touches the disk.

mod arrival;
mod board;
mod calls;
mod live;
mod order;
mod overview;
mod presence;
pub mod protocol;
mod remote;
mod replay;
mod report;
mod ring;
mod routes;
mod stop;
mod submission;

pub use arrival::Arrival;
pub use arrival::arrivals;
pub use board::Board;
pub use board::HookReport;
pub use board::LineState;
pub use board::QueueReport;
pub use calls::ANSWER_WITHIN;
pub use calls::Ask;
pub use calls::CallError;
pub use calls::Calls;
pub use live::Live;
pub use live::MqttFeed;
pub use live::Watcher;
pub use order::Cancelled;
pub use order::Order;
pub use order::TestReport;
pub use order::TestResult;
pub use order::orders;
pub use overview::HostUsage;
pub use overview::LimitsOverview;
pub use overview::Overview;
pub use overview::QueueOverview;
pub use presence::Noted;
pub use presence::Presence;
pub use presence::Sighting;
pub use remote::RemoteRequest;
pub use remote::remote_requests;
pub use replay::Replay;
pub use replay::ReplayRefusal;
pub use replay::Replays;
pub use replay::Selection;
pub use report::FullReport;
pub use report::HookQueue;
pub use report::HookState;
pub use report::TargetReport;
pub use report::TryRefusal;
pub use report::TryReport;
pub use report::WakeRefusal;
pub use routes::Routes;
pub use routes::routes;
pub use stop::stopped;
pub use submission::Accepted;
pub use submission::Intake;
pub use submission::IntakeQueue;
pub use submission::Publication;
pub use submission::Publisher;
pub use submission::Refusal;
pub use submission::ResendMark;
pub use submission::Submission;
pub use submission::Verdict;
