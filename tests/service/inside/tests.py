"""The life of an installed desk, in order: each test goes on where the one before it ended."""

import grp
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import stat
import sys
import threading
import time
import traceback

import care
import handed
import old
import readme
import rights
import shipped
import states
import stops
import upgrades
from desk import (
    ETC, KEY, SAID, SERVICE, SOCKET, STATE, Pay, another_than, apt, charged, ctl, files, is_active, logged, main_pid,
    platform, requests, run, scanner_is_ready, shown, start_sandbox, status, wait_until,
)

THIS = sorted(pathlib.Path("/mnt/host/this").glob("*.deb"))
NEXT = sorted(pathlib.Path("/mnt/host/next").glob("*.deb"))
DROP_IN = pathlib.Path("/run/systemd/system/yibaod.service.d/test.conf")
# What typesets the sheet, in a package of its own.
RENDER = pathlib.Path("/usr/lib/yibaod/yibao-render")
# How long the patient looks for the phone: longer than the programs take to be exchanged.
PATIENT_MS = 3000
# How much of the system a daemon could reach if it were taken over, by systemd-analyze, in tenths.
EXPOSURE_MAX = 15


def own(path):
    """Owner, group and mode of a file."""
    it = os.lstat(path)
    return pwd.getpwuid(it.st_uid).pw_name, grp.getgrgid(it.st_gid).gr_name, oct(stat.S_IMODE(it.st_mode))


def installed():
    """Into a Debian without any of our files: users, key, units; no service runs before the desk is configured."""
    global before
    before = files()
    said = apt("install", *THIS).stdout
    assert "configure this desk" in said, said
    for group in ("dialout", "yibao-devices"):
        assert grp.getgrnam(group).gr_mem == ["yibaod"], group
    assert own(KEY) == ("yibaod", "yibao", "0o600"), own(KEY)
    assert own(ETC) == ("root", "yibao", "0o750"), own(ETC)
    assert own(ETC / "credentials") == ("yibaod", "yibao", "0o700")
    assert own(STATE) == ("yibaod", "yibao", "0o700"), own(STATE)
    for unit in ("yibaod.service", "yibaod.socket"):
        assert run("systemctl", "is-enabled", unit).stdout.strip() == "enabled"
    assert not is_active()
    failed = run("systemctl", "list-units", "--failed", "--plain", "--no-legend").stdout
    assert "yibaod" not in failed, failed
    # Nobody is let in by being installed.
    run("useradd", "cashier")
    run("usermod", "--append", "--groups", "yibao", "cashier")
    run("useradd", "stranger")


def not_configured():
    """Started without a configuration it does not fail, and --check says what is missing."""
    run("systemctl", "start", SERVICE)
    assert not is_active()
    assert shown(SERVICE, "ActiveState")["ActiveState"] == "inactive"
    said = run("yibaod", "--check", check=False)
    assert said.returncode != 0 and "/etc/yibaod/yibaod.toml" in said.stderr, said.stderr


def samples():
    """The samples are right but for what only a person knows; the README's commands put them in place."""
    for sample, name in (("yibaod.toml", "yibaod.toml"), ("profiles/sandbox.toml", "site.toml")):
        where = pathlib.Path("/usr/share/yibaod") / sample
        if where.exists():
            run("install", "-m", "0640", "-g", "yibao", where, ETC / name)
    said = run("yibaod", "--check", check=False)
    assert "/etc/yibaod/site.toml" in said.stderr, said.stderr
    run("yibaoctl", "profile", "check", "/usr/share/yibaod/profiles/template.toml", check=False)
    (ETC / "yibaod.toml").unlink()


def pages():
    """Every page can be set without a warning; the manual of the configuration holds its keys."""
    found = sorted(pathlib.Path("/usr/share/man").glob("man*/yibao*.gz"))
    names = {page.name.removesuffix(".gz") for page in found}
    wanted = {"yibaod.8", "yibaoctl.1", "yibaoctl-pay.1", "yibao-sandbox.1", "yibaod.toml.5", "yibaod-profile.toml.5"}
    if RENDER.exists():
        wanted.add("yibao-render.8")
    assert wanted <= names, wanted - names
    for page in found:
        text = run("zcat", page).stdout
        made = run("groff", "-man", "-Tutf8", "-Kutf8", "-wmac", "-wmissing", "-wsyntax", "-wescape", stdin=text)
        assert not made.stderr, "%s: %s" % (page.name, made.stderr)
        if page.name.startswith("yibaod.toml.5"):
            # Bold is printed over itself.
            plain = re.sub(".\b", "", made.stdout)
            assert "scan_wait_s" in plain and "收费一号窗口" in plain, plain
    for page, program in (("yibaod.8", "yibaod"), ("yibao-sandbox.1", "yibao-sandbox")):
        text = run("zcat", "/usr/share/man/man%s/%s.gz" % (page[-1], page)).stdout.replace("\\-", "-")
        for word in run(program, "--help").stdout.split():
            flag = word.strip(",.;:()[]`")
            assert not flag.startswith("--") or flag in text, "%s is not in %s" % (flag, page)
    print("  %d man pages" % len(found))


