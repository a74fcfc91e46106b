"""What a desk's 居民身份证 reader on USB must survive, and what every driver of card readers must do: the checks of
`src/device/conformance/card.rs`, by their names."""

import json
import pathlib
import threading
import time
import traceback

from cards import answer, reading
from desk import Desk
from door import Door
from idreader import MUTE, PULLED, SPOILT, SWAPPED, Document, IdReader, PlayedReader
from recording import HEARD, Recording
from usb import wait_until

TABLE = 'role = "id-card"\nkind = "id-card-usb"\nusb = "0400:c35a"\n'
RECORDING = pathlib.Path("/mnt/host/resident-usb.txt")
ONE, OTHER = Document("110101190001011009", "欧阳虚构"), Document("110101190001011025", "沈虚构")
FIND, SELECT, READ = 1, 2, 3
# A reading that will succeed, one that will fail, and one that nobody ends.
LONG_MS, FAILING_MS, SHORT_MS = 60_000, 20_000, 1_500


def is_read():
    """Enumerated, read, lifted, the next one; pulled in the middle of a reading, one clear error, and back elsewhere."""
    desk = Desk({"ids": TABLE})
    reader = IdReader("I1").plug(0)
    desk.ready("ids")

    def shows(document):
        waiting = reading(desk)
        reader.lay_down(document)
        told = answer(waiting)
        assert is_of(told, document), told

    shows(ONE)
    shows(OTHER)
    reader.lift()
    pulled = threading.Event()
    reader.on_question = lambda number: number == 3 and (pulled.set(), reader.pull())
    waiting = reading(desk)
    reader.lay_down(ONE)
    told = json.dumps(answer(waiting))
    assert pulled.is_set() and "CARD_" in told and '"card"' not in told, told
    desk.missing("ids")
    reader = IdReader("I1").plug(1)
    desk.ready("ids")
    shows(OTHER)
    desk.stop()
    reader.pull()


def is_recorded():
    """A document on its way, without its person; the recording lies beside the driver and is played here."""
    desk = Desk({"ids": TABLE})
    reader = IdReader("I1").plug(0)
    desk.ready("ids")
    recording = Recording(desk, "ids", "resident-usb.txt")
    recording.until("kind id-card-usb")
    reader.pull()
    desk.missing("ids")
    recording.until("closed")
    reader.lay_down(OTHER)
    reader.plug(0)
    desk.ready("ids")
    assert is_of(answer(reading(desk)), OTHER)
    recording.until("aa aa aa 96 69 05 08")
    heard = recording.end(HEARD)
    for hidden in (OTHER.name.encode("utf-16-le"), OTHER.certno.encode("utf-16-le"), b"WWWW"):
        assert hidden in OTHER.data() and hidden not in heard, hidden
    desk.stop()
    reader.pull()


def replays_its_recording():
    """What the daemon asks is what is recorded; what is recorded is a document of nobody's."""
    desk = Desk({"ids": TABLE})
    reader = PlayedReader("I1", RECORDING.read_text()).plug(0)
    desk.ready("ids")
    told = answer(reading(desk))
    assert is_of(told, Document("110101190001011009", "某某某")), told
    assert not reader.records and not reader.wrong, (reader.records, reader.wrong)
    desk.stop()
    reader.pull()


def is_of(told, document):
    shown = told.get("card", {})
    return (shown.get("certno"), shown.get("name")) == (document.certno, document.name)


class Far:
    """A reader on USB, and callers of the desk that has it."""

    def __init__(self):
        self.desk = Desk({"ids": TABLE})
        self.reader = IdReader("I1").plug(0)
        self.desk.ready("ids")
        self.door = Door(self.desk)

    def put_in(self, document, fault=None):
        self.reader.lift()
        self.reader.lay_down(document, fault)

    def show(self, wait_ms=LONG_MS, **more):
        return self.door.call("DeviceService/ReadCard", {"role": "id-card", "waitMs": wait_ms, **more})

    def reads(self, document):
        told = self.show()
        assert is_of(told, document), told

    def refuses(self, name, wait_ms=FAILING_MS, **more):
        told = self.show(wait_ms, **more)
        assert told == {"error": name}, (told, name)

    def armed(self):
        """Somebody who waits for a document."""
        asker = Door(self.desk)
        asker.ask("DeviceService/ReadCard", {"role": "id-card", "waitMs": LONG_MS})
        wait_until(lambda: self.device().get("heldBy"), "the reader to be held")
        return asker

    def device(self):
        devices = self.door.call("DeviceService/ListDevices", {})["devices"]
        return next(device for device in devices if device["name"] == "ids")


def a_card_that_lies_there_is_read(far):
    far.put_in(ONE)
    far.reads(ONE)


def a_card_that_is_put_in_is_read(far):
    for document in (ONE, OTHER):
        asker = far.armed()
        far.reader.lay_down(document)
        told = asker.answer()
        assert is_of(told, document), told


def nobody_shows_a_card(far):
    far.refuses("NOBODY_SHOWED_CARD", SHORT_MS)


def who_lets_go_holds_nobody_up(far):
    far.armed().close()
    far.put_in(ONE)
    far.reads(ONE)


