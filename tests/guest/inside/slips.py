"""What every driver of receipt printers must do: the checks of `src/device/conformance/printer.rs`, asked of the daemon
with a printer on USB. What befalls a receipt at any of its bytes stands in `proof.py`; how soon an answer comes, and what
comes of none before a deadline, is measured elsewhere: this machine is emulated."""

import time
import traceback

from proof import PROCESS_ID, STATUS, Bench, Case, begins, ends
from usb import wait_until

MUTE = Case("", "mute-80", "", {})
# Foreign bytes, flow control, half a report, half a number.
NOISE = bytes([0xFF, 0x80, 0x11, 0x13, 0xFE, 0x10, 0, 0x37, 0x22])
FINE = {"has_paper": True, "near_end": False, "cover_open": False, "error": False}
TROUBLES = (("PAPER_OUT", {"has_paper": False}), ("COVER_OPEN", {"cover_open": True}), ("PRINTER_ERROR", {"error": True}))


def printed(bench, job, proof):
    told = bench.end(job)
    assert (told[0], told[2].get("proof")) == ("PRINTED", "PAPER_PROOF_" + proof), told
    assert copies(bench, job) == (1, 1), bench.device.everything()


def copies(bench, job):
    """How often it is begun, and how often it ends."""
    papers = bench.device.everything()
    return papers.count(begins(job)), papers.count(ends(job))


def parked(bench, job, name):
    """It waits for the printer, with no byte on paper."""
    wait_until(lambda: bench.job(job)[1] == name, "%s of %s" % (name, job))
    assert bench.job(job)[0] == "WAITING" and copies(bench, job) == (0, 0), bench.job(job)


def proven_by_the_jobs_number(bench):
    for number in range(3):
        bench.take("number-%d" % number, 1)
        printed(bench, "number-%d" % number, "PROCESS_ID")


def a_number_that_never_comes_is_made_up_for(bench):
    bench.device.silent("process")
    bench.take("no-number", 1)
    printed(bench, "no-number", "STATUS")
    bench.device.silent()
    bench.take("a-number", 1)
    printed(bench, "a-number", "PROCESS_ID")


def trouble_before_a_job_keeps_every_byte_back(bench):
    for name, what in TROUBLES:
        bench.device.become(**what)
        bench.take("kept-" + name, 1)
        parked(bench, "kept-" + name, name)
        bench.device.become(**FINE)
        printed(bench, "kept-" + name, "PROCESS_ID")
    bench.device.become(near_end=True)
    bench.take("near-end", 1)
    printed(bench, "near-end", "PROCESS_ID")


def paper_ends_in_the_middle_and_comes_back(bench):
    bench.device.end_paper_after(20)
    bench.desk.change("slip", "PAPER_OUT", lambda: bench.take("refilled", 1))
    bench.desk.change("slip", "PAPER_OK", lambda: bench.device.become(**FINE))
    printed(bench, "refilled", "PROCESS_ID")


def the_cover_is_opened_in_the_middle(bench):
    bench.device.end_paper_after(20)
    bench.desk.change("slip", "PAPER_OUT", lambda: bench.take("opened", 1))
    bench.desk.change("slip", "COVER_OPEN", lambda: bench.device.become(cover_open=True))
    bench.desk.change("slip", "COVER_CLOSED", lambda: bench.device.become(**FINE))
    printed(bench, "opened", "PROCESS_ID")


def an_idle_printer_reports_by_itself(bench):
    for what, told in (
        ({"near_end": True}, "PAPER_LOW"), (FINE, "PAPER_OK"), ({"has_paper": False}, "PAPER_OUT"), (FINE, "PAPER_OK"),
        ({"cover_open": True}, "COVER_OPEN"), (FINE, "COVER_CLOSED"), ({"error": True}, "FAULT"), (FINE, "FAULT_CLEARED"),
    ):
        bench.desk.change("slip", told, lambda what=what: bench.device.become(**what))


def paper_ends_behind_the_last_line(bench):
    bench.take("last", 1)
    printed(bench, "last", "PROCESS_ID")
    bench.device.become(has_paper=False)
    bench.desk.state("slip", "PAPER_OUT")
    assert bench.job("last")[0] == "PRINTED"


