"""A card reader of the CCID class with one slot, with a keypad or without, and a 社保卡 that answers SELECT, VERIFY and READ
RECORD in it. Both are written from what the specifications publish."""

import struct
import threading

import usb

BULK_OUT, BULK_IN, NOTIFY = 1, 2, 3
POWER_ON, POWER_OFF, SLOT_STATUS, TRANSFER, GET_PARAMETERS, RESET_PARAMETERS, SET_PARAMETERS, SECURE = (
    0x62, 0x63, 0x65, 0x6F, 0x6C, 0x6D, 0x61, 0x69)
DATA_BLOCK, SLOT_STATE, PARAMETERS, ESCAPED = 0x80, 0x81, 0x82, 0x83
ACTIVE, INACTIVE, ABSENT, FAILED = 0, 1, 2, 0x40
ICC_MUTE = 0xFE
# Short APDUs; voltage, clock, rates and parameters by itself.
FEATURES = 0x000204BA
# 16 ms between two notifications, 2 to the power of 7 microframes.
NOTIFY_INTERVAL = 8
T0_PARAMETERS = bytes([0x11, 0, 0, 10, 0])
# Words that a reader answers for the card.
NOT_IN_TIME, CALLED_OFF = b"\x64\x00", b"\x64\x01"
PIN_TRIES = 3


class SocialCard:
    """An invented person's."""

    ATR = b"\x3b\x65\x00\x00SANDB"
    NAME = b"sx1.sh." + "社会保障".encode("gbk")

    def __init__(self, certno="430102198503129119", name="沈知远", number=1, pin=None):
        self.certno, self.name = certno, name
        # With a PIN it gives no record before that was verified.
        self.pin, self.tries = pin, PIN_TRIES
        self.card_no = "Z9%07d" % number
        self.card_sn = "430100D15600000599%014d" % number
        filled = lambda text, length: text.ljust(length, b"\0")
        self.files = {
            b"\xef\x05": {1: bytes.fromhex(self.card_sn), 2: b"3", 3: b"2.00", 4: bytes.fromhex("4301") + bytes(10),
                          5: bytes.fromhex("20210315"), 6: bytes.fromhex("20310314"),
                          7: filled(self.card_no.encode(), 9)},
            b"\xef\x06": {8: filled(certno.encode(), 18), 9: filled(name.encode("gb18030"), 30), 0x4E: bytes(20),
                          0x0A: b"1", 0x0B: b"\1", 0x0C: bytes.fromhex("430100"), 0x0D: bytes.fromhex("19850312")},
        }
        self.reset()

    def reset(self):
        self.in_system, self.file, self.is_open = False, None, self.pin is None

    def verify(self, block):
        if self.tries == 0:
            return b"\x69\x83"
        if block == bytes.fromhex(self.pin):
            self.tries, self.is_open = PIN_TRIES, True
            return b"\x90\x00"
        self.tries -= 1
        return bytes([0x63, 0xC0 + self.tries])

    def answer(self, command):
        head, data = command[:4], command[5:]
        if head == b"\x00\xa4\x04\x00":
            self.in_system = data[:15] == self.NAME
            return b"\x90\x00" if self.in_system else b"\x6a\x82"
        if head[:2] == b"\x00\xa4" and self.in_system:
            self.file = self.files.get(data[:2])
            return b"\x6a\x82" if self.file is None else b"\x90\x00"
        if head == b"\x00\x20\x00\x00" and self.pin is not None:
            return self.verify(data)
        if head[:2] == b"\x00\xb2" and not self.is_open:
            return b"\x69\x82"
        if head[:2] == b"\x00\xb2" and self.file is not None and head[3] == 0:
            value = self.file.get(head[2])
            return b"\x6a\x83" if value is None else bytes([head[2], len(value)]) + value + b"\x90\x00"
        return b"\x6d\x00"


