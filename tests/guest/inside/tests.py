"""What a desk's USB devices must survive, on a real kernel with real udev: scanners here, others beside. WORDS choose tests by their names."""

import base64
import fcntl
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time
import traceback

import cards
import ftdi
import idcards
import modems
import printing
import proof
import rules
import slips
import unit
import usb
from desk import PATIENCE_S, Desk, Listener
from usb import wait_until

LONG = os.environ.get("YIBAO_LONG") == "1"
CYCLES = 300 if LONG else 8
# Where the guest's virtual controller is.
CONTROLLER = "vhci_hcd.0"
EVIOCGRAB = 0x40044590


class Family:
    """One kind of scanner: how it is configured, built and made to read a code."""

    def __init__(self, kind, rule, make, send, code, text=None, symbology=""):
        self.kind, self.rule, self.make, self.send = kind, rule, make, send
        self.code, self.symbology = code, symbology
        self.text = code if text is None else text

    def table(self, role="scanner", more=""):
        # An emulated scanner may pause in a code as long as another program has the machine.
        lines = 'role = "%s"\nkind = "%s"\nusb = "%s"\ngap_ms = 2000\n%s'
        return lines % (role, self.kind, self.rule, more)


def send_reports(device, reports):
    for report in reports:
        device.feed(1, report)


POS = Family(
    "hid-scanner", "0c2e:0b61", usb.pos_scanner,
    lambda device, code: send_reports(device, usb.pos_reports(code.encode())),
    "6901234567892", symbology="]E0",
)
WEDGE = Family(
    "keyboard-scanner", "0c2e:0200", usb.wedge,
    lambda device, code: send_reports(device, usb.key_reports(code + "\r")),
    "Ab-0104?12\x1d21:X",
)
CDC = Family(
    "serial-scanner", "0c2e:0720", usb.cdc_scanner,
    lambda device, code: device.feed(2, code.encode() + b"\r\n"),
    "6901234567892",
)
FAMILIES = {"pos": POS, "wedge": WEDGE, "cdc": CDC}


def payload(answer):
    return base64.b64decode(answer["payload"]).decode()


def expect(listener, family, device, code):
    # Upon the word that it is ours, or back, it listens: shown once, heard.
    family.send(device, code)
    answer = listener.code()
    assert payload(answer) == code, answer
    assert answer["symbology"] == family.symbology, answer


def half(family, device):
    """The first half of a code."""
    if family is POS:
        device.feed(1, next(iter(usb.pos_reports(b"7" * 80))))
    elif family is WEDGE:
        send_reports(device, usb.key_reports("half"))
    else:
        device.feed(2, b"half")


