//! How long the parts of an attempt take, and whether it is still getting connected.
//!
//! The courier starts a stopwatch for each attempt. Whoever connects tells it, from inside the HTTP client: a layer
//! around the client's connector finds the stopwatch of the attempt that it works for in that attempt's task. It
//! changes nothing about how a connection is made.

use std::fmt;
use std::future::Future;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::task::Context;
use std::task::Poll;

use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    /// The stopwatch of the attempt that this task makes.
    static STOPWATCH: Arc<Stopwatch>;
}

/// How long the parts of one attempt took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// Getting connected: name, TCP and TLS. None if that never ended well, or a connection was open already.
    pub connect_ms: Option<u64>,
    /// From the beginning of the attempt to the status line. None if no answer came.
    pub first_byte_ms: Option<u64>,
    /// The whole attempt.
    pub total_ms: u64,
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.total_ms)?;
        if let Some(ms) = self.connect_ms {
            write!(f, ", connected in {ms} ms")?;
        }
        self.first_byte_ms.map_or(Ok(()), |ms| write!(f, ", answered after {ms} ms"))
    }
}

/// Measures one attempt.
#[derive(Debug)]
pub(super) struct Stopwatch {
    began: Instant,
    marks: Mutex<Marks>,
}

#[derive(Debug, Default)]
struct Marks {
    dialling: Dialling,
    first_byte_ms: Option<u64>,
}

/// How an attempt gets its connection.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Dialling {
    /// Nobody was asked to connect: a connection is open.
    #[default]
    NotNeeded,
    Since(Instant),
    Done {
        took_ms: u64,
    },
}

impl Stopwatch {
    pub(super) fn start() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), marks: Mutex::default() })
    }

    /// The attempt itself. What connects within it is measured.
    pub(super) fn around<F: Future>(self: &Arc<Self>, attempt: F) -> impl Future<Output = F::Output> + use<F> {
        STOPWATCH.scope(Arc::clone(self), attempt)
    }

    /// The status line is there.
    pub(super) fn answered(&self) {
        let took_ms = since(self.began);
        self.change(|marks| marks.first_byte_ms = Some(took_ms));
    }

    /// Whether a connection is being made that does not stand yet.
    pub(super) fn is_dialling(&self) -> bool {
        matches!(self.marks().dialling, Dialling::Since(_))
    }

    /// What was measured until now.
    pub(super) fn timing(&self) -> Timing {
        let marks = self.marks();
        let connect_ms = match marks.dialling {
            Dialling::Done { took_ms } => Some(took_ms),
            Dialling::NotNeeded | Dialling::Since(_) => None,
        };
        Timing { connect_ms, first_byte_ms: marks.first_byte_ms, total_ms: since(self.began) }
    }

    fn change(&self, change: impl FnOnce(&mut Marks)) {
        change(&mut self.marks());
    }

    fn marks(&self) -> std::sync::MutexGuard<'_, Marks> {
        self.marks.lock().expect("nothing here panics")
    }
}

fn since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Goes around the connector of an HTTP client.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimingLayer;

impl<S> Layer<S> for TimingLayer {
    type Service = Timed<S>;

    fn layer(&self, connector: S) -> Timed<S> {
        Timed { connector }
    }
}

/// A connector that tells the attempt's stopwatch.
#[derive(Debug, Clone)]
pub(super) struct Timed<S> {
    connector: S,
}

impl<S, Target> Service<Target> for Timed<S>
where
    S: Service<Target>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, target: Target) -> Self::Future {
        let stopwatch = STOPWATCH.try_with(Arc::clone).ok();
        let mut connecting = Box::pin(self.connector.call(target));
        let Some(stopwatch) = stopwatch else { return connecting };
        let began = Instant::now();
        stopwatch.change(|marks| marks.dialling = Dialling::Since(began));
        Box::pin(poll_fn(move |cx| {
            // The client finishes a connection in a task of its own when another one became free for the attempt.
            let is_ours = STOPWATCH.try_with(|_| ()).is_ok();
            let polled = connecting.as_mut().poll(cx);
            if !is_ours {
                stopwatch.change(|marks| marks.dialling = Dialling::NotNeeded);
            } else if matches!(polled, Poll::Ready(Ok(_))) {
                let took_ms = since(began);
                stopwatch.change(|marks| marks.dialling = Dialling::Done { took_ms });
            }
            polled
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    /// Takes 30 ms to connect.
    #[derive(Clone)]
    struct Slow;

    impl Service<()> for Slow {
        type Response = ();
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<(), Infallible>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            Box::pin(async {
                sleep(Duration::from_millis(30)).await;
                Ok(())
            })
        }
    }

    #[tokio::test]
    async fn each_part_is_measured_from_its_own_beginning() {
        let stopwatch = Stopwatch::start();
        let attempt = stopwatch.around(async {
            sleep(Duration::from_millis(5)).await;
            TimingLayer.layer(Slow).call(()).await.unwrap();
            sleep(Duration::from_millis(100)).await;
        });
        attempt.await;
        stopwatch.answered();
        sleep(Duration::from_millis(10)).await;

        let Timing { connect_ms: Some(connect), first_byte_ms: Some(first_byte), total_ms } = stopwatch.timing() else {
            panic!("all of it took place")
        };
        assert!(
            connect >= 30 && first_byte >= connect + 100 && total_ms >= first_byte + 10,
            "{:?}",
            stopwatch.timing()
        );
        assert!(!stopwatch.is_dialling());
    }

    #[tokio::test]
    async fn an_attempt_on_an_open_connection_dials_nobody() {
        let stopwatch = Stopwatch::start();
        stopwatch.around(sleep(Duration::from_millis(5))).await;
        assert_eq!(stopwatch.timing().connect_ms, None);
        assert!(!stopwatch.is_dialling());
    }

    #[tokio::test]
    async fn a_connection_that_goes_on_without_its_attempt_counts_as_none() {
        let stopwatch = Stopwatch::start();
        let mut connecting = None;
        stopwatch.around(async { connecting = Some(TimingLayer.layer(Slow).call(())) }).await;
        assert!(stopwatch.is_dialling());
        tokio::spawn(connecting.unwrap()).await.unwrap().unwrap();
        assert!(!stopwatch.is_dialling());
        assert_eq!(stopwatch.timing().connect_ms, None);
    }

    #[test]
    fn a_timing_is_written_with_the_parts_that_took_place() {
        let whole = Timing { connect_ms: Some(31), first_byte_ms: Some(120), total_ms: 140 };
        assert_eq!(whole.to_string(), "140 ms, connected in 31 ms, answered after 120 ms");
        let silent = Timing { connect_ms: None, first_byte_ms: None, total_ms: 20_000 };
        assert_eq!(silent.to_string(), "20000 ms");
    }

    #[tokio::test]
    async fn who_connects_outside_of_an_attempt_is_left_alone() {
        TimingLayer.layer(Slow).call(()).await.unwrap();
    }
}
