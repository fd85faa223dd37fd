//! How many lists of 50 devices are read in a second, over as many connections as there are processors and some.

use std::time::Duration;
use std::time::Instant;

use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;

use crate::daemon::Daemon;
use crate::head;

const DEVICES: usize = 50;
const CONNECTIONS: usize = 8;
const FOR: Duration = Duration::from_secs(10);

pub(crate) async fn measure(daemon: &Daemon, token: &str) {
    daemon.add_devices(DEVICES);
    let (began, cpu_s) = (Instant::now(), daemon.cpu_s());
    let readers = (0..CONNECTIONS).map(|_| tokio::spawn(read(daemon.http().to_owned(), token.to_owned(), began + FOR)));
    let mut reads = 0.0;
    for reader in readers.collect::<Vec<_>>() {
        reads += f64::from(reader.await.unwrap());
    }
    let (taken_s, cpu_s) = (began.elapsed().as_secs_f64(), daemon.cpu_s() - cpu_s);
    println!(
        "reads:        {:.0} lists of {DEVICES} devices a second, {:.2} CPU s for 10,000",
        reads / taken_s,
        cpu_s / reads * 10_000.0
    );
}

async fn read(address: String, token: String, until: Instant) -> u32 {
    let stream = TcpStream::connect(&address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    let request = format!("GET /v1/devices HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n");
    let mut count = 0;
    while Instant::now() < until {
        stream.write_all(request.as_bytes()).await.unwrap();
        let head = head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        count += 1;
    }
    count
}