def scanned(family):
    """Found, opened, a code by `device scan`; unplugged while it waits; back again."""
    desk = Desk({"gun": family.table()})
    device = family.make("S1").plug(0)
    desk.ready("gun")
    scan = subprocess.Popen(desk.ctl("device", "scan", "--show"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    desk.wait("gun", "holder", lambda it: it["heldBy"])
    family.send(device, family.code)
    out, _ = scan.communicate(timeout=PATIENCE_S)
    answer = json.loads(out)
    assert payload(answer) == family.code and scan.returncode == 0, answer

    scan = subprocess.Popen(desk.ctl("device", "scan"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    desk.wait("gun", "holder", lambda it: it["heldBy"])
    before = desk.device("gun")["counters"]["bytesIn"]
    half(family, device)
    desk.wait("gun", "the first half", lambda it: it["counters"]["bytesIn"] != before)
    # The half broke off, which is told; the next one waits.
    out, _ = scan.communicate(timeout=PATIENCE_S)
    assert "CODE_INCOMPLETE" in out.decode(), out
    scan = subprocess.Popen(desk.ctl("device", "scan"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    desk.wait("gun", "holder", lambda it: it["heldBy"])
    device.pull()
    out, _ = scan.communicate(timeout=PATIENCE_S)
    assert "SCANNER_UNPLUGGED" in out.decode(), out
    desk.missing("gun")
    device = family.make("S1").plug(3)
    desk.ready("gun")
    listener = Listener(desk)
    expect(listener, family, device, family.code)
    listener.nothing_more()
    listener.stop()
    device.pull()
    desk.stop()


def cycled(family):
    """Unplugged in the middle of a code and plugged again, many times: each code arrives whole, nothing grows."""
    desk = Desk({"gun": family.table()})
    device = family.make("S1").plug(0)
    desk.ready("gun")
    listener = Listener(desk)
    footprint, slowest = None, 0.0
    for cycle in range(CYCLES):
        if cycle:
            half(family, device)
            device.pull()
            listener.note("went away")
            # Half a code is none, and never part of the next.
            device = family.make("S1").plug(cycle % 4)
            plugged = time.monotonic()
            listener.note("is back")
            slowest = max(slowest, time.monotonic() - plugged)
        code = "code-%04d" % cycle
        family.send(device, code)
        answer = listener.code()
        assert payload(answer) == code, answer
        if cycle == 2:
            footprint = desk.footprint()
    after = desk.rests_at(footprint)
    assert int(desk.device("gun")["counters"]["opened"]) == CYCLES
    listener.nothing_more()
    listener.stop()
    device.pull()
    desk.stop()
    return "%d cycles, descriptors %d, back in %.1f s at most" % (CYCLES, after[0], slowest)


def told_apart(family):
    """Two that are the same are a conflict, until the configuration names their ports."""
    first, second = family.make("SAME").plug(0), family.make("SAME").plug(1)
    wait_until(lambda: nodes(family) == 2, "both device files")
    desk = Desk({"gun": family.table()})
    desk.wait("gun", "conflict", lambda it: it["lastError"] and it["lastError"]["name"] == "DEVICE_AMBIGUOUS")
    _, why = desk.ask("device", "why", "gun")
    ports = sorted(it["port"] for it in why["candidates"] if it["fits"])
    assert ports == [CONTROLLER + "/1", CONTROLLER + "/2"], why
    desk.stop()

    by_port = lambda port: 'port = "%s/%d"' % (CONTROLLER, port)
    desk = Desk({"left": family.table(more=by_port(1)), "right": family.table("scanner-2", by_port(2))})
    desk.ready("left")
    desk.ready("right")
    left, right = Listener(desk), Listener(desk, "scanner-2")
    expect(left, family, first, "left-1")
    expect(right, family, second, "right-1")
    for cable in (first, second):
        cable.pull()
    left.note("went away")
    right.note("went away")
    second, first = family.make("SAME").plug(1), family.make("SAME").plug(0)
    left.note("is back")
    right.note("is back")
    expect(left, family, first, "left-2")
    expect(right, family, second, "right-2")
    for it in (left, right):
        it.nothing_more()
        it.stop()
    first.pull()
    second.pull()
    desk.stop()


def twin_later(family):
    """One that is plugged in beside it is told at once, and does not take its place when the first is pulled."""
    ambiguous = lambda it: it["lastError"] and it["lastError"]["name"] == "DEVICE_AMBIGUOUS"
    desk = Desk({"gun": family.table()})
    first = family.make("SAME").plug(0)
    desk.ready("gun")
    second = family.make("SAME").plug(1)
    desk.wait("gun", "told beside", ambiguous)
    assert desk.device("gun")["state"] == "DEVICE_STATE_READY"
    listener = Listener(desk)
    expect(listener, family, first, "first-1")
    first.pull()
    listener.note("went away")
    desk.wait("gun", "not taken", ambiguous)
    opened = desk.device("gun")["counters"]["opened"]
    # Back in its port, with the twin gone, it is the scanner again; the twin never was.
    first = family.make("SAME").plug(0)
    second.pull()
    listener.note("is back")
    expect(listener, family, first, "first-2")
    assert int(opened) == 1 and int(desk.device("gun")["counters"]["opened"]) == 2
    listener.nothing_more()
    listener.stop()
    first.pull()
    desk.stop()


def follow_their_rules(family):
    """Two that change places: by serial number codes follow the scanner, by port they follow the socket."""
    by_serial = ['serial_number = "S%d"' % number for number in (1, 2)]
    by_port = ['port = "%s/%d"' % (CONTROLLER, port) for port in (1, 2)]
    for rules in (by_serial, by_port):
        desk = Desk({"left": family.table(more=rules[0]), "right": family.table("scanner-2", rules[1])})
        first, second = family.make("S1").plug(0), family.make("S2").plug(1)
        desk.ready("left")
        desk.ready("right")
        left, right = Listener(desk), Listener(desk, "scanner-2")
        expect(left, family, first, "left-1")
        expect(right, family, second, "right-1")
        for cable in (first, second):
            cable.pull()
        left.note("went away")
        right.note("went away")
        second, first = family.make("S2").plug(0), family.make("S1").plug(1)
        left.note("is back")
        right.note("is back")
        of_left, of_right = (first, second) if rules is by_serial else (second, first)
        expect(left, family, of_left, "left-2")
        expect(right, family, of_right, "right-2")
        for it in (left, right):
            it.nothing_more()
            it.stop()
        first.pull()
        second.pull()
        desk.stop()


def cdc_sets_its_lines():
    """The scanner is told speed and form, 9600 8N1 unless configured otherwise, and that somebody listens: DTR, RTS."""
    for more, baud in (("", 9600), ("baud = 115200\n", 115200)):
        desk = Desk({"gun": CDC.table(more=more)})
        device = CDC.make("S1").plug(0)
        desk.ready("gun")
        last = dict((request, (value, data)) for request, value, data in device.lines)
        assert last[usb.SET_LINE_CODING][1] == struct.pack("<IBBB", baud, 0, 0, 8), device.lines
        assert last[usb.SET_CONTROL_LINE_STATE][0] == usb.DTR | usb.RTS, device.lines
        desk.stop()
        device.pull()


def nodes(family):
    folder, begins = {
        POS: ("hidraw", "hidraw"), WEDGE: ("input", "event"), CDC: ("tty", "ttyACM"),
    }[family]
    entries = pathlib.Path("/sys/class", folder).glob(begins + "*")
    wanted = [int(number, 16) for number in family.rule.split(":")]
    return sum(usb_ids(entry) == wanted for entry in entries)


def usb_ids(entry):
    for folder in [entry.resolve(), *entry.resolve().parents]:
        if (folder / "idVendor").is_file():
            return [int((folder / name).read_text(), 16) for name in ("idVendor", "idProduct")]
    return None


def wedge_types_for_nobody_else():
    """While the daemon has it, nobody else sees a key; a second grab is refused."""
    desk = Desk({"gun": WEDGE.table()})
    for cycle in range(3):
        device = WEDGE.make("S1").plug(cycle)
        desk.ready("gun")
        node = next(it for it in pathlib.Path("/sys/class/input").glob("event*") if usb_ids(it) == [0x0C2E, 0x0200])
        other = os.open("/dev/input/" + node.name, os.O_RDONLY | os.O_NONBLOCK)
        listener = Listener(desk)
        expect(listener, WEDGE, device, "secret")
        try:
            seen = os.read(other, 4096)
            raise AssertionError("another program saw %d keys" % (len(seen) // struct.calcsize("llHHi")))
        except BlockingIOError:
            pass
        try:
            fcntl.ioctl(other, EVIOCGRAB, 1)
            raise AssertionError("grabbed twice")
        except OSError:
            pass
        listener.stop()
        os.close(other)
        device.pull()
        desk.missing("gun")
    desk.stop()


def wedge_says_when_the_kernel_dropped_keys():
    """More keys than the kernel keeps, while the daemon cannot read: counted and said; the next code is whole."""
    desk = Desk({"gun": WEDGE.table()})
    device = WEDGE.make("S1").plug(0)
    desk.ready("gun")
    listener = Listener(desk)
    expect(listener, WEDGE, device, "before")
    os.kill(desk.process.pid, signal.SIGSTOP)
    WEDGE.send(device, "0123456789" * 4)
    wait_until(lambda: not device.unread(1), "all keys to be typed")
    os.kill(desk.process.pid, signal.SIGCONT)
    desk.wait("gun", "the loss", lambda it: int(it["counters"]["losses"]) == 1)
    desk.wait("gun", "the spoilt code's end", lambda it: int(it["counters"]["codesIgnored"]) == 1)
    assert "the scanner was not read in time: a code is lost" in desk.said(), desk.said()
    expect(listener, WEDGE, device, "after")
    listener.nothing_more()
    listener.stop()
    device.pull()
    desk.stop()


def pos_takes_long_and_binary_codes():
    """Several reports make one code; bytes are kept; a code whose rest does not come is none."""
    desk = Desk({"gun": POS.table()})
    device = POS.make("S1").plug(0)
    desk.ready("gun")
    listener = Listener(desk)
    for code in (b"x" * 200, b"GS\x1dRS\x1eEOT\x04CR\rLF\nNUL\0!", bytes(range(128, 256)), b"y" * 56):
        send_reports(device, usb.pos_reports(code, b"]d2"))
        answer = listener.code()
        assert base64.b64decode(answer["payload"]) == code and answer["symbology"] == "]d2", answer
    before = int(desk.device("gun")["counters"]["codesIgnored"])
    half(POS, device)
    desk.wait("gun", "dropped half", lambda it: int(it["counters"]["codesIgnored"]) == before + 1)
    # What comes late is the rest of it.
    send_reports(device, list(usb.pos_reports(b"7" * 80))[1:])
    desk.wait("gun", "dropped rest", lambda it: int(it["counters"]["codesIgnored"]) == before + 2)
    for garbage in (b"", b"\x02", b"\x02\xff" + b"9" * 59, b"\x07" * 61, bytes(61)):
        device.feed(1, garbage)
    expect(listener, POS, device, "after")
    listener.nothing_more()
    listener.stop()
    device.pull()
    desk.stop()


def without_permission_it_is_said():
    """A maker that no rule names: the node stays root's, and the error says so."""
    desk = Desk({"gun": 'role = "scanner"\nkind = "hid-scanner"\nusb = "dead:beef"\n'})
    device = usb.pos_scanner("S1", ids=(0xDEAD, 0xBEEF)).plug(0)
    desk.wait("gun", "no permission", lambda it: it["lastError"] and it["lastError"]["name"] == "DEVICE_PERMISSION")
    device.pull()
    desk.stop()


def tests():
    yield from rules.TESTS.items()
    yield from modems.TESTS.items()
    for name, family in FAMILIES.items():
        yield name + "_is_scanned", lambda family=family: scanned(family)
        yield name + "_is_cycled", lambda family=family: cycled(family)
        yield name + "_twins_are_told_apart", lambda family=family: told_apart(family)
        yield name + "_twin_that_comes_later_is_told", lambda family=family: twin_later(family)
        yield name + "_scanners_follow_their_rules", lambda family=family: follow_their_rules(family)
    yield "cdc_sets_its_lines", cdc_sets_its_lines
    yield "wedge_types_for_nobody_else", wedge_types_for_nobody_else
    yield "wedge_says_when_the_kernel_dropped_keys", wedge_says_when_the_kernel_dropped_keys
    yield "pos_takes_long_and_binary_codes", pos_takes_long_and_binary_codes
    yield "without_permission_it_is_said", without_permission_it_is_said
    yield from printing.TESTS.items()
    yield from proof.TESTS.items()
    yield from slips.TESTS.items()
    yield from ftdi.TESTS.items()
    yield from cards.TESTS.items()
    yield from idcards.TESTS.items()
    yield "devices_work_under_the_unit", lambda: unit.devices_work_under_the_unit(FAMILIES)


def is_clear():
    """The next test begins at a clean desk, however this one ended; without one there is none."""
    try:
        for desk in list(Desk.running):
            desk.kill()
        usb.pull_all()
        return True
    except Exception:
        print("what was plugged and running stays so; the tests that follow are not run")
        traceback.print_exc(file=sys.stdout)
        return False


def main():
    wanted = sys.argv[1:]
    failed = passed = 0
    for name, test in tests():
        if wanted and not any(word in name for word in wanted):
            continue
        began = time.monotonic()
        try:
            said = test()
            passed += 1
            print("guest test %s ... ok (%.1f s%s)" % (name, time.monotonic() - began, said and "; " + said or ""))
        except Exception:
            failed += 1
            print("guest test %s ... FAILED" % name)
            traceback.print_exc(file=sys.stdout)
            for desk in Desk.running:
                print(desk.evidence())
            if not is_clear():
                break
    print("guest total: %d passed, %d failed" % (passed, failed))
    sys.stdout.flush()
    os._exit(1 if failed or not passed else 0)


main()
