"""What a desk's card reader on USB must survive: a CCID reader that the real pcscd and libccid drive."""

import json
import subprocess
import threading
import time

from desk import PATIENCE_S, Desk
from reader import CALLED_OFF, NOT_IN_TIME, Reader, SocialCard

TABLE = 'role = "card"\nkind = "pcsc-reader"\nreader = "Gemalto"\n'


def reading(desk):
    return subprocess.Popen(
        desk.ctl("card", "--unmasked", "--wait-s", "120"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def answer(process):
    out, err = process.communicate(timeout=PATIENCE_S)
    assert out.strip(), err.decode()
    return json.loads(out)


def reads(desk, card):
    told = answer(reading(desk))
    ends = time.monotonic() + PATIENCE_S
    # A reader that was just plugged in may not know yet what is in it; the daemon says so, and it is asked again.
    while told.get("error", {}).get("name") == "CARD_READER_SILENT" and time.monotonic() < ends:
        told = answer(reading(desk))
    assert "card" in told, told
    shown = told["card"]
    for ours, theirs in ((card.certno, "certno"), (card.name, "name"), (card.card_no, "cardNo"), (card.card_sn, "cardSn")):
        assert shown[theirs] == ours, (theirs, shown)


def refuses(desk, name):
    told = json.dumps(answer(reading(desk)))
    assert name in told, told


def lifted(desk, do):
    """Does something, after which the card is seen to be out."""
    desk.change("cards", "CARD_OUT", do)


def is_read():
    """Enumerated, inserted, read, taken out, another one."""
    desk = Desk({"cards": TABLE})
    reader = Reader("C1").plug(0)
    desk.ready("cards")
    for number in range(1, 4):
        card = SocialCard(number=number)
        waiting = reading(desk)
        desk.change("cards", "CARD_IN", lambda: reader.insert(card))
        told = answer(waiting)
        assert told["card"]["cardSn"] == card.card_sn, told
        lifted(desk, reader.remove)
    desk.stop()
    reader.pull()


def card_is_pulled_between_commands():
    """At every third command of a reading: one clear error, and the next card is read whole."""
    desk = Desk({"cards": TABLE})
    reader = Reader("C1").plug(0)
    desk.ready("cards")
    card = SocialCard()
    reader.insert(card)
    reads(desk, card)
    commands = reader.commands
    lifted(desk, reader.remove)
    for at in range(2, commands + 1, 3):
        card = SocialCard(number=at)
        lifted(desk, lambda: (reader.insert(card, pull_at=at), refuses(desk, "CARD_PULLED")))
    card = SocialCard(number=99)
    reader.insert(card)
    reads(desk, card)
    desk.stop()
    reader.pull()
    return "%d commands a reading" % commands


def entered(reader, waiting, do):
    """What a reading answers behind one entry."""
    assert reader.wants_pin.wait(PATIENCE_S), "the PIN is asked for"
    do()
    return answer(waiting)


def pin_is_entered_on_the_keypad():
    """A card that wants its PIN: right, wrong, called off, not in time, pulled, by nobody any more, and blocked. It is
    asked for once a reading, and never comes to the daemon."""
    desk = Desk({"cards": TABLE + 'keypad = { when = "wanted" }\n'})
    reader = Reader("C1", has_keypad=True).plug(0)
    desk.ready("cards")
    pin = "736152"
    card = SocialCard(pin=pin)
    reader.insert(card)
    for word in (NOT_IN_TIME, CALLED_OFF):
        told = json.dumps(entered(reader, reading(desk), lambda: reader.ends_entry(word)))
        assert "CARD_PIN_NOT_ENTERED" in told, told
    told = json.dumps(entered(reader, reading(desk), lambda: reader.enters("000000")))
    assert "CARD_PIN_WRONG" in told and "tries left: 2" in told, told
    entries = reader.entries
    asked = reading(desk)
    desk.change("cards", "PIN_OVER", lambda: entered_in_time(reader, pin))
    told = answer(asked)
    assert told["card"]["cardSn"] == card.card_sn and ("cards", "PIN_ASKED") in desk.changes, told
    assert reader.entries == entries + 1, "asked for once"
    lifted(desk, reader.remove)
    # Pulled, or nobody waits any more, in the middle of an entry: the next card is asked for its own.
    reader.insert(card)
    asked = reading(desk)
    assert reader.wants_pin.wait(PATIENCE_S)
    lifted(desk, lambda: (reader.remove(), reader.ends_entry(NOT_IN_TIME)))
    assert "CARD_" in json.dumps(answer(asked))
    reader.insert(card)
    asked = reading(desk)
    assert reader.wants_pin.wait(PATIENCE_S)
    asked.kill()
    asked.wait()
    asked = reading(desk)
    desk.wait("cards", "somebody who waits", lambda seen: seen.get("heldBy"))
    # The keypad still waits for the first one: nothing but the keypad ends that, and then it is the next one's turn.
    desk.change("cards", "PIN_OVER", lambda: reader.ends_entry(CALLED_OFF))
    told = entered(reader, asked, lambda: reader.enters(pin))
    assert told["card"]["cardSn"] == card.card_sn, told
    lifted(desk, reader.remove)
    card = SocialCard(pin=pin, number=7)
    card.tries = 1
    reader.insert(card)
    for code in ("last try", "6983"):
        told = json.dumps(entered(reader, reading(desk), lambda: reader.enters("111111")))
        assert "CARD_PIN_BLOCKED" in told and code in told, told
    told = lambda change: desk.changes.count(("cards", change))
    desk.until_told(lambda: told("PIN_ASKED") == told("PIN_OVER") == reader.entries, "an end of each entry")
    said = desk.said()
    assert pin not in said and said.count("card program runs") == 1, "it lives through every entry"
    desk.stop()
    reader.pull()
    return "%d entries" % reader.entries


def entered_in_time(reader, pin):
    assert reader.wants_pin.wait(PATIENCE_S), "the PIN is asked for"
    reader.enters(pin)


def no_keypad_takes_a_pin():
    """A reader without one, though the desk is configured for it; then one that asks every card."""
    for has_keypad, when, code in ((False, "always", "CARD_WANTS_PIN"), (True, "always", None)):
        desk = Desk({"cards": TABLE + 'keypad = { when = "%s" }\n' % when})
        reader = Reader("C1", has_keypad=has_keypad).plug(0)
        desk.ready("cards")
        card = SocialCard(pin="736152")
        reader.insert(card)
        if code:
            refuses(desk, code)
        else:
            told = entered(reader, reading(desk), lambda: reader.enters(card.pin))
            assert told["card"]["cardSn"] == card.card_sn, told
        desk.stop()
        reader.pull()


def reader_is_pulled_in_a_reading():
    """One clear error; plugged again elsewhere it reads again by itself, and nothing grows."""
    desk = Desk({"cards": TABLE})
    reader = Reader("C1").plug(0)
    desk.ready("cards")
    footprint = None
    for cycle in range(3):
        card = SocialCard(number=cycle)
        pulled = threading.Event()
        reader.on_command = lambda number, reader=reader: number == 4 and (pulled.set(), reader.pull())
        reader.insert(card)
        told = json.dumps(answer(reading(desk)))
        assert pulled.is_set() and "CARD_" in told and '"card"' not in told, told
        desk.missing("cards")
        reader = Reader("C1")
        reader.card = card
        reader.plug(cycle % 3 + 1)
        desk.ready("cards")
        reads(desk, card)
        if footprint is None:
            footprint = desk.footprint()
    after = desk.rests_at(footprint)
    desk.stop()
    reader.pull()
    return "descriptors %d" % after[0]


TESTS = {
    "card_is_read": is_read,
    "card_is_pulled_between_commands": card_is_pulled_between_commands,
    "card_pin_is_entered_on_the_keypad": pin_is_entered_on_the_keypad,
    "card_pin_without_a_keypad": no_keypad_takes_a_pin,
    "card_reader_is_pulled_in_a_reading": reader_is_pulled_in_a_reading,
}