def a_card_pulled_at_any_command_is_told(far):
    for at in (SELECT, READ):
        far.put_in(ONE, (PULLED, at, None))
        far.refuses("CARD_PULLED")
    far.put_in(OTHER)
    far.reads(OTHER)


def two_cards_are_never_read_as_one(far):
    for at in (FIND, SELECT, READ):
        far.put_in(ONE, (SWAPPED, at, OTHER))
        told = far.show(FAILING_MS)
        assert is_of(told, OTHER) or is_of(told, ONE) or told == {"error": "CARD_PULLED"}, told
        far.put_in(OTHER)
        far.reads(OTHER)


def garbage_is_told_and_forgotten(far):
    noise, half = lambda whole: b"\xa5" * 40, lambda whole: whole[: len(whole) // 2]
    wrong = lambda whole: whole[:-1] + bytes([whole[-1] ^ 0x5A])
    for at, spoilt in ((FIND, noise), (READ, wrong), (FIND, half), (FIND, wrong), (SELECT, wrong)):
        far.put_in(ONE, (SPOILT, at, spoilt))
        far.refuses("CARD_UNREADABLE")
        far.put_in(OTHER)
        far.reads(OTHER)


def a_mute_card_costs_its_deadline_only(far):
    for at in (FIND, SELECT, READ):
        far.put_in(ONE, (MUTE, at, None))
        far.refuses("CARD_READER_SILENT")
        far.put_in(OTHER)
        far.reads(OTHER)


def who_goes_away_from_a_mute_card_frees_the_reader(far):
    far.put_in(ONE, (MUTE, SELECT, None))
    asker = far.armed()
    wait_until(lambda: far.reader.unanswered, "a question that is not answered")
    asker.close()
    opened = far.device()["counters"]["opened"]
    far.put_in(OTHER)
    far.reads(OTHER)
    assert far.device()["counters"]["opened"] == opened, "its reader is where it was"


def a_claim_reads_what_could_not_be_read_when_asked_again(far):
    """Every call under a claim asks for this very document; others wait."""
    holder = Door(far.desk)
    claim = holder.claim("id-card")
    far.put_in(ONE, (SPOILT, SELECT, lambda whole: whole[:-1] + bytes([whole[-1] ^ 0x5A])))
    far.refuses("CARD_UNREADABLE", claimId=claim)
    far.refuses("CARD_READER_BUSY", SHORT_MS)
    far.reader.lay_down(ONE)
    told = far.show(claimId=claim)
    assert is_of(told, ONE), told
    holder.close()


def what_was_not_asked_for_is_not_read(far):
    far.put_in(ONE)
    before = far.device()["counters"].get("cards")
    # No reader of this desk reads that.
    far.refuses("CARD_READER_NOT_CONFIGURED", media=["CARD_MEDIUM_SOCIAL_CARD"])
    assert far.device()["counters"].get("cards") == before
    far.reads(ONE)


def unplugged_while_armed_and_back_again(far):
    for port in (1, 2, 0):
        asker = far.armed()
        far.reader.pull()
        told = asker.answer()
        assert told == {"error": "CARD_READER_UNPLUGGED"}, told
        far.desk.missing("ids")
        told = far.show(SHORT_MS)
        assert told.get("error") in ("CARD_READER_MISSING", "CARD_READER_UNPLUGGED"), told
        far.reader.lay_down(ONE)
        far.reader.plug(port)
        far.desk.ready("ids")
        far.reads(ONE)
        far.reader.lift()


CHECKS = [
    a_card_that_lies_there_is_read,
    a_card_that_is_put_in_is_read,
    nobody_shows_a_card,
    who_lets_go_holds_nobody_up,
    a_card_pulled_at_any_command_is_told,
    two_cards_are_never_read_as_one,
    garbage_is_told_and_forgotten,
    a_mute_card_costs_its_deadline_only,
    who_goes_away_from_a_mute_card_frees_the_reader,
    a_claim_reads_what_could_not_be_read_when_asked_again,
    what_was_not_asked_for_is_not_read,
    unplugged_while_armed_and_back_again,
]


def conforms():
    """What `src/device/conformance/card.rs` asks of a driver, asked of the daemon; one that fails stops no other. How soon
    an answer comes is measured elsewhere: this machine is emulated."""
    began, failed = time.monotonic(), []
    far = Far()
    for check in CHECKS:
        try:
            far.reader.lift()
            check(far)
        except Exception:
            failed.append(check.__name__)
            traceback.print_exc()
            # An answer that is owed to nobody would be the next one's.
            far.door.close()
    far.desk.stop()
    far.reader.pull()
    print("guest-row conformance-id-card-usb\twhat every card reader must do: 居民身份证, USB in the guest\t"
          "读卡器一致性：居民身份证，虚拟机中的 USB\t%d\t%d\t–\t%d" % (len(CHECKS), len(failed), time.monotonic() - began))
    assert not failed, failed
    return "%d checks" % len(CHECKS)


TESTS = {
    "id_card_on_usb_is_read": is_read,
    "id_card_on_usb_is_recorded": is_recorded,
    "id_card_on_usb_replays_its_recording": replays_its_recording,
    "id_card_on_usb_conforms": conforms,
}
