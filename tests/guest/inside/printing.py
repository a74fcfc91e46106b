"""What a desk's receipt printer on USB must survive. No paper is printed twice, and none is called printed that is not."""

import json
import os
import pathlib
import subprocess

import usb
from desk import PATIENCE_S, Desk
from printer import Played, Printer
from recording import SENT, Recording
from usb import wait_until

# USBDEVFS_DISCONNECT_CLAIM of interface 0: usblp is sent away, as CUPS does it.
TAKE_INTERFACE, TAKE_BYTES = 0x8108551B, 264
TABLE = 'role = "receipt"\nkind = "escpos-usb"\nusb = "04b8:0202"\n'
PROVING = TABLE + 'model = "epson-tm-80"\n'
JOB = "PRINT_JOB_STATE_"
RECORDING = pathlib.Path("/mnt/host/escpos-usb.txt")


class Job:
    """`yibaoctl print`, on its way."""

    def __init__(self, desk, text, lines=1, shown=None):
        self.path = desk.dir / (text + ".json")
        shown = shown or ["%s line %d" % (text, number) for number in range(lines)]
        blocks = [{"text": {"text": line}} for line in shown] + [{"cut": {}}]
        self.path.write_text(json.dumps({"requestId": text, "document": {"title": text, "blocks": blocks}}))
        self.desk, self.text = desk, text
        self.process = subprocess.Popen(desk.ctl("print", self.path), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end(self):
        """What became of it."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        assert out.strip(), err.decode()
        told = json.loads(out)
        while told["state"] in (JOB + "WAITING", JOB + "PRINTING"):
            _, told = self.desk.ask("print", "show", self.text)
        return told

    def state(self):
        """Where it stands; none: it is not accepted yet."""
        done = subprocess.run(self.desk.ctl("print", "show", self.text), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return json.loads(done.stdout) if done.returncode != 2 and done.stdout.strip() else None


def printed(job, proof):
    told = job.end()
    assert (told["state"], told.get("proof")) == (JOB + "PRINTED", "PAPER_PROOF_" + proof), told


def in_error(desk, name):
    desk.wait("slip", name, lambda it: it["lastError"] and it["lastError"]["name"] == name)


def count(device, text):
    return device.everything().count(text.encode() + b" line 0")


def prints_with_proof():
    """Found by rule, printed, proven by what the printer answers; each paper once."""
    for table, proof in ((PROVING, "PROCESS_ID"), (TABLE, "STATUS")):
        desk = Desk({"slip": table})
        device = Printer("P1").plug(0)
        desk.ready("slip")
        for number in range(3):
            printed(Job(desk, "paper-%d" % number, lines=30), proof)
        test_page = subprocess.run(desk.ctl("print", "--test"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE_S)
        assert test_page.returncode == 0, test_page
        assert [count(device, "paper-%d" % number) for number in range(3)] == [1, 1, 1], device.everything()
        assert len(device.papers) == 4 and not device.paper, device.papers
        desk.stop()
        device.pull()


def says_that_paper_is_out():
    """Idle: told at once. In a job: it pauses, and goes on with the new roll."""
    desk = Desk({"slip": PROVING})
    device = Printer("P1").plug(0)
    desk.ready("slip")
    device.set_paper(False)
    desk.state("slip", "PAPER_OUT")
    parked = Job(desk, "parked")
    wait_until(lambda: (parked.state() or {}).get("error", {}).get("name") == "PAPER_OUT", "the job to be parked")
    assert not device.everything(), device.everything()
    device.set_paper(True)
    printed(parked, "PROCESS_ID")
    device.takes = 300
    job = Job(desk, "paused", lines=100)
    wait_until(lambda: device.takes == 0 and device.held, "the middle of the job")
    desk.change("slip", "PAPER_OUT", lambda: device.set_paper(False))
    device.takes = None
    device.set_paper(True)
    printed(job, "PROCESS_ID")
    assert [count(device, text) for text in ("parked", "paused")] == [1, 1]
    assert len(device.papers) == 2, device.papers
    desk.stop()
    device.pull()


def pulled_in_a_job():
    """One clear result, UNKNOWN; back by itself; the paper is not printed again by anybody."""
    desk = Desk({"slip": PROVING})
    device = Printer("P1").plug(0)
    desk.ready("slip")
    footprint = None
    cycles = 40 if os.environ.get("YIBAO_LONG") == "1" else 4
    for cycle in range(cycles):
        device.takes = 60 + 97 * cycle
        job = Job(desk, "pulled-%d" % cycle, lines=100)
        wait_until(lambda: device.takes == 0 and device.held, "the middle of the job")
        device.pull()
        told = job.end()
        assert told["state"] == JOB + "UNKNOWN" and told["error"]["name"] == "PRINTER_MISSING", told
        desk.missing("slip")
        waiting = Job(desk, "waiting-%d" % cycle)
        wait_until(lambda: (waiting.state() or {}).get("error", {}).get("name") == "PRINTER_MISSING", "the job to wait")
        device.plug(cycle % 4)
        desk.ready("slip")
        printed(waiting, "PROCESS_ID")
        assert count(device, "waiting-%d" % cycle) == 1 and count(device, "pulled-%d" % cycle) <= 1
        if cycle == 1:
            footprint = desk.footprint()
    after = desk.rests_at(footprint)
    desk.stop()
    device.pull()
    return "%d cycles, descriptors %d" % (cycles, after[0])


def stall_is_cleared():
    """Before a job it heals by itself; in a job the result is one, and the printer is back."""
    desk = Desk({"slip": PROVING})
    device = Printer("P1").plug(0)
    desk.ready("slip")
    device.refuse(1)
    printed(Job(desk, "healed"), "PROCESS_ID")
    assert device.cleared >= 1
    device.takes = 200
    job = Job(desk, "stalled", lines=100)
    wait_until(lambda: device.takes == 0 and device.held, "the middle of the job")
    device.stall_held()
    told = job.end()
    assert told["state"] == JOB + "UNKNOWN", told
    desk.ready("slip")
    printed(Job(desk, "after"), "PROCESS_ID")
    assert [count(device, text) for text in ("healed", "stalled", "after")] == [1, 1, 1], device.everything()
    desk.stop()
    device.pull()


def one_way_is_never_proven():
    """No way back: paper is asked by the port's status, and no print is called proven."""
    desk = Desk({"slip": TABLE})
    device = Printer("P1", one_way=True).plug(0)
    desk.ready("slip")
    told = Job(desk, "blind").end()
    assert told["state"] == JOB + "UNKNOWN" and told["error"]["name"] == "PRINT_NOT_PROVEN", told
    assert count(device, "blind") == 1
    device.set_paper(False)
    desk.state("slip", "PAPER_OUT")
    parked = Job(desk, "no-paper")
    wait_until(lambda: (parked.state() or {}).get("error", {}).get("name") == "PAPER_OUT", "the job to be parked")
    device.set_paper(True)
    assert parked.end()["error"]["name"] == "PRINT_NOT_PROVEN"
    assert count(device, "no-paper") == 1
    device.pull()
    desk.missing("slip")
    desk.stop()


def kernel_driver_gives_way():
    """usblp had it first: it is taken, and given back. In use by a program it is that program's."""
    node = pathlib.Path("/dev/usb/lp0")
    device = Printer("P1").plug(0)
    wait_until(node.exists, "usblp to take it")
    subprocess.run(["udevadm", "settle"], check=True)
    assert node.group() == "yibao-devices", node.group()
    other = os.open(node, os.O_RDWR)
    desk = Desk({"slip": PROVING})
    in_error(desk, "DEVICE_HELD_ELSEWHERE")
    assert node.exists()
    os.close(other)
    desk.ready("slip")
    assert not node.exists()
    printed(Job(desk, "ours"), "PROCESS_ID")
    desk.stop()
    wait_until(node.exists, "usblp to have it again")
    device.pull()
    wait_until(lambda: not node.exists(), "the node to go")


def claimed_by_another_it_is_said():
    """A program of another user drives it by usbfs, as CUPS does: it is not disturbed. Root is told its name; the daemon
    says that it cannot see it, never that nobody is there."""
    device = Printer("P1").plug(0)
    plugged = lambda: [it.parent for it in pathlib.Path("/sys/bus/usb/devices").glob("*/idVendor") if "04b8" in it.read_text()]
    wait_until(lambda: plugged() and (plugged()[0] / "devnum").is_file(), "the printer's number")
    node = "/dev/bus/usb/%03d/%03d" % tuple(int((plugged()[0] / name).read_text()) for name in ("busnum", "devnum"))
    wait_until(pathlib.Path(node).exists, node)
    subprocess.run(["udevadm", "settle"], check=True)
    holder = subprocess.Popen(
        ["python3", "-c",
         "import fcntl,os,sys; fd=os.open(sys.argv[1],os.O_RDWR); fcntl.ioctl(fd,%d,bytes(%d)); print('has it',flush=True); sys.stdin.read()"
         % (TAKE_INTERFACE, TAKE_BYTES), node], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"has it\n"
    desk = Desk({"slip": PROVING})
    in_error(desk, "DEVICE_HELD_ELSEWHERE")
    _, health = desk.ask("device", "health", "slip")
    told = next(it for it in health["checks"] if it["name"] == "holder")
    assert told["verdict"] == "HEALTH_VERDICT_NOT_KNOWN" and "as root" in told["evidenceEn"], health
    _, told = desk.ask("doctor", "--config", desk.dir / "yibaod.toml")
    found = [it for it in told["findings"] if it["subject"] == "device.slip.holder"]
    assert len(found) == 1 and "python3 (pid %d)" % holder.pid in found[0]["seenEn"], told
    holder.stdin.close()
    holder.wait(PATIENCE_S)
    desk.ready("slip")
    printed(Job(desk, "free"), "PROCESS_ID")
    desk.stop()
    device.pull()


def without_permission_it_is_said():
    """A maker that no rule names stays root's and lp's."""
    desk = Desk({"slip": 'role = "receipt"\nkind = "escpos-usb"\nusb = "dead:beef"\n'})
    device = Printer("P1", ids=(0xDEAD, 0xBEEF)).plug(0)
    in_error(desk, "DEVICE_PERMISSION")
    device.pull()
    desk.stop()


def twins_are_told_apart():
    """Two that are the same are a conflict, until the configuration names a serial number."""
    first, second = Printer("A1").plug(0), Printer("B2").plug(1)
    desk = Desk({"slip": PROVING})
    in_error(desk, "DEVICE_AMBIGUOUS")
    desk.stop()
    desk = Desk({"slip": PROVING + 'serial_number = "B2"\n'})
    desk.ready("slip")
    printed(Job(desk, "mine"), "PROCESS_ID")
    assert (count(first, "mine"), count(second, "mine")) == (0, 1)
    desk.stop()
    for device in (first, second):
        device.pull()


def is_recorded():
    """A receipt on its way, without its patient; the recording lies beside the driver and is printed here."""
    desk = Desk({"slip": PROVING})
    device = Printer("P1").plug(0)
    desk.ready("slip")
    recording = Recording(desk, "slip", "escpos-usb.txt")
    recording.until("kind escpos-usb")
    device.pull()
    desk.missing("slip")
    recording.until("closed")
    device.plug(0)
    desk.ready("slip")
    recording.until("opened")
    printed(Job(desk, "recorded", shown=["测试小票", "姓名：沈虚构", "证件：110101190001011025", "合计：￥4.52"]), "PROCESS_ID")
    recording.until("37 22")
    written = recording.end(SENT)
    for hidden in ("沈虚构".encode("gb18030"), b"011025", b"4.52"):
        assert hidden in device.everything() and hidden not in written, hidden
    desk.stop()
    device.pull()


def replays_its_recording():
    """What the daemon writes is what is recorded, but for the job's number; what is recorded proves the paper."""
    desk = Desk({"slip": PROVING})
    device = Played("P1", RECORDING.read_text()).plug(0)
    desk.ready("slip")
    printed(Job(desk, "played", shown=["某某某某", "某某：某某某", "某某：000000000000000000", "某某：￥0.00"]), "PROCESS_ID")
    assert not device.records and not device.wrong, (device.records, device.wrong)
    desk.stop()
    device.pull()


TESTS = {
    "printer_is_recorded": is_recorded,
    "printer_replays_its_recording": replays_its_recording,
    "printer_prints_with_proof": prints_with_proof,
    "printer_says_that_paper_is_out": says_that_paper_is_out,
    "printer_is_pulled_in_a_job": pulled_in_a_job,
    "printer_stall_is_cleared": stall_is_cleared,
    "printer_of_one_way_is_never_proven": one_way_is_never_proven,
    "printer_is_taken_from_usblp": kernel_driver_gives_way,
    "printer_of_another_program_is_said": claimed_by_another_it_is_said,
    "printer_without_permission_is_said": without_permission_it_is_said,
    "printer_twins_are_told_apart": twins_are_told_apart,
}
