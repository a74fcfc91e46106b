"""A 居民身份证 reader on USB: the makers' published frames by two bulk endpoints of an interface of its own class."""

import struct

import usb

OUT, IN = 1, 2
HEAD = bytes.fromhex("aaaaaa9669")
QUESTION_BYTES = 10
STATUS, FIND, SELECT, READ = b"\x11\xff", b"\x20\x01", b"\x20\x02", b"\x30\x01"
DONE, FOUND, NONE_FOUND, NOT_SELECTED, NOT_READ = b"\x90", b"\x9f", b"\x80", b"\x81", b"\x41"
# A transfer carries so much at most: an answer comes in pieces.
PIECE_BYTES = 64
PHOTO_BYTES = 1024


def framed(body):
    counted = struct.pack(">H", len(body) + 1) + body
    check = 0
    for byte in counted:
        check ^= byte
    return HEAD + counted + bytes([check])


class Document:
    """An invented person's."""

    def __init__(self, certno="110101190001011009", name="欧阳虚构"):
        self.certno, self.name = certno, name

    def data(self):
        field = lambda text, length: text.ljust(length // 2).encode("utf-16-le")
        text = b"".join([
            field(self.name, 30), field("2", 2), field("01", 4), field("19000101", 16), field("虚构省虚构市虚构路1号", 70),
            field(self.certno, 36), field("虚构市公安局", 30), field("20200131", 16), field("长期", 16), field("", 36)])
        return struct.pack(">HH", len(text), PHOTO_BYTES) + text + b"W" * PHOTO_BYTES


# The questions about a document, in their order.
AT = {FIND: 1, SELECT: 2, READ: 3}
# What can go wrong at one of them: the document is lifted, another lies there, or from there on the answer is none or
# spoilt.
PULLED, SWAPPED, MUTE, SPOILT = "pulled", "swapped", "mute", "spoilt"


class IdReader(usb.Device):
    """A document that was read is not found again until it was lifted. `on_question` hears of each with its number since
    the document lies there."""

    def __init__(self, serial, ids=(0x0400, 0xC35A)):
        body = struct.pack("<9B", 9, 4, 0, 0, 2, 0xFF, 0, 0, 0)
        body += usb.endpoint(0x01, 2, 512, 0) + usb.endpoint(0x82, 2, 512, 0)
        strings = ["", "Guest", "ID card reader", serial]
        super().__init__(usb.device_descriptor(ids, 0xFF), usb.config_descriptor(1, body), strings)
        self.document, self.was_read, self.questions, self.came = None, False, 0, b""
        self.fault, self.unanswered = None, 0
        self.on_question = lambda number: None

    def lay_down(self, document, fault=None):
        """`fault`: what goes wrong, at which question, and with what."""
        with self.lock:
            self.document, self.was_read, self.questions = document, False, 0
            self.fault, self.unanswered = fault, 0

    def lift(self):
        self.lay_down(None)

    # With the lock held.
    def out(self, sequence, endpoint, data):
        self._return(sequence, 0, b"", len(data))
        self.came += data
        while len(self.came) >= QUESTION_BYTES:
            question, self.came = self.came[:QUESTION_BYTES], self.came[QUESTION_BYTES:]
            asked = question[7:9]
            assert question == framed(asked), question
            if self.document is not None:
                self.questions += 1
                self.on_question(self.questions)
            answer = self.spoil(AT.get(asked, 0), lambda: framed(b"\0\0" + self.answer(asked)))
            for at in range(0, len(answer), PIECE_BYTES):
                self.feed(IN, answer[at : at + PIECE_BYTES])

    def spoil(self, at, whole):
        kind, begins, what = self.fault or (None, 0, None)
        if at == 0 or at < begins or self.document is None or self.was_read:
            return whole()
        if kind == PULLED:
            self.document = None
        if kind == SWAPPED:
            self.document, self.fault = what, None
        if kind == MUTE:
            self.unanswered += 1
            return b""
        answer = whole()
        if kind == SPOILT:
            # What nobody could read was not read.
            self.was_read = False
            return what(answer)
        return answer

    def answer(self, asked):
        lies_there = self.document is not None
        if asked == STATUS:
            return DONE
        if asked == FIND:
            return FOUND + bytes(4) if lies_there and not self.was_read else NONE_FOUND
        if asked == SELECT:
            return DONE + bytes(8) if lies_there else NOT_SELECTED
        assert asked == READ, asked
        if not lies_there:
            return NOT_READ
        self.was_read = True
        return DONE + self.document.data()


class PlayedReader(IdReader):
    """One that says what a recording has, as soon as it heard what came before it. A question whether it works that the
    recording does not have is answered: an idle reader is asked every few seconds."""

    def __init__(self, serial, recording):
        super().__init__(serial)
        self.records, self.wrong = [], None
        for line in recording.splitlines():
            words = line.split("|")[0].split(" ", 2)
            if len(words) == 3 and words[1] in "<>" and not line.startswith("#"):
                self.records.append((words[1], bytes.fromhex(words[2])))

    # With the lock held.
    def out(self, sequence, endpoint, data):
        self._return(sequence, 0, b"", len(data))
        if self.records and self.records[0] == (">", data):
            self.records.pop(0)
            while self.records and self.records[0][0] == "<":
                self.feed(IN, self.records.pop(0)[1])
        elif data == framed(STATUS):
            self.feed(IN, framed(b"\0\0" + DONE))
        else:
            self.wrong = self.wrong or (self.records[:1], data.hex(" "))
