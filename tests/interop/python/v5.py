"""The cases of `client_test5.py`, for version 5, by the suite's names."""

import time

from paho.mqtt.packettypes import PacketTypes

import both
import raw
from both import ALL_OF_TWO_LEVELS, FOR_LONG, FORBIDDEN, TOPICS, lasting_again
from client import V5, properties
from raw import Raw, packet_id

USER = [("a", "2"), ("c", "3")]


def client(gateway, name, **options):
    return both.client(gateway, V5, name, **options)


def test_basic(gateway):
    both.basic(gateway, V5)


def test_retained_message(gateway):
    a = client(gateway, "a")
    both.retain_three(a, UserProperty=USER)
    a.subscribe(ALL_OF_TWO_LEVELS)
    kept = a.drain()
    both.assert_are_three(kept)
    for message in kept:
        assert message.properties.UserProperty == USER, message.properties


def test_will_message(gateway):
    said = properties(PacketTypes.WILLMESSAGE, WillDelayInterval=0, UserProperty=USER)
    will = both.will_message(gateway, V5, said)
    assert will.properties.UserProperty == USER, will.properties


def test_zero_length_clientid(gateway):
    for clean in (False, True):
        client(gateway, "", clean=clean).leave()


def test_offline_message_queueing(gateway):
    both.offline_message_queueing(gateway, V5)


def test_overlapping_subscriptions(gateway):
    both.overlapping_subscriptions(gateway, V5)


def test_keepalive(gateway):
    both.keepalive(gateway, V5)


def test_redelivery_on_reconnect(gateway):
    both.redelivery_on_reconnect(gateway, V5)


def test_subscribe_failure(gateway):
    # The suite's server says 0x80, no reason; the gateway has one: 0x87, not authorized.
    assert client(gateway, "a").subscribe(FORBIDDEN) == [0x87]


def test_dollar_topics(gateway):
    both.dollar_topics(gateway, V5)


def test_unsubscribe(gateway):
    b = client(gateway, "b")
    for topic in TOPICS[:3]:
        b.subscribe(topic)
    b.unsubscribe(TOPICS[0])
    a = client(gateway, "a")
    for topic in TOPICS[:3]:
        a.publish(topic, b"", 1)
    heard = [message.topic for message in b.drain()]
    assert heard == list(TOPICS[1:3]), heard


def test_session_expiry(gateway):
    def come(expiry, clean=False):
        made = client(gateway, "a", clean=clean, SessionExpiryInterval=expiry)
        present = made.session_present
        if clean:
            made.subscribe(TOPICS[0])
        return made, present

    # It ends at once.
    come(0, clean=True)[0].leave()
    a, present = come(0)
    assert not present
    a.leave()

    # The time itself is what is tried: these seconds have to pass.
    come(5, clean=True)[0].leave()
    time.sleep(2)
    a, present = come(5)
    assert present, "it ended after 2 s of 5"
    a.leave()
    time.sleep(6)
    a, present = come(5)
    assert not present, "it is there after 6 s of 5"
    a.leave()

    # What DISCONNECT says counts, and not what CONNECT said.
    come(1, clean=True)[0].leave(SessionExpiryInterval=5)
    time.sleep(3)
    a, present = come(1)
    assert present, "it ended after 3 s of 5"
    a.leave(SessionExpiryInterval=0)
    assert not come(1)[1], "it is there after 0 s"


def test_user_properties(gateway):
    for message in with_properties(gateway, UserProperty=USER):
        assert message.properties.UserProperty == USER, message.properties


def test_payload_format(gateway):
    for message in with_properties(gateway, PayloadFormatIndicator=1, ContentType="My name"):
        said = message.properties
        assert (said.PayloadFormatIndicator, said.ContentType) == (1, "My name"), said


def with_properties(gateway, **said):
    """What is heard of a message of each QoS that is published with these properties."""
    a = client(gateway, "a")
    a.subscribe(TOPICS[0])
    for qos in range(3):
        a.publish(TOPICS[0], b"", qos, **said)
    heard = a.drain()
    assert sorted(message.qos for message in heard) == [0, 1, 2], heard
    return heard


