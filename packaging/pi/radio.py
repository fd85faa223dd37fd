"""The guest's Bluetooth radio, and who is near it: a sensor and a Nordic UART peripheral.

    radio.py SOCKET FOLDER

QEMU's serial port behind SOCKET leads to a controller, which `btattach` in the guest takes for one on a UART, as that of
a Raspberry Pi is. The controller, the sensor and the peripheral hear each other.

The guest tells them what to do by lines in FOLDER/orders, and reads in FOLDER/radio.log what became of it:

    temperature 22.5        the sensor measures that from now on
    press                   somebody presses the sensor's button
    publish TEXT            the peripheral notifies TEXT and a newline
    hang-up                 the peripheral ends the connection
    refuse-scans yes        the controller begins no scan; `no`: it does again
"""

import asyncio
import logging
import struct
import sys
from pathlib import Path

from bumble import ll
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.device import Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import (
    Address,
    HCI_ErrorCode,
    HCI_LE_Connection_Complete_Event,
    HCI_StatusReturnParameters,
    LeFeatureMask,
)
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink

GUEST = Address("02:00:00:00:00:01", Address.PUBLIC_DEVICE_ADDRESS)
SENSOR = Address("C0:FF:EE:00:00:01", Address.RANDOM_DEVICE_ADDRESS)
PERIPHERAL = Address("C0:FF:EE:00:00:02", Address.RANDOM_DEVICE_ADDRESS)

# The Nordic UART Service; RX and TX are as the peripheral sees them.
SERVICE, RX, TX = (f"6E40000{n}-B5A3-F393-E0A9-E50E24DCCA9E" for n in (1, 2, 3))

# Types of data in an advert: Bluetooth Assigned Numbers, 2.3, read 2026-11.
FLAGS, SERVICE_UUIDS_128, NAME, SERVICE_DATA_16 = 0x01, 0x07, 0x09, 0x16
# Discoverable, and no classic Bluetooth.
LE_ONLY = (FLAGS, b"\x06")


class Link(LocalLink):
    """Gives data of a connection the address that its sender has in the connection.

    bumble gives it the sender's random address, and a kernel connects with its public one.
    """

    def send_acl_data(self, sender_controller, destination_address, transport, data):
        if transport != PhysicalTransport.LE:
            super().send_acl_data(sender_controller, destination_address, transport, data)
            return
        connections = sender_controller.le_connections.values()
        source = next((c.self_address for c in connections if c.peer_address == destination_address), None)
        receiver = self.find_le_controller(destination_address)
        if source and receiver:
            asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, source, transport, data)


