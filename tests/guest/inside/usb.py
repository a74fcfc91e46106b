"""Real USB devices on vhci_hcd through a socket pair: no usbip tools, no network. Run as root in the guest.

The kernel speaks the URBs of USB/IP on the other end of the pair; closing it is a cable that is pulled. Reports of an
interrupt endpoint come as on a real bus: one in each of its intervals, however soon the host asks again."""

import errno
import os
import socket
import struct
import threading
import time

CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
HIGH_SPEED = 3
INTERRUPT = 3
MICROFRAME_S = 125e-6
ATTACH = "/sys/devices/platform/vhci_hcd.0/attach"
# Longest wait for threads whose cable is pulled.
SETTLE_S = 30
# Ports that the tests use.
PORTS = 4
STATUS = "/sys/devices/platform/vhci_hcd.0/status"


class Device:
    """One device: its descriptors, and what it is to send."""

    # All that are in a port: the next test wants an empty bus, however the last one ended.
    plugged = set()

    def __init__(self, device, config, strings, report_descriptor=b"", class_request=None):
        self.device, self.config, self.strings = device, config, strings
        self.report_descriptor = report_descriptor
        self.class_request = class_request
        self.to_send, self.asked, self.got = {}, {}, []
        self.lock = threading.RLock()
        self.intervals = intervals(config)
        # When an endpoint may send its next report, and those that wait for that.
        self.earliest, self.early = {}, set()
        self.turn = threading.Condition(self.lock)
        self.socket = None
        self.port = None
        self.threads = []

    def settle(self):
        """Waits until nothing of the last time that it was plugged in is left: an answer of then is none to what is
        asked next."""
        for thread in self.threads:
            thread.join(SETTLE_S)
            assert not thread.is_alive(), "it is served still"
        self.threads = []

    def plug(self, port):
        """Puts the cable in."""
        self.settle()
        wait_until(lambda: port_is_free(port), "the port to be free")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with self.lock:
            self.to_send, self.asked, self.earliest, self.early = {}, {}, {}, set()
            self.socket, self.port = ours, port
        Device.plugged.add(self)
        with open(ATTACH, "w") as attach:
            attach.write("%d %d %d %d" % (port, theirs.fileno(), port + 1, HIGH_SPEED))
        theirs.close()
        self.threads = [threading.Thread(target=work, args=(ours,), daemon=True) for work in (self._serve, self._pace)]
        for thread in self.threads:
            thread.start()
        return self

    def pull(self):
        """Pulls the cable, without a goodbye."""
        Device.plugged.discard(self)
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        finally:
            self.socket.close()
        with self.lock:
            self.turn.notify_all()

    def feed(self, endpoint, data):
        """Sends one transfer as soon as the host asks for it and the endpoint's turn has come."""
        with self.lock:
            self.to_send.setdefault(endpoint, []).append(data)
            self._give(endpoint)

    def _give(self, endpoint):
        """Answers what is asked with what there is, as fast as the bus would. With the lock held."""
        waiting, queue = self.asked.setdefault(endpoint, []), self.to_send.setdefault(endpoint, [])
        while waiting and queue and endpoint not in self.early:
            if self.earliest.get(endpoint, 0) > time.monotonic():
                self.early.add(endpoint)
                self.turn.notify_all()
                return
            sequence, length = waiting.pop(0)
            self.earliest[endpoint] = time.monotonic() + self.intervals.get(endpoint, 0)
            self._return(sequence, 0, queue.pop(0)[:length])

    def _pace(self, sock):
        """Lets each endpoint send when its turn has come, until the cable is pulled."""
        with self.lock:
            while self.socket is sock and sock.fileno() >= 0:
                if not self.early:
                    self.turn.wait()
                    continue
                first = min(self.early, key=self.earliest.get)
                wait = self.earliest[first] - time.monotonic()
                if wait > 0:
                    self.turn.wait(wait)
                    continue
                self.early.discard(first)
                try:
                    self._give(first)
                except OSError:
                    # The cable was pulled meanwhile.
                    return

    def out(self, sequence, endpoint, data):
        """Takes one transfer from the host."""
        self.got.append((endpoint, data))
        self._return(sequence, 0, b"", len(data))

    def standard(self, kind, request, value, index):
        """Hears of a standard request."""

    def unread(self, endpoint):
        """Transfers that the host has not asked for yet."""
        with self.lock:
            return len(self.to_send.get(endpoint, []))

    def _receive(self, sock, length):
        data = b""
        while len(data) < length:
            part = sock.recv(length - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _return(self, sequence, status, data=b"", actual=None):
        actual = len(data) if actual is None else actual
        head = struct.pack(">5I5i8x", RET_SUBMIT, sequence, 0, 0, 0, status, actual, 0, 0, 0)
        self.socket.sendall(head + data)

    def _string(self, index):
        if index == 0:
            return b"\x04\x03\x09\x04"
        if index >= len(self.strings):
            return None
        text = self.strings[index].encode("utf-16-le")
        return bytes([len(text) + 2, 3]) + text

    def _control(self, setup, data):
        kind, request, value, index, length = struct.unpack("<BBHHH", setup)
        if (kind, request) == (0x80, 6):
            wanted = value >> 8
            answer = {1: self.device, 2: self.config}.get(wanted)
            if wanted == 3:
                answer = self._string(value & 255)
        elif (kind, request, value) == (0x81, 6, 0x2200):
            answer = self.report_descriptor
        elif (kind, request) == (0x80, 0):
            answer = b"\0\0"
        elif kind in (0, 1, 2):
            self.standard(kind, request, value, index)
            answer = b""
        elif self.class_request:
            answer = self.class_request(kind, request, value, index, length, data)
        else:
            answer = None if kind & 0x80 else b""
        return answer if answer is None else answer[:length]

    def _submit(self, sock, sequence, is_in, endpoint, length, setup):
        data = self._receive(sock, length) if not is_in and length > 0 else b""
        if endpoint == 0:
            answer = self._control(setup, data)
            if answer is None:
                self._return(sequence, -errno.EPIPE)
            elif is_in:
                self._return(sequence, 0, answer)
            else:
                self._return(sequence, 0, b"", length)
        elif not is_in:
            with self.lock:
                self.out(sequence, endpoint, data)
        else:
            with self.lock:
                self.asked.setdefault(endpoint, []).append((sequence, length))
                self._give(endpoint)

    def _unlink(self, sequence, unlinked):
        with self.lock:
            hit = False
            for waiting in self.asked.values():
                for entry in [entry for entry in waiting if entry[0] == unlinked]:
                    waiting.remove(entry)
                    hit = True
            hit |= self.called_back(unlinked)
            status = -errno.ECONNRESET if hit else 0
            self.socket.sendall(struct.pack(">5Ii24x", RET_UNLINK, sequence, 0, 0, 0, status))

    def called_back(self, sequence):
        """The host takes back a transfer that it wanted us to take; whether we had it still."""
        return False

    def _serve(self, sock):
        try:
            while True:
                head = self._receive(sock, 48)
                command, sequence, _, is_in, endpoint, _, length, _, _, _ = struct.unpack(">5I5i", head[:40])
                if command == CMD_SUBMIT:
                    self._submit(sock, sequence, is_in == 1, endpoint, length, head[40:48])
                elif command == CMD_UNLINK:
                    self._unlink(sequence, struct.unpack(">I", head[20:24])[0])
        except (EOFError, OSError):
            pass


def intervals(config):
    """Seconds between two reports of each interrupt endpoint that sends, by a configuration of a high-speed device."""
    found, at = {}, 0
    while at < len(config):
        if config[at + 1] == 5 and config[at + 2] & 0x80 and config[at + 3] & 3 == INTERRUPT:
            found[config[at + 2] & 0x0F] = 2 ** (config[at + 6] - 1) * MICROFRAME_S
        at += config[at]
    return found


def pull_all():
    """Leaves an empty bus."""
    for device in list(Device.plugged):
        try:
            device.pull()
        except OSError:
            pass
    wait_until(lambda: all(port_is_free(port) for port in range(PORTS)), "all ports to be free")


def port_is_free(port):
    """Whether nothing is plugged in there (4: the kernel's word for that)."""
    with open(STATUS) as status:
        for line in status.read().splitlines()[1:]:
            words = line.split()
            if int(words[1]) == port:
                return int(words[2]) == 4
    return False


def wait_until(true, what, seconds=180):
    """Waits until `true()` is; a condition, never a guess."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError("waited in vain for " + what)
        time.sleep(0.02)


def device_descriptor(ids, device_class=0):
    return struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, device_class, 0, 0, 64, *ids, 0x100, 1, 2, 3, 1)


def config_descriptor(interfaces, body):
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), interfaces, 1, 0, 0x80, 50) + body


def endpoint(address, kind, size, interval):
    return struct.pack("<BBBBHB", 7, 5, address, kind, size, interval)


def hid(ids, product, serial, report_descriptor, protocol=(0, 0), interval=4):
    """A device with one HID interface whose reports come from endpoint 1; the interval as the bus has it."""
    interface = struct.pack("<9B", 9, 4, 0, 0, 1, 3, *protocol, 0)
    interface += struct.pack("<BBHBBBH", 9, 0x21, 0x111, 0, 1, 0x22, len(report_descriptor))
    interface += endpoint(0x81, INTERRUPT, 64, interval)
    return Device(
        device_descriptor(ids),
        config_descriptor(1, interface),
        ["", "Guest", product, serial],
        report_descriptor,
    )


POS_DESCRIPTOR = bytes.fromhex(
    "058c 0902 a101 0912 a102 8502 1500 26ff00 7508 9501 0501 093b 8102 9503"
    "058c 09fb 09fc 09fd 8102 9538 09fe 820201 7501 9501 09ff 8102 9507 8103 c0 c0"
)
POS_DATA_BYTES = 56


def pos_scanner(serial, ids=(0x0C2E, 0x0B61)):
    """A scanner by HID POS, with symbology and the flag that a code goes on."""
    return hid(ids, "HID POS scanner", serial, POS_DESCRIPTOR)


def pos_reports(code, symbology=b"]E0"):
    """The reports that carry one code."""
    parts = [code[i : i + POS_DATA_BYTES] for i in range(0, len(code), POS_DATA_BYTES)] or [b""]
    for number, part in enumerate(parts):
        more = number + 1 < len(parts)
        yield bytes([2, len(part)]) + symbology + part.ljust(POS_DATA_BYTES, b"\0") + bytes([more])


KEYBOARD_DESCRIPTOR = bytes.fromhex(
    "0501 0906 a101 0507 19e0 29e7 1500 2501 7501 9508 8102 9501 7508 8103"
    "9506 7508 1500 2565 0507 1900 2965 8100 c0"
)
# 16 ms between two key reports, 2 to the power of 7 microframes: a scanner at its usual "slow keyboard" setting. The
# kernel keeps about twenty key reports for a reader; on an emulated machine that must be a long time.
KEY_INTERVAL = 8
CTRL, SHIFT = 0x01, 0x02
KEYS = {chr(ord("a") + i): (0, 4 + i) for i in range(26)}
KEYS.update({chr(ord("A") + i): (SHIFT, 4 + i) for i in range(26)})
KEYS.update({digit: (0, 30 + i) for i, digit in enumerate("1234567890")})
KEYS.update({sign: (SHIFT, 30 + i) for i, sign in enumerate("!@#$%^&*()")})
KEYS.update({"\r": (0, 40), "-": (0, 45), "[": (0, 47), "]": (0, 48), "\x1d": (CTRL, 48), "\x04": (CTRL, 7)})
KEYS.update({"\x1e": (CTRL, 35), "/": (0, 56), "?": (SHIFT, 56), ":": (SHIFT, 51), ".": (0, 55), "=": (0, 46)})


def wedge(serial, ids=(0x0C2E, 0x0200)):
    """A scanner that is a keyboard."""
    return hid(ids, "Keyboard scanner", serial, KEYBOARD_DESCRIPTOR, protocol=(1, 1), interval=KEY_INTERVAL)


def key_reports(text):
    """The reports that type a text: each key down, then all up."""
    for character in text:
        modifier, usage = KEYS[character]
        yield bytes([modifier, 0, usage, 0, 0, 0, 0, 0])
        yield bytes(8)


# What a host says of a serial line, and the bits of its state.
SET_LINE_CODING, SET_CONTROL_LINE_STATE = 0x20, 0x22
DTR, RTS = 1, 2


def cdc_scanner(serial, ids=(0x0C2E, 0x0720)):
    """A scanner on USB-CDC; its bytes come from endpoint 2."""
    functions = bytes.fromhex("0524001001 0524010001 04240202 0524060001")
    body = struct.pack("<9B", 9, 4, 0, 0, 1, 2, 2, 1, 0) + functions + endpoint(0x83, 3, 16, 4)
    body += struct.pack("<9B", 9, 4, 1, 0, 2, 10, 0, 0, 0) + endpoint(0x01, 2, 512, 0) + endpoint(0x82, 2, 512, 0)
    lines = []

    def line_coding(kind, request, value, index, length, data):
        lines.append((request, value, data))
        return struct.pack("<IBBB", 9600, 0, 0, 8) if kind & 0x80 else b""

    device = Device(
        device_descriptor(ids, 2),
        config_descriptor(2, body),
        ["", "Guest", "CDC scanner", serial],
        class_request=line_coding,
    )
    device.lines = lines
    return device


def finish():
    """Leaves at once: threads that serve devices would hold the process."""
    os._exit(0)
