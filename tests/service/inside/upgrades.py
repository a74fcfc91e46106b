"""What an upgrade, a removal and an installation do to a desk that is not simply well."""

import json
import os
import pathlib
import shutil
import signal
import subprocess

from desk import (
    ETC, SERVICE, Pay, another_than, apt, charged, ctl, is_active, main_pid, papers, play, requests, run,
    scanner_is_ready, shown, status, wait_until,
)

NEXT = sorted(pathlib.Path("/mnt/host/next").glob("*.deb"))
# What no version takes: stands for a key that the next one knows no more.
WRONG = ETC / "conf.d/90-test.toml"


def upgrade(check=True):
    """As dpkg runs the scripts for any other version; what was said."""
    done = apt("install", "--reinstall", *NEXT, check=check)
    return done.returncode, done.stdout + done.stderr


def script(name, *words):
    """A script of the package as dpkg calls it."""
    run("/var/lib/dpkg/info/yibaod." + name, *words, env={"DPKG_MAINTSCRIPT_PACKAGE": "yibaod"})


def version():
    return run("dpkg-query", "--show", "--showformat=${Version}", "yibaod").stdout


def is_told(said, *words):
    for word in words:
        assert word in said, (word, said)


def refused():
    """A new version that refuses the configuration: the old process goes on serving, and that is told."""
    pid = main_pid()
    WRONG.write_text("[times]\nscan_wait = 5\n")
    _, said = upgrade()
    is_told(said, "times.scan_wait", "OLD VERSION GOES ON", "旧版本仍在运行")
    assert is_active() and main_pid() == pid
    assert Pay("refused").begin().answer()["money"] == "MONEY_SETTLED"
    # The name of a group that is not there is refused as late as at the door.
    WRONG.write_text('[access]\nkiosk = ["group:no-such-group"]\n')
    _, said = upgrade()
    is_told(said, "no-such-group", "OLD VERSION GOES ON")
    assert is_active() and main_pid() == pid
    WRONG.unlink()
    upgrade()
    another_than(pid)
    wait_until("the scanner", scanner_is_ready)


def not_asked():
    """Where the new version cannot be asked, nobody says that it refuses, and what serves goes on."""
    pid = main_pid()
    setpriv = pathlib.Path(shutil.which("setpriv"))
    away = setpriv.rename(setpriv.with_name("setpriv.away"))
    try:
        _, said = upgrade()
    finally:
        away.rename(setpriv)
    is_told(said, "could not be asked", "it ended with 127", "OLD VERSION GOES ON", "旧版本仍在运行")
    assert "refuses the configuration" not in said, said
    assert is_active() and main_pid() == pid
    upgrade()
    another_than(pid)
    wait_until("the scanner", scanner_is_ready)


def failed():
    """A desk that is down is no good upgrade, and apt says so; one that mends it brings it up."""
    def fail():
        WRONG.write_text("[times]\nscan_wait = 5\n")
        os.kill(main_pid(), signal.SIGKILL)
        wait_until("a failed service", lambda: shown(SERVICE, "ActiveState")["ActiveState"] == "failed")

    fail()
    WRONG.unlink()
    upgrade()
    assert is_active() and status()["accepting"] is True
    fail()
    code, said = upgrade(check=False)
    assert code != 0, said
    is_told(said, "THE DESK DOES NOT RUN", "窗口未运行", "times.scan_wait")
    WRONG.unlink()
    run("dpkg", "--configure", "--pending")
    assert is_active() and status()["accepting"] is True
    wait_until("the scanner", scanner_is_ready)


def stopped():
    """What a person stopped, disabled or masked is no business of an upgrade."""
    units = ("yibaod.socket", SERVICE)
    run("systemctl", "stop", *units)
    _, said = upgrade()
    is_told(said, "it was stopped and stays so", "保持不变")
    assert not is_active()
    # However often it is configured, and however it would be removed in the end.
    run("dpkg-reconfigure", "yibaod")
    assert not is_active()
    script("prerm", "deconfigure", "in-favour", "other", "1")
    script("postinst", "configure", version())
    assert not is_active()
    for away, back in (("disable", "enable"), ("mask", "unmask")):
        run("systemctl", away, *units)
        apt("remove", "yibaod")
        apt("install", *NEXT)
        assert not is_active(), away
        run("systemctl", back, *units)
    run("systemctl", "start", SERVICE)
    assert status()["accepting"] is True
    # What its package stopped comes up, once.
    script("prerm", "deconfigure", "in-favour", "other", "1")
    assert not is_active()
    script("postinst", "configure", version())
    assert is_active()
    wait_until("the scanner", scanner_is_ready)


def installed_again():
    """Removed and installed again – for dpkg an old version is known then, too – the desk is up and goes on."""
    before = Pay("removed").begin()
    told = before.answer()
    assert told["money"] == "MONEY_SETTLED", told
    had, sent = charged(), requests("2207")
    apt("remove", "yibaod")
    assert not is_active() and WRONG.parent.exists()
    apt("install", *NEXT)
    assert is_active() and status()["accepting"] is True
    wait_until("the scanner", scanner_is_ready)
    # It knows what it did, and does more.
    assert before.truth()["setlId"] == told["setlId"]
    assert (charged(), requests("2207")) == (had, sent)
    assert Pay("installed-again").begin().answer()["money"] == "MONEY_SETTLED"


def paper_is_out():
    """Upgraded while jobs wait for paper: each comes out once, when there is paper, after the upgrade."""
    names = ("waits-1", "waits-2")
    had = papers()
    play("paper-out")
    calls = []
    for name in names:
        words = ["runuser", "-u", "cashier", "--", "yibaoctl", "--json", "print", "--test", "--request-id", name]
        calls.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        wait_until("a job that waits", lambda: is_open(name))
    pid = main_pid()
    upgrade()
    another_than(pid)
    assert all(is_open(name) for name in names) and papers() == had
    play("refill")
    for name in names:
        wait_until("the end of " + name, lambda: not is_open(name))
        assert job(name)["state"] == "PRINT_JOB_STATE_PRINTED", job(name)
    assert papers() == had + len(names)
    for call in calls:
        call.communicate()
    print("  %d papers, each once" % len(names))


def job(name):
    """The job of a request; nothing while it is not known."""
    told = ctl("--json", "print", "show", name, check=False)
    return json.loads(told.stdout) if told.stdout else {}


def is_open(name):
    return job(name).get("state") in ("PRINT_JOB_STATE_WAITING", "PRINT_JOB_STATE_PRINTING")


TESTS = (refused, not_asked, failed, stopped, installed_again, paper_is_out)
