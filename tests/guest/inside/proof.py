"""Paper that ends, power that is lost and a cable that is pulled at bytes of a receipt on USB: what is told is held
against the paper. The same as `tests/it/proof/paper.rs` does on TCP and on serial lines."""

import os
import time

from desk import Desk
from door import Door
from printer import Printer
from usb import wait_until

LONG = os.environ.get("YIBAO_LONG") == "1"
TABLE = 'role = "receipt"\nkind = "escpos-usb"\nusb = "04b8:0202"\n'
# Lines of a long receipt.
LONG_LINES = 60
REFILLED, POWER_LOST, PULLED = "refilled", "power-lost", "pulled"
STATE = "PRINT_JOB_STATE_"
IS_ON_ITS_WAY = ("WAITING", "PRINTING")
# Papers that are looked at behind a job.
RECENT = 8


class Case:
    """A model, what proves its papers, and the bytes between two places in a short receipt and in a long one for each
    fault, in the short form; a plug takes an emulated machine two seconds."""

    def __init__(self, name, model, proof, steps):
        self.name, self.proof, self.steps = name, proof, steps
        self.table = TABLE + 'model = "%s"\n' % model


PROCESS_ID = Case("paper-usb", "epson-tm-80", "PROCESS_ID", {REFILLED: (3, 97), POWER_LOST: (9, 9 * 97), PULLED: (9, 9 * 97)})
STATUS = Case("paper-usb-status", "generic-80", "STATUS", {REFILLED: (9, 5 * 97), POWER_LOST: (26, 22 * 97), PULLED: (26, 22 * 97)})


class Bench:
    """A printer on USB, the desk that has it, and a caller."""

    def __init__(self, case):
        self.case = case
        self.desk = Desk({"slip": case.table})
        self.device = Printer("P1").plug(0)
        self.desk.ready("slip")
        self.door = Door(self.desk)

    def take(self, job, lines):
        """On disk: it goes out by itself."""
        blocks = [{"text": {"text": line}} for line in text_of(job, lines)] + [{"cut": {}}]
        document = {"title": job, "blocks": blocks}
        told = self.door.call("PrintService/Print", {"requestId": job, "document": document})
        assert "job" in told, told

    def job(self, job):
        told = self.door.call("PrintService/GetJob", {"requestId": job})["job"]
        return told["state"].removeprefix(STATE), told.get("error", {}).get("name", ""), told

    def end(self, job):
        """How it ended."""
        wait_until(lambda: self.job(job)[0] not in IS_ON_ITS_WAY, "the end of " + job)
        return self.job(job)

    def prints(self, job):
        """A job to which nothing happens; whether it came out."""
        self.take(job, 1)
        state, _, told = self.end(job)
        if (state, told.get("proof")) != ("PRINTED", "PAPER_PROOF_" + self.case.proof):
            return False
        return any(begins(job) in paper for paper in self.device.papers[-RECENT:])

    def length(self, lines):
        """Bytes of one job on the wire with all its questions, those that the printer answers at once too."""
        taken = []
        for number in range(2):
            self.take("dry-%d-%03d" % (number, lines), lines)
            state, _, told = self.end("dry-%d-%03d" % (number, lines))
            assert state == "PRINTED", told
            taken.append(self.device.taken)
        return taken[1] - taken[0]


def text_of(job, lines):
    return ["始<%s>" % job, *("第%d行 阿莫西林胶囊 12.50" % line for line in range(1, lines)), "终<%s>" % job]


def begins(job):
    return ("始<%s>" % job).encode("gb18030")


def ends(job):
    return ("终<%s>" % job).encode("gb18030")


def broken(bench, job, lines, fault, at):
    """One job with its fault; how it ended."""
    device = bench.device
    if fault == PULLED:
        device.take_only(at)
    else:
        device.end_paper_after(at)
    bench.take(job, lines)

    def stopped():
        if device.is_stuck():
            return True
        state, why, _ = bench.job(job)
        return state not in IS_ON_ITS_WAY or why == "PAPER_OUT"

    wait_until(stopped, "the fault of " + job)
    if fault != REFILLED:
        device.pull()
        device.has_paper = True
        device.plug(0)
    elif not device.has_paper:
        device.set_paper(True)
    device.never_ends()
    return bench.end(job)


def check(bench, job, told):
    """What is wrong with what was told, held against the paper."""
    state, why, _ = told
    fence = "fence-" + job
    if not bench.prints(fence):
        return "the paper behind it did not come"
    papers = [*bench.device.papers[-RECENT:], bench.device.paper]
    begun = sum(begins(job) in paper for paper in papers)
    copies = sum(begins(job) in paper and ends(job) in paper for paper in papers)
    own = next(paper for paper in papers if begins(fence) in paper)
    if begins(job) in own or ends(job) in own:
        return "the paper behind it has something of it"
    holds = {"PRINTED": copies == 1 and begun == 1, "NOT_PRINTED": begun == 0, "UNKNOWN": begun <= 1}
    if holds.get(state, False):
        return None
    return "told as %s (%s), %d begun, %d whole" % (state, why, begun, copies)


def at_bytes(case):
    """Every place of every fault, each with a job of its own; 0 may be told falsely."""
    began, found, wrong, ended = time.monotonic(), 0, [], {}
    bench = Bench(case)
    for lines, long in ((1, False), (LONG_LINES, True)):
        length = bench.length(lines)
        for fault, steps in case.steps.items():
            step = (7 if long else 1) if LONG else steps[long]
            for at in range(0, length + 1, step):
                job = "%s-%d-%d" % (fault, lines, at)
                told = broken(bench, job, lines, fault, at)
                fault_found = check(bench, job, told)
                found += 1
                ended[told[0]] = ended.get(told[0], 0) + 1
                if fault_found:
                    wrong.append("%s: %s" % (job, fault_found))
    bench.desk.stop()
    bench.device.pull()
    # For the table of proofs.
    print("guest-row %s\tThe same on USB in the guest, proven by %s\t同上：虚拟机中的 USB，%s\t%d\t%d\t–\t%d" % (
        case.name, *{"PROCESS_ID": ("process id", "任务编号证明"), "STATUS": ("status", "状态证明")}[case.proof],
        found, len(wrong), time.monotonic() - began))
    assert not wrong, wrong
    # Each of them was met: a fault that hits nothing proves nothing.
    assert ended.get("PRINTED") and ended.get("UNKNOWN"), ended
    return "%d places: %s" % (found, ", ".join("%d %s" % (count, end) for end, count in sorted(ended.items())))


TESTS = {
    "printer_paper_at_bytes_of_a_receipt": lambda: at_bytes(PROCESS_ID),
    "printer_paper_at_bytes_proven_by_status": lambda: at_bytes(STATUS),
}