class GuestController(Controller):
    """What the guest's kernel speaks to. It does a few things that a real one does and bumble's does not."""

    def __init__(self, link, transport):
        super().__init__(
            "guest", host_source=transport.source, host_sink=transport.sink, link=link, public_address=GUEST
        )
        # What the link takes for its address. Without this it has one by chance.
        self.random_address = GUEST
        # With these the kernel waits for the enhanced form of the event that tells a connection, which bumble never
        # sends; each later connection then fails as busy.
        self.le_features &= ~(
            LeFeatureMask.LL_PRIVACY | LeFeatureMask.LE_EXTENDED_ADVERTISING | LeFeatureMask.LE_PERIODIC_ADVERTISING
        )
        self.refuses_scans = False

    def on_hci_reset_command(self, command):
        """A scan ends, too. The kernel begins with a reset, and its next scan is refused while one is on."""
        self.le_scan_enable = False
        self.pending_le_connection = None
        return super().on_hci_reset_command(command)

    def on_hci_le_set_scan_parameters_command(self, command):
        if self.refuses_scans:
            return HCI_StatusReturnParameters(HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        return super().on_hci_le_set_scan_parameters_command(command)

    def on_hci_le_create_connection_cancel_command(self, command):
        """The connection that was waited for is told to have failed; the kernel waits for that."""
        if pending := self.pending_le_connection:
            self.pending_le_connection = None
            failed = HCI_LE_Connection_Complete_Event(
                status=HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=0,
                peer_address_type=pending.peer_address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
            asyncio.get_running_loop().call_soon(self.send_hci_packet, failed)
        return super().on_hci_le_create_connection_cancel_command(command)


class Sensor:
    """Sends adverts in the format of BTHome 2, and listens to nobody."""

    TEMPERATURE, BUTTON, PRESS = 0x02, 0x3A, 0x01

    def __init__(self, link):
        self.link = link
        self.packet = 0
        self.celsius = 21.5
        # It says one thing after the other: a measurement between the repeats of a press would give them its number.
        self.speaks = asyncio.Lock()

    async def run(self):
        while True:
            async with self.speaks:
                self.send(struct.pack("<Bh", self.TEMPERATURE, round(self.celsius * 100)))
            await asyncio.sleep(1)

    async def press(self):
        """As buttons do, it says the same five times, so that it is heard once."""
        async with self.speaks:
            for repeat in range(5):
                self.send(bytes([self.BUTTON, self.PRESS]), is_new=repeat == 0)
                await asyncio.sleep(0.05)

    def send(self, objects, is_new=True):
        self.packet = (self.packet + is_new) % 256
        # Version 2, not encrypted; then the packet's number.
        data = b"\xd2\xfc" + bytes([0x40, 0x00, self.packet]) + objects
        advert = advert_data(LE_ONLY, (SERVICE_DATA_16, data), (NAME, b"sensor"))
        self.link.send_advertising_pdu(self, ll.AdvInd(advertiser_address=SENSOR, data=advert))


class Peripheral:
    """Speaks lines over the Nordic UART Service."""

    def __init__(self, link, tell):
        self.tell = tell
        self.heard = b""
        write = Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE
        rx = Characteristic(RX, write, Characteristic.WRITEABLE, CharacteristicValue(write=self.on_write))
        self.tx = Characteristic(TX, Characteristic.Properties.NOTIFY, Characteristic.READABLE)
        self.tx.on(Characteristic.EVENT_SUBSCRIPTION, self.on_subscription)
        controller = Controller("peripheral", link=link)
        self.device = Device(name="uart", address=PERIPHERAL, host=Host(controller, AsyncPipeSink(controller)))
        self.device.add_service(Service(SERVICE, [rx, self.tx]))
        self.device.on(Device.EVENT_CONNECTION, self.on_connection)

    async def start(self):
        uuids = bytes.fromhex(SERVICE.replace("-", ""))[::-1]
        await self.device.power_on()
        await self.device.start_advertising(
            advertising_data=advert_data(LE_ONLY, (SERVICE_UUIDS_128, uuids), (NAME, b"uart")),
            auto_restart=True,
            advertising_interval_min=500,
            advertising_interval_max=500,
        )

    async def publish(self, text):
        line = text.encode() + b"\n"
        for connection in self.device.connections.values():
            size = connection.att_mtu - 3
            for piece in (line[at : at + size] for at in range(0, len(line), size)):
                await self.device.notify_subscriber(connection, self.tx, piece)

    async def hang_up(self):
        for connection in list(self.device.connections.values()):
            await connection.disconnect()

    def on_connection(self, connection):
        self.tell("connected")
        connection.on(connection.EVENT_DISCONNECTION, self.on_disconnection)

    def on_disconnection(self, _reason):
        self.heard = b""
        self.tell("disconnected")

    def on_subscription(self, _bearer, notifies, _indicates):
        self.tell("subscribed" if notifies else "unsubscribed")

    def on_write(self, _connection, value):
        *lines, self.heard = (self.heard + value).split(b"\n")
        for line in lines:
            self.tell(f"received {line.decode(errors='backslashreplace')}")


def advert_data(*parts):
    return b"".join(bytes([len(data) + 1, kind]) + data for kind, data in parts)


async def connected(socket):
    """QEMU makes the socket, in its own time."""
    while True:
        try:
            return await open_transport(f"unix:{socket}")
        except (FileNotFoundError, ConnectionRefusedError):
            await asyncio.sleep(0.1)


async def obey(orders, controller, sensor, peripheral, tell):
    done = 0
    while True:
        lines = orders.read_text().splitlines() if orders.exists() else []
        for line in lines[done:]:
            order, _, rest = line.partition(" ")
            match order:
                case "temperature":
                    sensor.celsius = float(rest)
                case "press":
                    await sensor.press()
                case "publish":
                    await peripheral.publish(rest)
                case "hang-up":
                    await peripheral.hang_up()
                case "refuse-scans":
                    controller.refuses_scans = rest == "yes"
                case _:
                    tell(f"unknown order: {line}")
        done = len(lines)
        await asyncio.sleep(0.1)


async def main(socket, folder):
    logging.basicConfig(level=logging.WARNING)
    with (folder / "radio.log").open("w") as log:

        def tell(text):
            print(text, file=log, flush=True)

        link = Link()
        transport = await connected(socket)
        controller = GuestController(link, transport)
        sensor = Sensor(link)
        peripheral = Peripheral(link, tell)
        await peripheral.start()
        work = [
            sensor.run(),
            obey(folder / "orders", controller, sensor, peripheral, tell),
            transport.source.wait_for_termination(),
        ]
        tasks = [asyncio.create_task(each) for each in work]
        # The last of them ends with QEMU. Where another one ends, something is wrong.
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
