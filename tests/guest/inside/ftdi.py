"""A receipt printer on a serial line behind an FTDI adapter: the wires of a real one, driven by the kernel's ftdi_sio.

A printer without room drops CTS. An adapter that was told to heed it holds what the host sends; one that was not sends
on, and the bytes are lost."""

import struct

import usb
from desk import Desk
from printer import Printer
from printing import Job, count, printed
from usb import wait_until

OUT_AND_IN = usb.endpoint(0x81, 2, 512, 0) + usb.endpoint(0x02, 2, 512, 0)
IN = 1
# Requests of the maker, as ftdi_sio sends them.
SET_MODEM_LINES, SET_FLOW, MODEM_STATUS, LATENCY = 1, 2, 5, 0x0A
TO_HOST = 0xC0
NO_FLOW, RTS_CTS = 0, 1
# DTR and RTS, and that both are meant.
DTR, RTS = 0x0101, 0x0202
# Two bytes stand before what a line says: CTS, DSR and carrier; the sender is empty.
CTS, OTHER_LINES, LINE_STATUS = 0x10, 0xA1, 0x60
FT232BM = 0x0400
TABLE = 'role = "receipt"\nkind = "escpos-serial"\nusb = "0403:6001"\nbaud = 115200\nmodel = "epson-tm-80"\n'


class SerialPrinter(Printer):
    def __init__(self, serial):
        ids = (0x0403, 0x6001)
        super().__init__(serial, ids)
        head = usb.device_descriptor(ids)
        self.device = head[:12] + struct.pack("<H", FT232BM) + head[14:]
        self.config = usb.config_descriptor(1, struct.pack("<9B", 9, 4, 0, 0, 2, 0xFF, 0xFF, 0xFF, 2) + OUT_AND_IN)
        self.class_request = self.command_of_the_maker
        self.flow, self.raised, self.lost = None, set(), 0

    def command_of_the_maker(self, kind, request, value, index, length, data):
        if kind == TO_HOST:
            return {MODEM_STATUS: self.status(), LATENCY: b"\x10"}.get(request)
        if request == SET_FLOW:
            self.flow = index >> 8
        if request == SET_MODEM_LINES:
            self.raised |= {line for line in (DTR, RTS) if value & line == line}
        return b""

    # With the lock held.

    def status(self):
        has_room = self.takes is None or self.takes > 0
        return bytes([OTHER_LINES | (CTS if has_room else 0), LINE_STATUS])

    def send(self, data):
        self.feed(IN, self.status() + data)

    def out(self, sequence, endpoint, data):
        if self.takes is not None and self.flow != RTS_CTS:
            self.lost += max(0, len(data) - self.takes)
            whole, data = len(data), data[: self.takes]
            self.takes -= len(data)
            self.open += data
            self.work()
            self._return(sequence, 0, b"", whole)
            return
        super().out(sequence, endpoint, data)


def rts_cts_is_heeded():
    """A printer without room in the middle of a long receipt: nothing is lost, and it comes out once, whole."""
    desk = Desk({"slip": TABLE + 'flow = "rts-cts"\n'})
    device = SerialPrinter("F1").plug(0)
    desk.ready("slip")
    assert device.flow == RTS_CTS and device.raised == {DTR, RTS}, (device.flow, device.raised)
    for number, room in enumerate((40, 300, 1000)):
        device.take_only(room)
        job = Job(desk, "held-%d" % number, lines=100)
        wait_until(lambda: device.takes == 0 and device.is_stuck(), "the wire to be held")
        device.never_ends()
        printed(job, "PROCESS_ID")
        assert count(device, "held-%d" % number) == 1 and device.papers[-1].count(b" line ") == 100, device.papers[-1]
    assert device.lost == 0
    device.pull()
    desk.missing("slip")
    desk.stop()


def without_flow_control_no_line_is_heeded():
    """The adapter is told to heed nothing, and what has no room is lost: the far end of the other test shows it."""
    desk = Desk({"slip": TABLE})
    device = SerialPrinter("F1").plug(0)
    desk.ready("slip")
    assert device.flow == NO_FLOW, device.flow
    printed(Job(desk, "free", lines=30), "PROCESS_ID")
    device.take_only(300)
    Job(desk, "lost", lines=30)
    wait_until(lambda: device.lost > 0, "bytes to be lost")
    device.pull()
    desk.missing("slip")
    desk.stop()


TESTS = {
    "serial_printer_holds_its_wire_by_cts": rts_cts_is_heeded,
    "serial_printer_without_flow_control": without_flow_control_no_line_is_heeded,
}
