"""What the cases of both versions have in common."""

import time

import raw
from client import V5, Client
from raw import Raw

TOPICS = ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA")
ALL_OF_TWO_LEVELS = "+/+"
# Both match TOPICS[3].
OVERLAPPING = ("TopicA/#", "TopicA/+")
# The names of an event begin with no `$`, and nobody may listen for such.
FORBIDDEN = "$SYS/#"

# Seconds that nobody reaches.
FOR_LONG = 99_999


def client(gateway, version, name, clean=True, lasting=False, **options):
    """A connection that is let in; a lasting session is there after it."""
    if lasting and version == V5:
        options["SessionExpiryInterval"] = FOR_LONG
    made = Client(gateway, name, version, clean=clean and not (lasting and version != V5), **options)
    assert made.reason == "Success", made.reason
    return made


def lasting_again(gateway, version, name):
    """A lasting session that is taken up."""
    made = client(gateway, version, name, clean=False, lasting=True)
    assert made.session_present, "the session is not there any more"
    return made


def basic(gateway, version):
    client(gateway, version, "a").leave()
    a = client(gateway, version, "a")
    assert a.subscribe(TOPICS[0]) == [2]
    for qos in range(3):
        assert a.publish(TOPICS[0], f"qos {qos}", qos) == 0
    heard = {(message.payload, message.qos) for message in a.drain()}
    assert heard == {(b"qos 0", 0), (b"qos 1", 1), (b"qos 2", 2)}, heard
    a.leave()

    second = Raw(gateway, version)
    second.enter("a")
    second.connect("a")
    ends(second)
    unknown = Raw(gateway, version)
    unknown.connect("a", protocol="hj")
    ends(unknown)


def ends(connection):
    """The gateway ends the connection, and lets nobody in before."""
    packet = connection.receive()
    while packet is not None:
        assert packet[0] != raw.CONNACK or packet[1][1] != 0, packet
        packet = connection.receive()


def retain_three(publisher, **said):
    for qos, topic in enumerate(TOPICS[1:4]):
        assert publisher.publish(topic, f"qos {qos}", qos, retain=True, **said) == 0


def end_retaining(publisher):
    for topic in TOPICS[1:4]:
        publisher.publish(topic, b"", 1, retain=True)


def assert_are_three(messages):
    heard = {(message.topic, message.payload, message.qos) for message in messages}
    assert len(messages) == 3, messages
    assert heard == {(topic, f"qos {qos}".encode(), qos) for qos, topic in enumerate(TOPICS[1:4])}, heard


def will_message(gateway, version, said=None):
    b = client(gateway, version, "b")
    b.subscribe(TOPICS[2])
    client(gateway, version, "a", will=(TOPICS[2], b"client not disconnected", said)).break_off()
    message = b.next()
    assert (message.topic, message.payload) == (TOPICS[2], b"client not disconnected"), message
    assert b.drain() == []
    return message


def offline_message_queueing(gateway, version):
    a = client(gateway, version, "a", lasting=True)
    a.subscribe(ALL_OF_TWO_LEVELS)
    a.leave()

    b = client(gateway, version, "b")
    for qos, topic in enumerate(TOPICS[1:4]):
        b.publish(topic, f"qos {qos}", qos)
    b.leave()

    # Whether QoS 0 waits for who is away is the server's to choose.
    waited = {message.payload for message in lasting_again(gateway, version, "a").drain()}
    assert waited - {b"qos 0"} == {b"qos 1", b"qos 2"}, waited


def overlapping_subscriptions(gateway, version):
    a = client(gateway, version, "a")
    assert a.subscribe(list(zip(OVERLAPPING, (2, 1)))) == [2, 1]
    a.publish(TOPICS[3], b"overlapping topic filters", 2)
    # One message with the highest QoS, or one for each filter: both are allowed.
    heard = sorted(message.qos for message in a.drain())
    assert heard in ([2], [1, 2]), heard


def keepalive(gateway, version):
    b = client(gateway, version, "b")
    b.subscribe(TOPICS[4])
    silent = Raw(gateway, version)
    silent.enter("a", keepalive=1, will=(TOPICS[4], "keepalive expiry"))
    began = time.monotonic()
    assert b.next().payload == b"keepalive expiry"
    took = time.monotonic() - began
    assert took > 1, took
    assert b.drain() == []


def redelivery_on_reconnect(gateway, version):
    b = Raw(gateway, version)
    # Property 0x11: session expiry interval.
    b.enter("b", clean=False, said=b"\x11" + FOR_LONG.to_bytes(4, "big") if version == V5 else b"")
    b.subscribe("TopicA/#")
    b.publish(TOPICS[1], b"1", 1, 10)
    b.publish(TOPICS[3], b"2", 2, 11)
    for _ in range(2):
        b.receive_only(raw.PUBLISH)
    b.close()

    again = lasting_again(gateway, version, "b")
    heard = {(message.topic, message.payload, message.qos, message.dup) for message in again.drain()}
    assert heard == {(TOPICS[1], b"1", 1, True), (TOPICS[3], b"2", 2, True)}, heard


def dollar_topics(gateway, version):
    b = client(gateway, version, "b")
    b.subscribe(ALL_OF_TWO_LEVELS)
    # Nobody may publish on them, either; 3.1.1 has no words for that.
    assert (b.publish(f"${TOPICS[1]}", b"", 1) >= 0x80) == (version == V5)
    assert b.drain() == []
