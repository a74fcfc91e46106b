"""ModemManager itself, as Debian ships it, beside a scanner of two serial lines: it speaks to one that our rule does not
name, and neither speaks to nor opens one that it names. A single line that of Debian 12 leaves alone by itself."""

import pathlib
import shutil
import struct
import subprocess

import usb
from desk import PATIENCE_S
from rules import RULES, node, udev
from usb import DTR, SET_CONTROL_LINE_STATE, wait_until

OURS = RULES / "71-yibaod.rules"
AWAY = pathlib.Path("/run/71-yibaod.rules")
UNIT = "ModemManager.service"
# Of makers: one whom our rule names, and one whom no rule names.
NAMED, STRANGER = (0x0C2E, 0x0720), (0xDEAD, 0xBEEF)
# What every modem is asked first.
ATTENTION = b"AT"
# Where what a host sends comes out of each line.
OUT = (1, 4)


def line_of(number):
    """A line on USB-CDC: what it says of itself is that it takes modem commands, as most scanners do."""
    control, data, out = 2 * number, 2 * number + 1, OUT[number]
    union = struct.pack("<5B", 5, 0x24, 6, control, data)
    functions = bytes.fromhex("0524001001 04240202") + struct.pack("<5B", 5, 0x24, 1, 0, data) + union
    body = struct.pack("<9B", 9, 4, control, 0, 1, 2, 2, 1, 0) + functions + usb.endpoint(0x82 + out, 3, 16, 4)
    ends = usb.endpoint(out, 2, 512, 0) + usb.endpoint(0x81 + out, 2, 512, 0)
    return body + struct.pack("<9B", 9, 4, data, 0, 2, 10, 0, 0, 0) + ends


def scanner_of_two_lines(serial, ids):
    scanner = usb.cdc_scanner(serial, ids)
    scanner.config = usb.config_descriptor(4, line_of(0) + line_of(1))
    scanner.intervals = usb.intervals(scanner.config)
    return scanner


def plugged(serial, port, ids=NAMED):
    scanner = scanner_of_two_lines(serial, ids).plug(port)
    node(serial, "ttyACM")
    return scanner


def heard(scanner):
    """What a host has sent down each line: ModemManager sends a letter at a time, to both at once."""
    return [b"".join(data for endpoint, data in list(scanner.got) if endpoint == out) for out in OUT]


def raised(scanner):
    """Whether a program has opened a line: the kernel then raises DTR."""
    return any(request == SET_CONTROL_LINE_STATE and value & DTR for request, value, _ in scanner.lines)


def is_asked(scanner, times=1):
    """It waits seconds for an answer before it asks again: more than what two devices are apart."""
    try:
        wait_until(lambda: any(line.count(ATTENTION) >= times for line in heard(scanner)), "ModemManager to speak",
                   PATIENCE_S)
    except AssertionError:
        print(log())
        raise
    assert raised(scanner), scanner.lines


def log():
    words = ["journalctl", "--unit", UNIT, "--output=cat", "--no-pager", "--lines=30"]
    return subprocess.run(words, stdout=subprocess.PIPE).stdout.decode(errors="replace")


def systemctl(*words):
    subprocess.run(["systemctl", *words], check=True, timeout=PATIENCE_S)


def is_left_alone(named, stranger):
    """What was plugged in first has heard nothing when the other was asked twice."""
    is_asked(stranger, times=2)
    assert not any(heard(named)) and not raised(named), (heard(named), named.lines)
    for device in (named, stranger):
        device.pull()


def modem_manager_is_kept_away():
    """Without our rule it asks the scanner whether it is a modem; with it, it does not, whichever of them is first."""
    systemctl("start", UNIT)
    try:
        shutil.move(OURS, AWAY)
        udev("control", "--reload")
        scanner = plugged("M1", 0)
        is_asked(scanner)
        asked = heard(scanner)
        scanner.pull()
        shutil.move(AWAY, OURS)
        udev("control", "--reload")
        is_left_alone(plugged("M2", 1), plugged("M3", 2, STRANGER))
        systemctl("stop", UNIT)
        scanner, stranger = plugged("M4", 3), plugged("M5", 0, STRANGER)
        systemctl("start", UNIT)
        is_left_alone(scanner, stranger)
    finally:
        if AWAY.exists():
            shutil.move(AWAY, OURS)
        systemctl("stop", UNIT)
        udev("control", "--reload")
    return "without the rule it was told %s" % asked


TESTS = {"modem_manager_is_kept_away": modem_manager_is_kept_away}