class Reader(usb.Device):
    """`pull_at`: the card is pulled before it answers its command of this number since it came in."""

    def __init__(self, serial, ids=(0x08E6, 0x4433), has_keypad=False):
        ccid = struct.pack("<BBHBBIIIBIIBIIIIIBBHBB", 54, 0x21, 0x110, 0, 7, 3, 4000, 4000, 0, 10752, 344105, 0, 254, 0, 0,
                           FEATURES, 271, 0xFF, 0xFF, 0, int(has_keypad), 1)
        body = struct.pack("<9B", 9, 4, 0, 0, 3, 0x0B, 0, 0, 0) + ccid
        body += usb.endpoint(0x01, 2, 64, 0) + usb.endpoint(0x82, 2, 64, 0) + usb.endpoint(0x83, usb.INTERRUPT, 8, NOTIFY_INTERVAL)
        super().__init__(usb.device_descriptor(ids), usb.config_descriptor(1, body), ["", "Guest", "Card reader", serial])
        self.card, self.is_active, self.pull_at, self.commands, self.on_command = None, False, None, 0, None
        # What the host wants entered: its message's numbers and data; set while somebody is to enter it.
        self.entry, self.wants_pin, self.entries = None, threading.Event(), 0

    def plug(self, port):
        super().plug(port)
        # A card that lies in it when it gets power is a change of its slot: pcscd waits for one when its first
        # question went unanswered.
        with self.lock:
            if self.card is not None:
                self.notify()
        return self

    def insert(self, card, pull_at=None):
        with self.lock:
            self.card, self.pull_at, self.commands, self.is_active = card, pull_at, 0, False
            card.reset()
            self.notify()

    def remove(self):
        with self.lock:
            self.card, self.is_active = None, False
            self.notify()

    def notify(self):
        if self.socket is not None:
            self.feed(NOTIFY, bytes([0x50, 2 | (self.card is not None)]))

    def enters(self, digits):
        """Somebody enters a PIN and confirms it: the digits go into the command as the host's structure says."""
        with self.lock:
            data = self.entry[2]
            form, size, least_most, command = data[2], data[3] & 15, data[5:7], bytearray(data[15:])
            assert data[0] == 0 and form == 0x81 and data[7] == 2, data.hex()
            assert least_most[1] <= len(digits) <= least_most[0], data.hex()
            block = bytes.fromhex(digits)
            assert command[4] == size and len(block) <= size, data.hex()
            command[5 : 5 + len(block)] = block
            self.ends_entry(self.card.answer(bytes(command)))

    def ends_entry(self, word):
        """The entry is over; what the host is told for it."""
        with self.lock:
            slot, number, _ = self.entry
            self.entry = None
            self.wants_pin.clear()
            if self.card is None:
                self.tell(slot, number, DATA_BLOCK, FAILED, ICC_MUTE, b"")
            else:
                self.tell(slot, number, DATA_BLOCK, 0, 0, word)

    # With the lock held.

    def out(self, sequence, endpoint, data):
        self._return(sequence, 0, b"", len(data))
        kind, length, slot, number = struct.unpack("<BIBB", data[:7])
        data = data[10 : 10 + length]
        if kind == SECURE and self.card is not None:
            self.entry, self.entries = (slot, number, data), self.entries + 1
            self.wants_pin.set()
            return
        self.tell(slot, number, *self.message(kind, data))

    def tell(self, slot, number, kind, failed, error, body):
        state = ABSENT if self.card is None else ACTIVE if self.is_active else INACTIVE
        self.feed(BULK_IN, struct.pack("<BIBBBBB", kind, len(body), slot, number, state | failed, error, 0) + body)

    def message(self, kind, data):
        if kind in (POWER_ON, TRANSFER, SECURE) and self.card is None:
            return DATA_BLOCK, FAILED, ICC_MUTE, b""
        if kind == POWER_ON:
            self.is_active = True
            self.card.reset()
            return DATA_BLOCK, 0, 0, self.card.ATR
        if kind == TRANSFER:
            self.commands += 1
            if self.on_command:
                self.on_command(self.commands)
            if self.commands == self.pull_at:
                self.remove()
                return DATA_BLOCK, FAILED, ICC_MUTE, b""
            return DATA_BLOCK, 0, 0, self.card.answer(data)
        if kind == POWER_OFF:
            self.is_active = False
        if kind in (POWER_OFF, SLOT_STATUS):
            return SLOT_STATE, 0, 0, b""
        if kind in (GET_PARAMETERS, RESET_PARAMETERS, SET_PARAMETERS):
            return PARAMETERS, 0, 0, T0_PARAMETERS
        return ESCAPED, FAILED, 0, b""