def test_publication_expiry(gateway):
    b = client(gateway, "b", SessionExpiryInterval=FOR_LONG)
    b.subscribe(TOPICS[0])
    b.leave(SessionExpiryInterval=999_999_999)
    a = client(gateway, "a")
    for seconds in (1, 6):
        for qos in (1, 2):
            a.publish(TOPICS[0], f"{seconds} s", qos, MessageExpiryInterval=seconds)
    # The time itself is what is tried.
    time.sleep(3)
    heard = lasting_again(gateway, V5, "b").drain()
    assert [message.payload for message in heard] == [b"6 s", b"6 s"], heard
    for message in heard:
        assert 0 < message.properties.MessageExpiryInterval < 6, message.properties


def test_subscribe_options(gateway):
    a, b = client(gateway, "a"), client(gateway, "b")
    for each in (a, b):
        each.subscribe(TOPICS[0], noLocal=True)
    a.publish(TOPICS[0], b"no local", 1)
    assert a.drain() == []
    assert [message.payload for message in b.drain()] == [b"no local"]
    a.leave()
    b.leave()

    a = client(gateway, "a")
    a.subscribe(TOPICS[0], retainAsPublished=True)
    for retain in (False, True):
        a.publish(TOPICS[0], b"as published", 1, retain=retain)
    assert [message.retain for message in a.drain()] == [False, True]
    a.leave()

    a = client(gateway, "a")
    both.retain_three(a)
    for handling, heard in ((1, (3, 0)), (2, (0, 0)), (0, (3, 3))):
        for count in heard:
            a.subscribe(ALL_OF_TWO_LEVELS, retainHandling=handling)
            kept = a.drain()
            assert len(kept) == count, (handling, count, kept)
            if count:
                both.assert_are_three(kept)
        a.leave()
        a = client(gateway, "a")


def test_assigned_clientid(gateway):
    assert client(gateway, "").offer.AssignedClientIdentifier != ""


def test_subscribe_identifiers(gateway):
    a, b = client(gateway, "a"), client(gateway, "b")
    a.subscribe(TOPICS[0], identifier=456_789)
    b.subscribe(TOPICS[0], identifier=2)
    b.subscribe(f"{TOPICS[0]}/#", identifier=3)
    b.publish(TOPICS[0], b"sub identifier test", 1)
    for each, identifiers in ((a, [456_789]), (b, [2, 3])):
        (message,) = each.drain()
        assert sorted(message.properties.SubscriptionIdentifier) == identifiers, message.properties


def test_request_response(gateway):
    a, b = client(gateway, "a"), client(gateway, "b")
    for each in (a, b):
        each.subscribe(TOPICS[0], noLocal=True)
    a.publish(TOPICS[0], b"request", 1, ResponseTopic=TOPICS[0], CorrelationData=b"334")
    (request,) = b.drain()
    asked = request.properties
    assert (asked.ResponseTopic, asked.CorrelationData) == (TOPICS[0], b"334"), asked
    b.publish(asked.ResponseTopic, b"response", 1, CorrelationData=asked.CorrelationData)
    (response,) = a.drain()
    assert response.payload == b"response", response
    assert response.properties.CorrelationData == b"334", response.properties


def test_client_topic_alias(gateway):
    # Property 0x23: topic alias. 0 is none, and paho sends none; 0x94: topic alias invalid.
    invalid = Raw(gateway, V5)
    invalid.enter("a")
    invalid.publish(TOPICS[0], b"topic alias 0", 1, 1, said=b"\x23\x00\x00")
    assert invalid.receive_only(raw.DISCONNECT)[0] == 0x94

    a = client(gateway, "a", SessionExpiryInterval=FOR_LONG, TopicAliasMaximum=0)
    assert a.offer.TopicAliasMaximum > 0
    a.subscribe(TOPICS[0])
    a.publish(TOPICS[0], b"topic alias 1", 1, TopicAlias=1)
    a.publish("", b"topic alias 2", 1, TopicAlias=1)
    heard = [(message.topic, message.payload) for message in a.drain()]
    assert heard == [(TOPICS[0], b"topic alias 1"), (TOPICS[0], b"topic alias 2")], heard
    a.leave()

    # Aliases end with the connection, subscriptions do not.
    a = lasting_again(gateway, V5, "a")
    a.publish(TOPICS[0], b"topic alias 3", 1)
    assert a.next().payload == b"topic alias 3"
    a.paho.publish("", b"topic alias 4", 1, properties=properties(PacketTypes.PUBLISH, TopicAlias=1))
    # 0x82: protocol error, 0x94: topic alias invalid.
    assert a.disconnected() in (0x82, 0x94)