def a_printer_that_is_off_and_on_again(bench):
    bench.device.pull()
    bench.desk.missing("slip")
    bench.take("off", 1)
    parked(bench, "off", "PRINTER_MISSING")
    bench.device.plug(0)
    printed(bench, "off", "PROCESS_ID")


def a_printer_that_says_nothing_is_missing(bench):
    bench.device.silent("status")
    bench.take("silent", 1)
    parked(bench, "silent", "PRINTER_MISSING")
    bench.device.silent()
    printed(bench, "silent", "PROCESS_ID")


def noise_proves_nothing_and_harms_nothing(bench):
    bench.take("before-noise", 1)
    printed(bench, "before-noise", "PROCESS_ID")
    bench.device.noise(NOISE)
    wait_until(lambda: not bench.device.unread(2), "the noise to be heard")
    bench.take("behind-noise", 1)
    printed(bench, "behind-noise", "PROCESS_ID")


def jobs_wait_for_their_turn_and_can_be_withdrawn(bench):
    bench.device.end_paper_after(20)
    bench.desk.change("slip", "PAPER_OUT", lambda: bench.take("first", 1))
    bench.take("withdrawn", 1)
    bench.take("third", 1)
    told = bench.door.call("PrintService/CancelJob", {"requestId": "withdrawn"})
    assert told.get("verdict") == "PRINT_CANCEL_VERDICT_CANCELLED", told
    bench.device.become(**FINE)
    for job in ("first", "third"):
        printed(bench, job, "PROCESS_ID")
    assert bench.job("withdrawn")[0] == "CANCELLED" and copies(bench, "withdrawn") == (0, 0)


def a_printer_that_stops_reading_holds_nobody(bench):
    bench.device.take_only(0)
    bench.take("stuck", 1)
    parked(bench, "stuck", "PRINTER_MISSING")
    told = bench.door.call("PrintService/CancelJob", {"requestId": "stuck"})
    assert told.get("verdict") == "PRINT_CANCEL_VERDICT_CANCELLED", told
    bench.device.never_ends()
    bench.take("behind-stuck", 1)
    printed(bench, "behind-stuck", "PROCESS_ID")
    assert copies(bench, "stuck") == (0, 0)


def proven_by_the_status_behind(bench):
    bench.take("status", 1)
    printed(bench, "status", "STATUS")


def without_an_answer_nothing_is_proven(bench):
    bench.device.silent("status", "queued", "process")
    bench.take("mute", 1)
    told = bench.end("mute")
    assert told[:2] == ("UNKNOWN", "PRINT_NOT_PROVEN"), told
    wait_until(lambda: copies(bench, "mute") == (1, 1), "its paper")


CHECKS = (
    (PROCESS_ID, (
        proven_by_the_jobs_number,
        a_number_that_never_comes_is_made_up_for,
        trouble_before_a_job_keeps_every_byte_back,
        paper_ends_in_the_middle_and_comes_back,
        the_cover_is_opened_in_the_middle,
        an_idle_printer_reports_by_itself,
        paper_ends_behind_the_last_line,
        a_printer_that_is_off_and_on_again,
        a_printer_that_says_nothing_is_missing,
        noise_proves_nothing_and_harms_nothing,
        jobs_wait_for_their_turn_and_can_be_withdrawn,
        a_printer_that_stops_reading_holds_nobody,
    )),
    (STATUS, (proven_by_the_status_behind,)),
    (MUTE, (without_an_answer_nothing_is_proven,)),
)


def conforms():
    """One that fails stops no other."""
    began, count, failed = time.monotonic(), 0, []
    for case, checks in CHECKS:
        bench = Bench(case)
        for check in checks:
            count += 1
            try:
                check(bench)
            except Exception:
                failed.append(check.__name__)
                traceback.print_exc()
            bench.device.silent()
            bench.device.never_ends()
            bench.device.become(**FINE)
        bench.desk.stop()
        bench.device.pull()
    print("guest-row conformance-escpos-usb\twhat every receipt printer must do: ESC/POS, USB in the guest\t"
          "小票打印机一致性：ESC/POS，虚拟机中的 USB\t%d\t%d\t–\t%d" % (count, len(failed), time.monotonic() - began))
    assert not failed, failed
    return "%d checks" % count


TESTS = {"printer_conforms": conforms}
