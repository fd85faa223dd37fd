//! A sensor as small as one can be: it logs in, listens for answers to its events, and publishes.

use std::collections::VecDeque;

use anyhow::Context;
use anyhow::bail;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;

use crate::cli::demo::packets;
use crate::cli::demo::packets::Packet;

/// What a device hears of its events.
const RESULTS: [&str; 3] = ["hook-sent/#", "hook-response/#", "hook-error/#"];

/// Messages that came while something else was waited for.
const KEPT: usize = 64;

/// A connected sensor.
pub(super) struct Sensor {
    stream: BufReader<TcpStream>,
    heard: VecDeque<(String, String)>,
}

impl Sensor {
    /// Logs in and subscribes to the results of its own events.
    ///
    /// # Errors
    /// When there is no gateway at `address`, or it refuses.
    pub(super) async fn connect(address: &str, device: &str, key: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("nothing listens on {address}"))?;
        let mut sensor = Self { stream: BufReader::new(stream), heard: VecDeque::new() };
        sensor.send(&packets::connect("farhook-demo", device, key)).await?;
        match sensor.wait().await? {
            Packet::ConnAck(0) => {}
            Packet::ConnAck(reason) => bail!("the login was refused, reason {reason}"),
            packet => bail!("the login was answered with {packet:?}"),
        }
        sensor.send(&packets::subscribe(1, &RESULTS)).await?;
        while sensor.wait().await? != Packet::SubAck {}
        Ok(sensor)
    }

    /// Publishes, and returns when it is acknowledged: from then on the gateway answers for it.
    ///
    /// # Errors
    /// When the connection ends before.
    pub(super) async fn publish(&mut self, topic: &str, payload: &str) -> anyhow::Result<()> {
        self.send(&packets::publish(2, topic, payload)).await?;
        while self.wait().await? != Packet::PubAck {}
        Ok(())
    }

    /// The next message: its topic and payload.
    ///
    /// # Errors
    /// When the connection ends.
    pub(super) async fn hear(&mut self) -> anyhow::Result<(String, String)> {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return Ok(message);
            }
            self.wait().await?;
        }
    }

    /// Takes leave.
    pub(super) async fn leave(mut self) {
        // The gateway would notice by itself.
        let _ = self.send(&packets::disconnect()).await;
    }

    /// The next packet; a message is acknowledged and kept.
    async fn wait(&mut self) -> anyhow::Result<Packet> {
        let packet = packets::read(&mut self.stream).await.context("the gateway hung up on the sensor")?;
        if let Packet::Publish { topic, payload, packet_id } = &packet {
            if let Some(packet_id) = packet_id {
                self.send(&packets::puback(*packet_id)).await?;
            }
            if self.heard.len() < KEPT {
                self.heard.push_back((topic.clone(), payload.clone()));
            }
        }
        Ok(packet)
    }

    async fn send(&mut self, packet: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(packet).await.context("the gateway hung up on the sensor")
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    /// A broker for one sensor that says `says` each time that something was heard.
    async fn broker(listener: TcpListener, says: &[&[u8]]) {
        let (mut stream, _) = listener.accept().await.unwrap();
        for answer in says {
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
            stream.write_all(answer).await.unwrap();
        }
        // Until the sensor leaves.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }

    #[tokio::test]
    async fn an_answer_that_comes_before_the_acknowledgement_is_kept() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let says: [&[u8]; 3] =
            [b"\x20\x02\x00\x00", b"\x90\x05\x00\x01\x01\x01\x01", b"\x30\x04\x00\x01ax\x40\x02\x00\x02"];
        let sensing = async {
            let mut sensor = Sensor::connect(&address, "device", "key").await.unwrap();
            sensor.publish("temp", "21.5").await.unwrap();
            assert_eq!(sensor.hear().await.unwrap(), ("a".to_owned(), "x".to_owned()));
            sensor.leave().await;
        };
        tokio::join!(broker(listener, &says), sensing);
    }

    #[tokio::test]
    async fn a_refused_login_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connecting = async { Sensor::connect(&address, "device", "key").await.err().unwrap().to_string() };
        let ((), error) = tokio::join!(broker(listener, &[b"\x20\x02\x00\x04"]), connecting);
        assert_eq!(error, "the login was refused, reason 4");
    }
}