def test_server_topic_alias(gateway):
    for wanted in ({"TopicAliasMaximum": 1}, {}, {"TopicAliasMaximum": 0}):
        a = client(gateway, "a", **wanted)
        a.subscribe(TOPICS[0])
        for qos in range(3):
            a.publish(TOPICS[0], b"topic alias", qos)
        heard = [(message.topic, getattr(message.properties, "TopicAlias", None)) for message in a.take(3)]
        if wanted.get("TopicAliasMaximum"):
            assert heard == [(TOPICS[0], 1), ("", 1), ("", 1)], heard
        else:
            assert heard == [(TOPICS[0], None)] * 3, heard
        a.leave()


def test_maximum_packet_size(gateway):
    a = client(gateway, "a")
    most = a.offer.MaximumPacketSize
    assert most < 65_535, most
    a.paho.publish(TOPICS[0], b"." * most, 0)
    # 0x95: packet too large.
    assert a.disconnected() == 0x95

    a = client(gateway, "a", MaximumPacketSize=64)
    a.subscribe(TOPICS[0])
    for size in (32, 64):
        a.publish(TOPICS[0], b"." * size, 1)
    assert [len(message.payload) for message in a.drain()] == [32]


def test_server_keep_alive(gateway):
    assert client(gateway, "a", keepalive=120).offer.ServerKeepAlive == 60


def test_flow_control1(gateway):
    a = Raw(gateway, V5)
    # Property 0x21: receive maximum.
    a.enter("a", said=b"\x21\x00\x02")
    a.subscribe(TOPICS[0], qos=1)
    for number in (1, 2, 3):
        a.publish(TOPICS[0], f"message {number}".encode(), 1, number)
    packets = [a.receive() for _ in range(5)]
    kinds = sorted(kind for kind, _ in packets)
    assert kinds == [raw.PUBLISH] * 2 + [raw.PUBACK] * 3, packets
    # The third does not come before one of the first is acknowledged: only this ping is answered.
    a.send(0xC0, b"")
    assert a.receive()[0] == 0xD0
    first, second = (packet_id(body) for kind, body in packets if kind == raw.PUBLISH)
    a.acknowledge(first)
    kind, third = a.receive()
    assert kind == raw.PUBLISH and third.endswith(b"message 3"), third
    a.acknowledge(second)
    a.acknowledge(packet_id(third))


def test_flow_control2(gateway):
    most = client(gateway, "a").offer.ReceiveMaximum
    a = Raw(gateway, V5)
    a.enter("b")
    # None of them is released.
    for number in range(1, most + 2):
        a.publish(TOPICS[0], b"", 2, number)
    # 0x93: receive maximum exceeded.
    assert a.receive_only(raw.DISCONNECT)[0] == 0x93


def test_will_delay(gateway):
    b = client(gateway, "b")
    b.subscribe(TOPICS[0])
    # The end of the session is the end of the delay, too.
    for delay, expiry, due in ((3, 5, 3), (5, 0, 0), (5, 2, 2)):
        said = properties(PacketTypes.WILLMESSAGE, WillDelayInterval=delay)
        will = (TOPICS[0], b"will", said)
        client(gateway, "a", will=will, SessionExpiryInterval=expiry).break_off()
        began = time.monotonic()
        assert b.next().payload == b"will"
        took = time.monotonic() - began
        assert due - 0.2 < took < due + 2, (due, took)


def test_shared_subscriptions(gateway):
    a, b = client(gateway, "a"), client(gateway, "b")
    for each in (a, b):
        assert each.subscribe([("$share/sharename/shared/x", 2), (TOPICS[0], 2)]) == [2, 2]
    b.publish(TOPICS[0], b"for both", 1)
    assert [len(each.drain()) for each in (a, b)] == [1, 1]
    b.publish("shared/x", b"for one", 1)
    assert sum(len(each.drain()) for each in (a, b)) == 1
