"""Lasting sessions of both versions: `test_go` begins them and publishes, `test_come_back` finds that.

Between the two the gateway is started again.
"""

from both import TOPICS, client, lasting_again
from client import V5, V311


def test_go(gateway):
    for version in (V311, V5):
        sleeper = client(gateway, version, f"sleeper {version}", lasting=True)
        sleeper.subscribe(TOPICS[0])
        sleeper.leave()
    publisher = client(gateway, V5, "publisher")
    for qos in (1, 2):
        publisher.publish(TOPICS[0], f"qos {qos}", qos)


def test_come_back(gateway):
    for version in (V311, V5):
        sleeper = lasting_again(gateway, version, f"sleeper {version}")
        heard = [(message.payload, message.qos) for message in sleeper.drain()]
        assert heard == [(b"qos 1", 1), (b"qos 2", 2)], (version, heard)