def units():
    """systemd itself has nothing to say about the units, and little to fear of them."""
    said = run("systemd-analyze", "verify", "--man=no", SERVICE, "yibaod.socket").stderr.splitlines()
    # What only a newer systemd knows is passed over by an older one.
    unexpected = [line for line in said if "Unknown key" not in line]
    assert not unexpected, unexpected
    rated = run("systemd-analyze", "security", "--threshold=%d" % EXPOSURE_MAX, "--no-pager", SERVICE, check=False)
    print("  " + rated.stdout.strip().splitlines()[-1].strip())
    assert rated.returncode == 0, rated.stdout


def started():
    """The far ends first; then the service is up when systemctl returns, and its door is open to its group."""
    (ETC / "site.toml").unlink(missing_ok=True)
    start_sandbox(PATIENT_MS)
    # The journal of this desk in earnest, not that of a trial.
    (ETC / "conf.d/10-state.toml").write_text('[paths]\nstate_dir = "/var/lib/yibaod"\n')
    run("systemctl", "start", SERVICE)
    it = shown(SERVICE, "ActiveState", "SubState", "Type", "StatusText", "User")
    assert (it["ActiveState"], it["SubState"], it["Type"]) == ("active", "running", "notify"), it
    assert it["User"] == "yibaod" and it["StatusText"], it
    assert own(SOCKET) == ("yibaod", "yibao", "0o660"), own(SOCKET)
    # Its own settlement is over, paper and all.
    wait_until("commands for the sandbox", lambda: "or type here" in SAID.read_text())
    assert charged() == 1


def callers():
    """A member of the group is answered; who is none is not."""
    assert status()["accepting"] is True
    assert status(user="root")["accepting"] is True
    refused = ctl("status", user="stranger", check=False)
    assert refused.returncode == 6 and "ermission" in refused.stdout + refused.stderr, refused


def scan_and_pay():
    """One call settles and prints; said again it says the same and charges nothing."""
    had, sent = charged(), requests("2207")
    pay = Pay("first").begin()
    told = pay.answer()
    assert told["money"] == "MONEY_SETTLED" and told["paper"]["state"] == "PAPER_STATE_PRINTED", told
    assert pay.truth()["setlId"] == told["setlId"]
    assert (charged(), requests("2207")) == (had + 1, sent + 1)


def sheets():
    """The settlement sheet is typeset by a process of its own within all that the unit forbids, and is a PDF."""
    if not RENDER.exists():
        print("  no package yibaod-render was made")
        return
    pay = Pay("sheet").begin()
    assert pay.answer()["money"] == "MONEY_SETTLED"
    made = pathlib.Path("/tmp/sheet.pdf")
    ctl("sheet", pay.request_id, "--pdf", made)
    assert made.read_bytes().startswith(b"%PDF-1.4") and made.stat().st_size > 10_000, made.stat()
    # The site's own template counts from the next sheet on; a mistake in it is told by its place.
    shutil.copytree("/usr/share/yibaod/templates", ETC / "templates")
    (ETC / "conf.d/20-sheet.toml").write_text('[sheet]\ntemplate_dir = "/etc/yibaod/templates"\n')
    run("systemctl", "reload", SERVICE)
    with (ETC / "templates/settlement.typ").open("a") as template:
        template.write("\n#nothing\n")
    refused = ctl("sheet", pay.request_id, "--pdf", made, check=False)
    assert refused.returncode != 0 and "settlement.typ:" in refused.stdout + refused.stderr, refused
    (ETC / "conf.d/20-sheet.toml").unlink()
    shutil.rmtree(ETC / "templates")
    run("systemctl", "reload", SERVICE)
    ctl("sheet", pay.request_id, "--a5", "--pdf", made)


def on_the_bus():
    """The D-Bus door under the shipped policy: the group is let in, others are not, and polkit is asked and says no."""
    def call(user, interface, method):
        return run("busctl", "--system", "--json=short", "call", "org.yibaod.Bridge1", "/org/yibaod/Bridge1",
                   "org.yibaod.Bridge1." + interface, method, "a{sv}", "0", user=user, check=False)

    told = call("cashier", "Daemon", "GetStatus")
    assert told.returncode == 0 and '"accepting"' in told.stdout, told
    shut = call("stranger", "Daemon", "GetStatus")
    assert shut.returncode != 0 and "ccess denied" in shut.stderr, shut
    refused = call("cashier", "Settlement", "ResolveSettlement")
    assert refused.returncode != 0 and "polkit does not allow it" in refused.stdout + refused.stderr, refused


