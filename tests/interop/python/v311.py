"""The cases of `client_test.py`, for version 3.1.1, by the suite's names."""

import both
import raw
from both import ALL_OF_TWO_LEVELS, FORBIDDEN, client
from client import V311
from raw import Raw


def test_basic(gateway):
    both.basic(gateway, V311)


def test_retained_message(gateway):
    a = client(gateway, V311, "a")
    both.retain_three(a)
    a.subscribe(ALL_OF_TWO_LEVELS)
    kept = a.drain()
    both.assert_are_three(kept)
    assert all(message.retain for message in kept), kept
    a.leave()

    a = client(gateway, V311, "a")
    both.end_retaining(a)
    a.subscribe(ALL_OF_TWO_LEVELS)
    assert a.drain() == []


def test_will_message(gateway):
    both.will_message(gateway, V311)


def test_zero_length_clientid(gateway):
    refused = Raw(gateway, V311)
    refused.connect("", clean=False)
    # 2: the client identifier is not allowed.
    assert refused.receive() == (raw.CONNACK, b"\x00\x02")
    client(gateway, V311, "").leave()


def test_offline_message_queueing(gateway):
    both.offline_message_queueing(gateway, V311)


def test_overlapping_subscriptions(gateway):
    both.overlapping_subscriptions(gateway, V311)


def test_keepalive(gateway):
    both.keepalive(gateway, V311)


def test_redelivery_on_reconnect(gateway):
    both.redelivery_on_reconnect(gateway, V311)


def test_subscribe_failure(gateway):
    assert client(gateway, V311, "a").subscribe(FORBIDDEN) == [0x80]


def test_dollar_topics(gateway):
    both.dollar_topics(gateway, V311)
