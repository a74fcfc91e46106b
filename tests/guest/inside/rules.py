"""The shipped udev rules under real udev: who may open each node, names that stay, and programs that are kept away."""

import os
import pathlib
import pwd
import subprocess

import usb
from desk import CALLER, PATIENCE_S, USER
from ftdi import SerialPrinter
from idreader import IdReader
from printer import Printer
from reader import Reader
from usb import wait_until

GROUP, MODE = "yibao-devices", 0o660
LINKS = pathlib.Path("/dev/yibao")
RULES = pathlib.Path("/etc/udev/rules.d")
OURS = "99-yibaod-brltty.rules"
# As the rules of brltty are on a system with systemd, for a device that its list names.
BRLTTY = pathlib.Path("/run/udev/rules.d/90-brltty-device.rules")
BRLTTY_RULE = """SUBSYSTEM=="usb", KERNEL!="*:*", ATTR{idVendor}=="0403", ATTR{idProduct}=="6001", \\
  ENV{BRLTTY_BRAILLE_DRIVER}="at,hd", TAG+="systemd"
ACTION=="add", ENV{BRLTTY_BRAILLE_DRIVER}=="?*", ENV{SYSTEMD_WANTS}+="brltty-device@.service"
"""
UNIT = pathlib.Path("/run/systemd/system/brltty-device@.service")
STARTED = pathlib.Path("/run/brltty-started")
UNIT_TEXT = "[Service]\nType=oneshot\nExecStart=/bin/touch %s\n" % STARTED


def udev(*words):
    return subprocess.run(["udevadm", *words], stdout=subprocess.PIPE, check=True).stdout.decode()


def properties(of):
    return dict(line.split("=", 1) for line in udev("info", "--query=property", str(of)).splitlines() if "=" in line)


def folder(serial):
    """Of the USB device with this serial number."""
    wait_until(lambda: any(read(it) == serial for it in serials()), "the device " + serial, PATIENCE_S)
    return next(it.parent for it in serials() if read(it) == serial).resolve()


def serials():
    return pathlib.Path("/sys/bus/usb/devices").glob("*/serial")


def read(path):
    try:
        return path.read_text().strip()
    except OSError:
        return None


def node(serial, begins):
    """The device file below it whose name begins so."""
    def found():
        for at, _, files in os.walk(folder(serial)):
            if "dev" in files:
                lines = (pathlib.Path(at) / "uevent").read_text().splitlines()
                name = next((line[8:] for line in lines if line.startswith("DEVNAME=")), "")
                if name.startswith(begins):
                    yield pathlib.Path("/dev", name)

    wait_until(lambda: any(it.exists() for it in found()), "%s of %s" % (begins, serial), PATIENCE_S)
    udev("settle")
    return next(found())


def opens(user, path):
    """Whether a process of this user, with the groups that it is in, may open it."""
    account = pwd.getpwnam(user)
    child = os.fork()
    if child == 0:
        try:
            os.initgroups(user, account.pw_gid)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
            os._exit(0)
        except PermissionError:
            os._exit(1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 1), (user, path, code)
    return code == 0


def is_the_daemons(path):
    status, known = path.stat(), properties(path)
    assert path.owner() == "root" and path.group() == GROUP, (path, path.owner(), path.group())
    assert status.st_mode & 0o777 == MODE, (path, oct(status.st_mode))
    assert "uaccess" not in known.get("CURRENT_TAGS", ""), (path, known)
    opened = [user for user in (USER, CALLER) if opens(user, path)]
    assert opened == [USER], (path, opened)


def is_the_adapters(path):
    """What may have anything at its other end stays with who had it; the daemon is in that group."""
    assert path.owner() == "root" and path.group() == "dialout", (path, path.owner(), path.group())
    opened = [user for user in (USER, CALLER) if opens(user, path)]
    assert opened == [USER], (path, opened)


def links(path):
    return sorted(link.name for link in LINKS.glob("*") if link.resolve() == path)


# Scanners and a serial line: what is plugged in, its node, the begin of its lasting name, who may open it.
LINES = (
    (usb.pos_scanner, "hidraw", "hid-", is_the_daemons),
    (usb.wedge, "input/event", "keys-", is_the_daemons),
    (usb.cdc_scanner, "ttyACM", "line-", is_the_daemons),
    (SerialPrinter, "ttyUSB", "line-", is_the_adapters),
)