def watchdog():
    """A daemon that hangs is killed and comes back, by systemd's own clock."""
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text("[Service]\nWatchdogSec=4\n")
    run("systemctl", "daemon-reload")
    pid = main_pid()
    run("systemctl", "restart", SERVICE)
    pid = another_than(pid)
    restarts = int(shown(SERVICE, "NRestarts")["NRestarts"])
    # Well, it is left alone: it feeds the watchdog by itself.
    ends = time.monotonic() + 10
    wait_until("10 s without a word of the watchdog", lambda: time.monotonic() > ends)
    assert main_pid() == pid, "restarted without a reason"
    os.kill(pid, signal.SIGSTOP)
    another_than(pid)
    it = shown(SERVICE, "NRestarts")
    assert int(it["NRestarts"]) == restarts + 1, it
    assert any("atchdog" in entry["MESSAGE"] for entry in logged()), "the journal does not say why"
    DROP_IN.unlink()
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", SERVICE)
    assert status()["accepting"] is True
    wait_until("the scanner", scanner_is_ready)


def killed():
    """kill -9 while the settling call is out: the same request tells the truth, and it was sent once."""
    had, sent = charged(), requests("2207")
    platform("fault", {"fault": "F3@2207:3000"})
    pay = Pay("killed").begin()
    wait_until("2207 at the platform", lambda: requests("2207") == sent + 1)
    pid = main_pid()
    os.kill(pid, signal.SIGKILL)
    another_than(pid)
    it = pay.truth()
    assert it["money"] == "MONEY_SETTLED", it
    assert (charged(), requests("2207")) == (had + 1, sent + 1)
    pay.call.communicate()
    wait_until("the scanner", scanner_is_ready)


def reloaded():
    """A wrong configuration is refused and changes nothing; a right one is taken; neither starts the daemon anew."""
    pid = main_pid()
    extra = ETC / "conf.d/90-test.toml"
    extra.write_text("[times]\nscan_wait = 5\n")
    refused = run("systemctl", "reload", SERVICE, check=False)
    assert refused.returncode != 0 and is_active() and main_pid() == pid, refused
    wait_until("the reason", lambda: any("times.scan_wait" in entry["MESSAGE"] for entry in logged()))
    assert status()["accepting"] is True
    extra.write_text("[times]\nscan_wait_s = 61\n")
    run("systemctl", "reload", SERVICE)
    assert is_active() and main_pid() == pid
    extra.unlink()
    run("systemctl", "reload", SERVICE)


def upgraded():
    """The next version while a settling call is out: it ends, once; and no caller meets a closed door meanwhile."""
    had, sent = charged(), requests("2207")
    platform("fault", {"fault": "F3@2207:4000"})
    pay = Pay("upgraded").begin()
    wait_until("2207 at the platform", lambda: requests("2207") == sent + 1)
    pid = main_pid()
    door = Door()
    apt("install", *NEXT)
    assert another_than(pid)
    assert door.closed() == 0, "%d callers were turned away" % door.refused
    version = run("dpkg-query", "--show", "--showformat=${Version}", "yibaod").stdout
    assert version.endswith("next"), version
    it = pay.truth()
    assert it["money"] == "MONEY_SETTLED", it
    assert (charged(), requests("2207")) == (had + 1, sent + 1)
    # Its own caller was answered before the old one went: nobody waited for a new connection.
    told = pay.answer()
    assert told.get("money") == "MONEY_SETTLED", told
    wait_until("the scanner", scanner_is_ready)
    print("  %d connections meanwhile, none refused" % door.made)


def upgraded_before_money():
    """Reinstalled while a code is waited for: nothing has been charged, and the same request goes on."""
    had, sent = charged(), requests("2207")
    pay = Pay("waiting").begin()
    wait_until("a settlement that is open", lambda: status()["openSettlements"] == 1)
    pid = main_pid()
    apt("install", "--reinstall", *NEXT)
    another_than(pid)
    it = pay.truth()
    pay.call.communicate()
    assert it["money"] in ("MONEY_SETTLED", "MONEY_CANCELLED"), it
    settled = int(it["money"] == "MONEY_SETTLED")
    assert (charged(), requests("2207")) == (had + settled, sent + settled), it
    print("  it ended " + it["money"])


# Slower than would fill the waiting room of a door behind which nobody is for some seconds.
KNOCK_S = 0.02


