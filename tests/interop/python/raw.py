"""A client that sends what it is told to, for what no proper client does: it answers nothing by itself."""

import socket
import struct

from client import V5

CONNACK, PUBLISH, PUBACK, PUBREC, SUBACK, DISCONNECT = 0x20, 0x30, 0x40, 0x50, 0x90, 0xE0


class Raw:
    """A socket, and packets of MQTT on it."""

    def __init__(self, gateway, version):
        self.gateway, self.version = gateway, version
        self.socket = socket.create_connection((gateway.host, gateway.port), gateway.patience)
        self.stream = self.socket.makefile("rb")

    def connect(self, client_id, clean=True, keepalive=60, will=None, said=b"", protocol="MQTT"):
        """Asks to be let in; `will` is a topic and a payload, `said` are properties of version 5."""
        flags = 0xC0 | (2 if clean else 0) | (0x14 if will else 0)
        body = text(protocol) + struct.pack("!BBH", self.version, flags, keepalive) + self.properties(said)
        body += text(client_id)
        if will:
            body += self.properties(b"") + text(will[0]) + text(will[1])
        self.send(0x10, body + text(self.gateway.name) + text(self.gateway.token))

    def enter(self, client_id, **how):
        """The same, and it has to be let in."""
        self.connect(client_id, **how)
        kind, body = self.receive()
        assert (kind, body[1]) == (CONNACK, 0), (kind, body)

    def subscribe(self, topic_filter, qos=2):
        self.send(0x82, struct.pack("!H", 1) + self.properties(b"") + text(topic_filter) + bytes([qos]))
        assert self.receive()[0] == SUBACK

    def publish(self, topic, payload, qos, packet_id, said=b""):
        identified = struct.pack("!H", packet_id) if qos else b""
        self.send(PUBLISH | qos << 1, text(topic) + identified + self.properties(said) + payload)

    def acknowledge(self, packet_id):
        """Acknowledges what came with QoS 1."""
        self.send(PUBACK, struct.pack("!H", packet_id))

    def properties(self, encoded):
        return bytes([len(encoded)]) + encoded if self.version == V5 else b""

    def send(self, kind, body):
        length, left = b"", len(body)
        while left > 0x7F:
            length, left = length + bytes([left & 0x7F | 0x80]), left >> 7
        self.socket.sendall(bytes([kind]) + length + bytes([left]) + body)

    def receive(self):
        """The next packet, without the flags of its type; none when the connection is over."""
        try:
            kind = self.stream.read(1)
            if not kind:
                return None
            length = shift = 0
            while True:
                byte = self.stream.read(1)[0]
                length, shift = length | (byte & 0x7F) << shift, shift + 7
                if byte < 0x80:
                    return kind[0] & 0xF0, self.stream.read(length)
        except ConnectionResetError:
            return None

    def receive_only(self, kind):
        """The next packet of a kind, the others being passed over."""
        while True:
            packet = self.receive()
            assert packet is not None, "the connection is over"
            if packet[0] == kind:
                return packet[1]

    def close(self):
        self.stream.close()
        self.socket.close()


def text(value):
    """A string as it is in a packet."""
    value = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(value)) + value


def packet_id(publish):
    """The packet identifier in the body of a PUBLISH of QoS 1 or 2."""
    end = 2 + struct.unpack("!H", publish[:2])[0]
    return struct.unpack("!H", publish[end : end + 2])[0]
