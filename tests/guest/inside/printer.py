"""An ESC/POS printer of the USB printer class, as far as receipts go: it answers DLE EOT, GS a, GS r and GS ( H, keeps
what it printed, runs out of paper, stops taking bytes and stalls."""

import errno
import struct

import usb

OUT, IN = 1, 2
GET_DEVICE_ID, GET_PORT_STATUS = 0, 1
CLEAR_FEATURE = 1
DLE_EOT = b"\x10\x04"
# Lengths of commands without data, by their first two bytes.
PLAIN = {b"\x1b@": 2, b"\x1bd": 3, b"\x1ba": 3, b"\x1bE": 3, b"\x1b-": 3, b"\x1bp": 5, b"\x1d!": 3, b"\x1da": 3,
         b"\x1dr": 3, b"\x1c&": 2, b"\x1c.": 2, b"\x1c-": 3, b"\x1dV": 4, b"\x10\x04": 3}


class Printer(usb.Device):
    def __init__(self, serial, ids=(0x04B8, 0x0202), one_way=False):
        endpoints = usb.endpoint(0x01, 2, 512, 0)
        if not one_way:
            endpoints += usb.endpoint(0x82, 2, 512, 0)
        body = struct.pack("<9B", 9, 4, 0, 0, 1 if one_way else 2, 7, 1, 1 if one_way else 2, 0) + endpoints
        strings = ["", "Guest", "Receipt printer", serial]
        super().__init__(usb.device_descriptor(ids), usb.config_descriptor(1, body), strings, class_request=self.ask)
        self.has_paper, self.reports, self.stalls = True, False, 0
        self.near_end = self.cover_open = self.error = False
        # What it says nothing to.
        self.mute = set()
        # So many more bytes are taken; None: all.
        self.takes = None
        self.open, self.paper, self.papers, self.taken, self.cleared = b"", b"", [], 0, 0
        self.held = []
        # So many more bytes of jobs before the paper ends; None: it does not.
        self.left = None

    def plug(self, port):
        self.settle()
        # Power on: what was half printed hangs there, what was half understood is forgotten.
        self.open, self.reports, self.held, self.takes = b"", False, [], None
        return super().plug(port)

    def ask(self, kind, request, value, index, length, data):
        if (kind, request) == (0xA1, GET_DEVICE_ID):
            text = b"MFG:GUEST;CMD:ESC/POS;MDL:Receipt printer;CLS:PRINTER;"
            return struct.pack(">H", len(text) + 2) + text
        if (kind, request) == (0xA1, GET_PORT_STATUS):
            return bytes([0x18 if self.has_paper else 0x38])
        return None if kind & 0x80 else b""

    def standard(self, kind, request, value, index):
        if (kind, request, value) == (2, CLEAR_FEATURE, 0):
            self.cleared += 1

    def refuse(self, count):
        """So many transfers stall."""
        self.stalls = count

    def everything(self):
        return b"".join([*self.papers, self.paper])

    def set_paper(self, has_paper):
        self.become(has_paper=has_paper)

    def become(self, **what):
        """`has_paper`, `near_end`, `cover_open`, `error`: reported, when it is to; what was held goes on."""
        with self.lock:
            for name, value in what.items():
                setattr(self, name, value)
            if self.reports:
                self.report()
            if self.works():
                self.go_on()

    def silent(self, *what):
        """Says nothing to these: "status", "queued", "process"."""
        with self.lock:
            self.mute = set(what)

    def noise(self, data):
        with self.lock:
            self.send(data)

    def end_paper_after(self, count):
        """The roll ends behind so many more bytes of jobs; a command is not begun that has not enough left."""
        with self.lock:
            self.left = count

    def take_only(self, count):
        """So many more bytes, and no other."""
        with self.lock:
            self.takes = count

    def never_ends(self):
        """Forgets both, where they hit nothing."""
        with self.lock:
            self.left = self.takes = None
            self.go_on()

    def is_stuck(self):
        """It does not take what the host has for it."""
        with self.lock:
            return bool(self.held)

    def stall_held(self):
        """Stalls on what it has not taken yet, and takes everything after that."""
        with self.lock:
            self.takes = None
            self._return(self.held.pop(0)[0], -errno.EPIPE)

    # What follows runs with the lock held.

    def out(self, sequence, endpoint, data):
        if self.stalls:
            self.stalls -= 1
            self._return(sequence, -errno.EPIPE)
            return
        self.held.append((sequence, data, len(data)))
        self.go_on()

    def called_back(self, sequence):
        before = len(self.held)
        self.held = [it for it in self.held if it[0] != sequence]
        return len(self.held) < before

    def go_on(self):
        while self.held:
            sequence, data, length = self.held.pop(0)
            count = len(data) if self.takes is None else min(self.takes, len(data))
            self.taken += count
            if self.takes is not None:
                self.takes -= count
            rest = data[count:]
            self.open += data[:count]
            self.work()
            if rest or (self.open and not self.works()):
                self.held.insert(0, (sequence, rest, length))
                return
            self._return(sequence, 0, b"", length)

    def works(self):
        return self.has_paper and not self.cover_open and not self.error

    def work(self):
        while self.open and self.works():
            length = self.command()
            if length is None or length > len(self.open):
                return
            if self.left is not None and self.open[:2] != DLE_EOT:
                if self.left < length:
                    self.left = None
                    self.set_paper(False)
                    break
                self.left -= length
            command, self.open = self.open[:length], self.open[length:]
            self.do(command)
        # Questions in real time are answered whatever else is.
        while not self.works() and DLE_EOT in self.open:
            at = self.open.index(DLE_EOT)
            if len(self.open) < at + 3:
                return
            self.do(self.open[at : at + 3])
            self.open = self.open[:at] + self.open[at + 3 :]

    def command(self):
        """Length of the first command; None: more is needed to say."""
        first = self.open[0]
        if first not in (0x10, 0x1B, 0x1C, 0x1D):
            return 1
        if len(self.open) < 2:
            return None
        head = self.open[:2]
        if head in PLAIN:
            return PLAIN[head]
        if head == b"\x1d(":
            return 5 + int.from_bytes(self.open[3:5], "little") if len(self.open) >= 5 else None
        if head == b"\x1dv":
            if len(self.open) < 8:
                return None
            return 8 + int.from_bytes(self.open[4:6], "little") * int.from_bytes(self.open[6:8], "little")
        raise AssertionError("no such command: %r" % head)

    def do(self, command):
        if command[:2] == DLE_EOT:
            if "status" not in self.mute:
                self.say(self.answer(command[2]))
        elif command[:2] == b"\x1da":
            self.reports = command[2] != 0
            if self.reports:
                self.report()
        elif command[:2] == b"\x1dr":
            if "queued" not in self.mute:
                self.say(self.roll())
        elif command[:3] == b"\x1d(H":
            if "process" not in self.mute:
                self.send(b"\x37\x22" + command[7:11] + b"\0")
        elif command[:2] == b"\x1dV":
            self.papers.append(self.paper)
            self.paper = b""
        elif command[0] not in (0x10, 0x1B, 0x1C, 0x1D, 0):
            self.paper += command

    def answer(self, question):
        """To DLE EOT."""
        out = not self.has_paper
        return {
            1: 0x16 | (not self.works()) << 3,
            2: 0x12 | self.cover_open << 2 | out << 5 | self.error << 6,
            3: 0x12 | self.error << 3,
            4: 0x12 | (0x0C if self.near_end else 0) | (0x6C if out else 0),
        }[question]

    def roll(self):
        return (0 if self.has_paper else 0x0C) | (0x03 if self.near_end else 0)

    def report(self):
        head = 0x10 | (not self.works()) << 3 | self.cover_open << 5
        self.send(bytes([head, self.error << 3, self.roll(), 0]))

    def say(self, byte):
        self.send(bytes([byte]))

    def send(self, data):
        self.feed(IN, data)


