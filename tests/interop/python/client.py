"""A client for the cases: paho-mqtt, with every answer waited for, so that no case has to sleep."""

import queue

from paho.mqtt.client import CallbackAPIVersion, Client as Paho, MQTTv311, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

V311 = MQTTv311
V5 = MQTTv5

# What `drain` publishes; nothing else may be called so.
END = "end/"


class Gateway:
    """Where the gateway is, and who may log in there."""

    def __init__(self, told):
        self.host, self.port = told["host"], told["port"]
        # A client is always somebody: an observer sees everything of its user and may publish.
        self.name, self.token = "observer", told["token"]
        # Seconds after which something does not come any more; reached only when a case fails.
        self.patience = told["patience"]


def properties(packet, **values):
    """MQTT 5 properties by their names in paho; those of the user are a list."""
    made = Properties(packet)
    for name, value in values.items():
        for each in value if name == "UserProperty" else [value]:
            setattr(made, name, each)
    return made


class Client:
    """A connection that was made, or refused: `reason`, `session_present` and `offer` are of its CONNACK."""

    def __init__(self, gateway, client_id, version, clean=True, keepalive=60, will=None, **connect):
        self.gateway, self.client_id, self.version = gateway, client_id, version
        self.messages, self._answers, self.disconnects = queue.Queue(), {}, queue.Queue()
        self._drained = 0
        options = {"clean_session": clean} if version == V311 else {}
        self.paho = Paho(
            CallbackAPIVersion.VERSION2, client_id, protocol=version, reconnect_on_failure=False, **options
        )
        connected = queue.Queue()
        self.paho.username_pw_set(gateway.name, gateway.token)
        self.paho.on_connect = lambda _, __, flags, reason, offer: connected.put((flags, reason, offer))
        self.paho.on_message = lambda _, __, message: self.messages.put(message)
        self.paho.on_subscribe = lambda _, __, packet_id, reasons, ___: self._answer(packet_id).put(reasons)
        self.paho.on_unsubscribe = lambda _, __, packet_id, reasons, ___: self._answer(packet_id).put(reasons)
        self.paho.on_publish = lambda _, __, packet_id, reason, ___: self._answer(packet_id).put(reason)
        self.paho.on_disconnect = self._disconnected
        if will is not None:
            topic, payload, said = will
            self.paho.will_set(topic, payload, qos=2, properties=said)
        options = {}
        if version == V5:
            options = {"clean_start": clean, "properties": properties(PacketTypes.CONNECT, **connect)}
        self.paho.connect(gateway.host, gateway.port, keepalive, **options)
        self.paho.loop_start()
        flags, self.reason, self.offer = connected.get(timeout=gateway.patience)
        self.session_present = flags.session_present

    def _answer(self, packet_id):
        return self._answers.setdefault(packet_id, queue.Queue())

    def _disconnected(self, _, __, flags, reason, ___):
        self.disconnects.put(reason if flags.is_disconnect_packet_from_server else None)

    def _wait_for_answer(self, packet_id):
        answer = self._answer(packet_id).get(timeout=self.gateway.patience)
        del self._answers[packet_id]
        return answer

    def subscribe(self, filters, qos=2, identifier=None, **options):
        """Subscribes to one filter, or to a list of filters each with its QoS: what each was granted, as a number."""
        filters = [(filters, qos)] if isinstance(filters, str) else filters
        said = {}
        if self.version == V5:
            filters = [(each, SubscribeOptions(qos=wish, **options)) for each, wish in filters]
            if identifier is not None:
                said = {"properties": properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=identifier)}
        _, packet_id = self.paho.subscribe(filters, **said)
        return [reason.value for reason in self._wait_for_answer(packet_id)]

    def unsubscribe(self, topic_filter):
        self._wait_for_answer(self.paho.unsubscribe(topic_filter)[1])

    def publish(self, topic, payload=b"", qos=0, retain=False, **said):
        """Publishes, and waits for what QoS 1 and 2 are answered with: its reason, as a number."""
        options = {"properties": properties(PacketTypes.PUBLISH, **said)} if said else {}
        info = self.paho.publish(topic, payload, qos, retain, **options)
        return self._wait_for_answer(info.mid).value

    def next(self):
        """The next message."""
        return self.messages.get(timeout=self.gateway.patience)

    def take(self, count):
        """So many messages; there may be more."""
        return [self.next() for _ in range(count)]

    def drain(self):
        """All messages until now: what was published and answered before this call is among them, or does not come."""
        self._drained += 1
        topic, payload = f"{END}{self.client_id}", str(self._drained).encode()
        self.subscribe(topic)
        self.publish(topic, payload, 2)
        messages = []
        while True:
            message = self.next()
            if message.topic != topic:
                messages.append(message)
            elif message.payload == payload:
                self.unsubscribe(topic)
                return messages

    def disconnected(self):
        """Waits until the gateway ends the connection: the reason as a number, or none if it says none."""
        reason = self.disconnects.get(timeout=self.gateway.patience)
        return reason and reason.value

    def leave(self, **said):
        """Says goodbye."""
        options = {"properties": properties(PacketTypes.DISCONNECT, **said)} if said else {}
        self.paho.disconnect(**options)
        self.disconnects.get(timeout=self.gateway.patience)
        self.paho.loop_stop()

    def break_off(self):
        """Goes away without a word."""
        self.paho.socket().shutdown(2)
        self.disconnects.get(timeout=self.gateway.patience)
        self.paho.loop_stop()
