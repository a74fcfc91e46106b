"""The service as it ships, by its own units and udev rules, at real devices: what the units forbid keeps no device away."""

import pathlib
import shutil
import subprocess

import cards
import idcards
import printing
from desk import CALLER, PATIENCE_S, PROGRAMS, USER, Desk, Listener
from idreader import Document, IdReader
from printer import Printer
from reader import Reader, SocialCard
from usb import wait_until

SERVICE = "yibaod.service"
UNITS = pathlib.Path("/etc/systemd/system")
INSTALLED = pathlib.Path("/usr/lib/yibaod")
ETC = pathlib.Path("/etc/yibaod")
# Of the unit: what it may not lose without a word from this test.
KEPT = {
    "DevicePolicy": "closed", "ProtectSystem": "strict", "NoNewPrivileges": "yes", "MemoryDenyWriteExecute": "yes",
    "CapabilityBoundingSet": "", "RestrictNamespaces": "yes", "User": USER, "ProtectProc": "invisible",
}


def systemctl(*words):
    done = subprocess.run(["systemctl", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S)
    said = done.stdout.decode(errors="replace")
    assert done.returncode == 0, (words, said)
    return said


class Service(Desk):
    """The daemon that systemd starts, with its installed places."""

    def __init__(self, devices):
        INSTALLED.mkdir(exist_ok=True)
        # Where its unit looks for it; the programs lie in memory.
        subprocess.run(["mount", "--bind", PROGRAMS, INSTALLED], check=True)
        shutil.copy(PROGRAMS / "yibaoctl", "/usr/bin/yibaoctl")
        for unit in pathlib.Path("/mnt/host/systemd").iterdir():
            shutil.copy(unit, UNITS)
        subprocess.run(["systemd-tmpfiles", "--create", "/mnt/host/tmpfiles/yibaod.conf"], check=True)
        super().__init__(devices)

    def write(self, devices):
        tables = "\n".join('[[device]]\nname = "%s"\n%s\n' % item for item in devices.items())
        self.socket = pathlib.Path("/run/yibaod/yibaod.sock")
        ETC.mkdir(exist_ok=True)
        for name in ("site.toml", "site.key", "gateway.secret"):
            shutil.move(self.dir / name, ETC / name)
            shutil.chown(ETC / name, USER, CALLER)
        (ETC / "yibaod.toml").write_text(
            '[desk]\nname = "测试窗口"\nnumber = 7\n\n[paths]\nsite_profile = "{0}/site.toml"\nsite_key = "{0}/site.key"\n\n{1}'
            .format(ETC, tables))

    def start(self):
        systemctl("daemon-reload")
        systemctl("start", SERVICE)
        self.follow_process()
        wait_until(lambda: self.lives() and self.socket.exists(), "the daemon's socket", PATIENCE_S)

    def follow_process(self):
        shown = systemctl("show", "--property=MainPID", SERVICE)
        self.process = Running(int(shown.split("=")[1]))

    def said(self):
        words = ["journalctl", "--unit", SERVICE, "--lines", "25", "--no-pager"]
        return subprocess.run(words, stdout=subprocess.PIPE).stdout.decode(errors="replace")

    def _gone(self):
        # Both at once, or a caller begins the service again.
        subprocess.run(["systemctl", "--quiet", "stop", SERVICE, "yibaod.socket"], timeout=PATIENCE_S)
        subprocess.run(["umount", INSTALLED])
        shutil.rmtree(ETC)
        super()._gone()

    def evidence(self):
        return super().evidence() + "\n" + self.said()


class Running:
    """What is asked of a process, of one that is systemd's."""

    def __init__(self, pid):
        self.pid = pid

    def poll(self):
        return None if pathlib.Path("/proc/%d" % self.pid).exists() else 1

    def terminate(self):
        subprocess.run(["systemctl", "--quiet", "stop", "yibaod.socket", SERVICE], timeout=PATIENCE_S)

    kill = terminate

    def wait(self, timeout=None):
        return 0


def status_of(pid):
    lines = pathlib.Path("/proc/%d/status" % pid).read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def is_confined(desk):
    """By the kernel's word as well as systemd's: a filter, no capability, no new rights, not root."""
    shown = dict(line.split("=", 1) for line in systemctl("show", "--property=" + ",".join(KEPT), SERVICE).splitlines())
    assert shown == KEPT, shown
    it = status_of(desk.process.pid)
    assert (it["Seccomp"], it["NoNewPrivs"]) == ("2", "1") and int(it["CapBnd"], 16) == int(it["CapEff"], 16) == 0, it
    assert it["Uid"].split()[0] != "0", it
    devices = systemctl("show", "--property=DeviceAllow", SERVICE)
    assert "char-hidraw" in devices and "char-mem" not in devices, devices


def is_kept_away(desk, families):
    """That the units do forbid: without its line the same device, with the same modes, is out of reach."""
    drop_in = UNITS / (SERVICE + ".d") / "none.conf"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text("[Service]\nDeviceAllow=\n")
    systemctl("daemon-reload")
    systemctl("restart", SERVICE)
    desk.follow_process()
    name, family = next(iter(families.items()))
    device = family.make("S1").plug(0)
    desk.wait(name, "DEVICE_PERMISSION", lambda it: (it["lastError"] or {}).get("name") == "DEVICE_PERMISSION")
    device.pull()
    drop_in.unlink()
    systemctl("daemon-reload")


def devices_work_under_the_unit(families):
    """Scanned on hidraw, as a keyboard and on a serial line; printed on usbfs; a card by pcscd and one on usbfs."""
    tables = {name: family.table(role="scanner" + ("-%d" % (at + 1)) * (at > 0))
              for at, (name, family) in enumerate(families.items())}
    desk = Service({**tables, "slip": printing.PROVING, "cards": cards.TABLE, "ids": idcards.TABLE})
    is_confined(desk)
    for at, (name, family) in enumerate(families.items()):
        device = family.make("S1").plug(at)
        desk.ready(name)
        listener = Listener(desk, "scanner" + ("-%d" % (at + 1)) * (at > 0))
        family.send(device, family.code)
        told = listener.code()
        assert told["symbology"] == family.symbology and told["payload"], (name, told)
        listener.stop()
        device.pull()
        desk.missing(name)
    printer = Printer("P1").plug(3)
    desk.ready("slip")
    printing.printed(printing.Job(desk, "confined", lines=3), "PROCESS_ID")
    assert printing.count(printer, "confined") == 1
    printer.pull()
    reader = Reader("C1").plug(4)
    desk.ready("cards")
    card = SocialCard(number=1)
    reader.insert(card)
    cards.reads(desk, card)
    reader.pull()
    desk.missing("cards")
    ids = IdReader("I1").plug(5)
    desk.ready("ids")
    waiting = subprocess.Popen(desk.ctl("card", "--role", "id-card", "--wait-s", "120"), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    ids.lay_down(Document())
    told = cards.answer(waiting)
    assert "card" in told, told
    ids.pull()
    is_kept_away(desk, families)
    desk.stop()
    return "confined: %d scanners, a printer, two card readers" % len(families)