class Door:
    """Knocks without a pause until told to stop, as a caller does who has no patience."""

    def __init__(self):
        self.made, self.refused, self.is_over = 0, 0, False
        self.thread = threading.Thread(target=self.knock)
        self.thread.start()

    def knock(self):
        while not self.is_over:
            with socket.socket(socket.AF_UNIX) as caller:
                try:
                    caller.connect(SOCKET)
                    self.made += 1
                except OSError:
                    self.refused += 1
            time.sleep(KNOCK_S)

    def closed(self):
        self.is_over = True
        self.thread.join()
        return self.refused


def told_to_the_journal():
    """The system's journal has what an administrator filters by, and nothing of a person."""
    entries = logged()
    assert entries
    assert all(entry["_SYSTEMD_UNIT"] == SERVICE for entry in entries if entry.get("_COMM") == "yibaod")
    assert {int(entry["PRIORITY"]) for entry in entries} - {6}, "all of one priority"
    ours = [entry for entry in entries if entry["_TRANSPORT"] == "journal"]
    assert any("SETTLEMENT" in entry for entry in ours), "no entry says which settlement"
    everything = json.dumps(entries, ensure_ascii=False)
    for person in platform("persons")["persons"]:
        for secret in (person["name"], person["idno"]):
            assert secret not in everything, "a person stands in the journal"


def verified():
    """The chain of the journal is whole after all of this."""
    run("yibaoctl", "journal", "verify", "--key", KEY, STATE)


def removed():
    """Removed, everything of the site stays."""
    apt("remove", "yibaod", "yibao-sandbox", *("yibaod-render",) * RENDER.exists())
    assert run("systemctl", "is-active", SERVICE, check=False).returncode != 0
    assert not pathlib.Path(SOCKET).exists() and not pathlib.Path("/usr/bin/yibaod").exists()
    assert KEY.exists() and (STATE / "journal").exists() and (ETC / "conf.d").exists()


# What a site lays below the configuration because the samples ask for it.
ASKED_FOR = (
    "tokens/his", "tls/desk.pem", "tls/callers.pem", "gateway-ca.pem", "templates/settlement.typ", "yibaod.toml.bak",
    "credentials/yibaod-tls-key", "credentials/yibaod-gateway", "credentials/yibaod-sm2",
)


def purged():
    """Purged, the journal stays with the key that it cannot be read without, and a note of both; nothing else."""
    for name in ASKED_FOR:
        (ETC / name).parent.mkdir(exist_ok=True)
        (ETC / name).write_text("secret\n")
    said = apt("purge", "yibaod", "yibao-sandbox", "yibaod-render").stdout
    assert str(STATE) in said and str(KEY) in said, said
    left = files() - before
    ours = {one for one in left if "yibao" in one}
    for one in sorted(ours):
        print("  left: " + one)
    kept = {str(one) for one in (ETC, ETC / "credentials", ETC / "credentials/LEFT-BY-PURGE", KEY, STATE)}
    more = {one for one in ours - kept if not one.startswith(str(STATE / "journal"))}
    assert not more, more
    # The accounts of this test's users, and backups that the account tools make.
    others = {one for one in left - ours if not one.startswith(("/etc/", "/home/", "/var/spool/mail", "/var/mail"))}
    assert not others, others


TESTS = (
    installed, *shipped.TESTS, not_configured, samples, pages, units, *readme.TESTS, started, callers, scan_and_pay, *care.TESTS,
    *handed.TESTS, *old.TESTS, sheets, on_the_bus, *rights.TESTS, watchdog, killed, reloaded, *stops.TESTS, upgraded,
    upgraded_before_money, *upgrades.TESTS, *states.TESTS, told_to_the_journal, verified, removed, purged,
)
# Chosen on the command line of tests/service/run; what the others stand on runs all the same.
FIRST = (installed, started)


def chosen():
    """The tests of this run."""
    names = pathlib.Path("/mnt/host/chosen").read_text().split()
    unknown = set(names) - {test.__name__ for test in TESTS}
    assert not unknown, "no such test: %s" % ", ".join(sorted(unknown))
    return [test for test in TESTS if not names or test in FIRST or test.__name__ in names]


def main():
    passed = failed = 0
    for test in chosen():
        begun = time.monotonic()
        try:
            test()
            passed += 1
            word = "ok"
        except Exception:
            traceback.print_exc(file=sys.stdout)
            failed += 1
            word = "FAILED"
            if failed == 1:
                tell = run("journalctl", "--no-pager", "--lines=60", "--unit=yibao*", "--unit=sandbox*", check=False)
                print(tell.stdout)
                print(SAID.read_text() if SAID.exists() else "")
            if test in (installed, started):
                break
        print("service test %s (%.1f s) ... %s" % (test.__name__, time.monotonic() - begun, word))
    print("service total: %d passed, %d failed" % (passed, failed))
    print("service-result %d" % (1 if failed else 0))


if __name__ == "__main__":
    main()