class Played(Printer):
    """One that says what a recording has, as soon as it heard what came before it. Looks at it that the recording does
    not have are answered: a daemon looks at an idle printer every few seconds."""

    ASK_PROCESS, PROCESS = b"\x1d(H\x06\x00\x30\x30", b"\x37\x22"
    LOOKS = {b"\x10\x04\x01": 0x16, b"\x10\x04\x02": 0x12, b"\x10\x04\x04": 0x12}

    def __init__(self, serial, recording):
        super().__init__(serial)
        self.records, self.heard, self.wrong, self.numbers = [], b"", None, (b"", b"")
        for line in recording.splitlines():
            words = line.split("|")[0].split(" ", 2)
            if len(words) == 3 and words[1] in "<>" and not line.startswith("#"):
                self.records.append((words[1], bytes.fromhex(words[2])))

    def out(self, sequence, endpoint, data):
        self.heard += data
        self._return(sequence, 0, b"", len(data))
        while self.records and not self.wrong and self.play(*self.records[0]):
            pass

    def play(self, way, recorded):
        """Whether it was something."""
        if way == "<":
            self.send(recorded.replace(self.PROCESS + self.numbers[0], self.PROCESS + self.numbers[1]))
        elif self.heard[:3] in self.LOOKS and not recorded.startswith(self.heard[:3]):
            self.say(self.LOOKS[self.heard[:3]])
            self.heard = self.heard[3:]
            return True
        elif len(self.heard) < len(recorded):
            return False
        else:
            written, self.heard = self.heard[: len(recorded)], self.heard[len(recorded) :]
            at = recorded.find(self.ASK_PROCESS) + len(self.ASK_PROCESS)
            if self.ASK_PROCESS in recorded:
                self.numbers = recorded[at : at + 4], written[at : at + 4]
                written = written[:at] + self.numbers[0] + written[at + 4 :]
            self.wrong = None if written == recorded else (recorded.hex(" "), written.hex(" "))
        self.records.pop(0)
        return True