def scanners_and_lines():
    """Owner, group and mode of each node, no seat's access, no modem, and a name that is the same after a replug."""
    devices = [make("R%d" % port).plug(port) for port, (make, *_) in enumerate(LINES)]
    before = []
    for port, (_, begins, kind, is_right) in enumerate(LINES):
        path = node("R%d" % port, begins)
        is_right(path)
        named = links(path)
        assert len(named) == 1 and named[0].startswith(kind), (path, named)
        before.append(named)
        assert properties(folder("R%d" % port)).get("ID_MM_DEVICE_IGNORE") == "1", path
    assert properties(node("R3", "ttyUSB")).get("ID_MM_PORT_IGNORE") == "1"
    for device in devices:
        device.pull()
    wait_until(lambda: not any(links_there()), "the names to go", PATIENCE_S)
    # In another order, so that the numbers of the nodes are others.
    for port in reversed(range(len(devices))):
        devices[port].plug(port)
        path = node("R%d" % port, LINES[port][1])
        LINES[port][3](path)
        assert links(path) == before[port], (path, links(path), before[port])
    for device in devices:
        device.pull()
    return "; ".join(name for named in before for name in named)


def links_there():
    return LINKS.glob("*") if LINKS.exists() else ()


def printers_and_readers():
    """The receipt printer's node of USB and the kernel driver's, and the reader of id cards, are the daemon's; a reader
    of the CCID class stays with pcscd."""
    printer, ids, cards = Printer("R4").plug(0), IdReader("R5").plug(1), Reader("R6").plug(2)
    for path in (node("R4", "bus/usb"), node("R4", "usb/lp"), node("R5", "bus/usb")):
        is_the_daemons(path)
    ccid = node("R6", "bus/usb")
    assert ccid.group() != GROUP and not opens(USER, ccid), (ccid, ccid.group())
    said = "CCID reader: %s:%s %o" % (ccid.owner(), ccid.group(), ccid.stat().st_mode & 0o777)
    for device in (printer, ids, cards):
        device.pull()
    return said


def unit_of(device):
    words = ["systemd-escape", "--path", "--suffix=device", str(device)]
    return subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout.decode().strip()


def shown(unit):
    words = ["systemctl", "show", "--property=ActiveState,Wants", unit]
    told = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout.decode()
    return dict(line.split("=", 1) for line in told.splitlines())


def brltty_is_kept_away():
    """Its rule takes an FTDI adapter for a Braille display and has a driver started; behind our rule it does not."""
    ours = (RULES / OURS).read_text()
    UNIT.write_text(UNIT_TEXT)
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    BRLTTY.parent.mkdir(parents=True, exist_ok=True)
    BRLTTY.write_text(BRLTTY_RULE)
    try:
        # Without ours the driver is started: what stands for brltty does as brltty.
        (RULES / OURS).unlink()
        udev("control", "--reload")
        device = SerialPrinter("R7").plug(0)
        wait_until(STARTED.exists, "the driver of brltty to be started", PATIENCE_S)
        assert properties(folder("R7"))["BRLTTY_BRAILLE_DRIVER"] == "at,hd"
        device.pull()
        STARTED.unlink()
        (RULES / OURS).write_text(ours)
        udev("control", "--reload")
        device = SerialPrinter("R8").plug(1)
        path = folder("R8")
        udev("settle")
        known = properties(path)
        assert not known.get("BRLTTY_BRAILLE_DRIVER") and not known.get("SYSTEMD_WANTS"), known
        unit = unit_of(path)
        wait_until(lambda: shown(unit)["ActiveState"] == "active", "systemd to see it", PATIENCE_S)
        assert "brltty" not in shown(unit)["Wants"] and not STARTED.exists(), shown(unit)
        is_the_adapters(node("R8", "ttyUSB"))
        device.pull()
    finally:
        (RULES / OURS).write_text(ours)
        BRLTTY.unlink()
        UNIT.unlink()
        STARTED.unlink(missing_ok=True)
        udev("control", "--reload")


TESTS = {
    "rules_give_scanners_and_lines_to_the_daemon": scanners_and_lines,
    "rules_give_printers_and_readers_to_the_daemon": printers_and_readers,
    "rules_keep_brltty_away": brltty_is_kept_away,
}
