//! A client that is there once, under a client id that never comes again.

use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;

use crate::device::packet;
use crate::device::put_text;
use crate::device::read_packet;

/// Logs in, subscribes, publishes with QoS 1, all under names with that number, and goes without a word.
pub(crate) async fn come_once(address: &str, name: &str, key: &str, number: usize) {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    // Bit 1 is "clean session".
    let flags = if number % 2 == 0 { 0xc2 } else { 0xc0 };
    let mut connect = vec![0, 4, b'M', b'Q', b'T', b'T', 4, flags, 0, 60];
    for text in [&format!("abandoned {number}"), name, key] {
        put_text(&mut connect, text);
    }
    writer.write_all(&packet(0x10, &connect)).await.unwrap();
    assert_eq!(read_packet(&mut reader).await.unwrap().1, [0, 0], "the login is accepted");
    let mut subscribe = vec![0, 1];
    put_text(&mut subscribe, &format!("filter/{number}/+"));
    subscribe.push(1);
    writer.write_all(&packet(0x82, &subscribe)).await.unwrap();
    assert_eq!(read_packet(&mut reader).await.unwrap(), (0x90, vec![0, 1, 1]), "the subscription is granted");
    let mut publish = Vec::new();
    put_text(&mut publish, &format!("topic/{number}"));
    publish.extend([0, 2]);
    publish.extend(b"1");
    writer.write_all(&packet(0x32, &publish)).await.unwrap();
    assert_eq!(read_packet(&mut reader).await.unwrap(), (0x40, vec![0, 2]), "the event is acknowledged");
}
