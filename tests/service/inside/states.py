"""States that a package can be left in: dpkg killed half-way, an archive that ends too soon, an older version over a
newer one, purged and installed again. Whatever was settled is told, nothing is charged twice, and the desk comes up."""

import json
import os
import pathlib
import shutil
import sqlite3
import urllib.request

from desk import (
    ETC, KEY, PATIENCE_S, PLATFORM_PORT, SERVICE, STATE, Pay, another_than, apt, charged, ctl, is_active, logged,
    main_pid, platform, requests, run, scanner_is_ready, shown, status, wait_until,
)

THIS = sorted(pathlib.Path("/mnt/host/this").glob("*.deb"))
NEXT = sorted(pathlib.Path("/mnt/host/next").glob("*.deb"))
# All of them, and the daemon's package alone.
NAMES = [path.name.split("_")[0] for path in NEXT]
DAEMON = next(path for path in NEXT if path.name.startswith("yibaod_"))
JOURNAL = STATE / "journal"
# On a disk: an unpacked package is large.
WORK = pathlib.Path("/var/tmp/states")
# While it is there, who is to kill dpkg does.
ARMED = pathlib.Path("/run/kill-dpkg")
# In a script of the package, which is dpkg's child.
KILL = "if rm %s 2>/dev/null; then kill -KILL $PPID $$; fi\n" % ARMED
# In front of dpkg's own: gives half of the files, and then kills whom it works for, or ends.
WRAPPER = """#!/bin/sh
case " $* " in
*" --fsys-tarfile "*) [ ! -e %(armed)s ] || {
    how=$(cat %(armed)s)
    rm %(armed)s
    /usr/bin/dpkg-deb "$@" | head -c %(bytes)d
    [ "$how" = ends ] || kill -KILL $PPID
    exit 2
} ;;
esac
exec /usr/bin/dpkg-deb "$@"
"""
# The point, the script, what stands there, and what repairs the package.
CONFIGURE = ("dpkg", "--configure", "--pending")
INSTALL = ("dpkg", "--install", DAEMON)
POINTS = (
    ("before the files", "preinst", None, INSTALL),
    ("behind the files", "postinst", "set -e\n", CONFIGURE),
    ("before the restart", "postinst", "    deb-systemd-invoke restart yibaod.service", CONFIGURE),
    ("behind the restart", "postinst", "    # Not before: if dpkg is killed", CONFIGURE),
)


def version():
    return run("dpkg-query", "--show", "--showformat=${Version}", "yibaod").stdout


def on_the_newer():
    """Where a test begins that was chosen alone."""
    if not version().endswith("next"):
        pid = main_pid()
        apt("install", *NEXT)
        another_than(pid)
        wait_until("the scanner", scanner_is_ready)


def package_state():
    """As dpkg has it; "ii " is well."""
    return run("dpkg-query", "--show", "--showformat=${db:Status-Abbrev}", "yibaod").stdout


def killing(script, before):
    """The package with a script that kills dpkg there once; at its end where nothing is named."""
    unpacked, made = WORK / "package", WORK / "killing.deb"
    if not unpacked.exists():
        unpacked.mkdir(parents=True)
        run("dpkg-deb", "--raw-extract", DAEMON, unpacked)
    path = unpacked / "DEBIAN" / script
    text = path.read_text()
    if before is None:
        changed = text + KILL
    else:
        assert text.count(before) == 1, (script, before)
        # Behind a line of the shell's own, before any other.
        changed = text.replace(before, before + KILL if before == "set -e\n" else KILL + before)
    path.write_text(changed)
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", unpacked, made)
    path.write_text(text)
    return made


def wrapped(how):
    """Installs the package with an archive that stops in the middle; what dpkg said."""
    size = run("sh", "-c", "dpkg-deb --fsys-tarfile %s | wc -c" % DAEMON)
    wrapper = WORK / "bin/dpkg-deb"
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.write_text(WRAPPER % {"armed": ARMED, "bytes": int(size.stdout) // 2})
    wrapper.chmod(0o755)
    ARMED.write_text(how)
    path = "%s:%s" % (wrapper.parent, os.environ["PATH"])
    done = run("dpkg", "--install", DAEMON, check=False, env={"PATH": path})
    assert not ARMED.exists(), done
    return done


class Open:
    """A settlement whose settling call is out: the platform has done it and answers later."""

    def __init__(self, name):
        self.had, self.sent = charged(), requests("2207")
        platform("fault", {"fault": "F3@2207:4000"})
        self.pay = Pay(name).begin()
        wait_until("2207 at the platform", lambda: requests("2207") == self.sent + 1)

    def ends_once(self):
        it = self.pay.truth()
        assert it["money"] == "MONEY_SETTLED", it
        assert (charged(), requests("2207")) == (self.had + 1, self.sent + 1)
        self.pay.call.communicate()


def runs_what_is_installed():
    """The daemon that serves is the file that is there."""
    wait_until("a service", is_active)
    program = os.readlink("/proc/%d/exe" % main_pid())
    assert program == "/usr/lib/yibaod/yibaod", program
    assert status()["accepting"] is True
    assert package_state() == "ii ", package_state()
    audit = run("dpkg", "--audit").stdout
    assert not audit, audit
    left = [str(path) for folder in ("/usr", "/lib/systemd") for path in pathlib.Path(folder).rglob("*yibao*.dpkg-new")]
    assert not left, left
    wait_until("the scanner", scanner_is_ready)


def killed_upgrade():
    """dpkg is killed at each point of an upgrade while a settling call is out: the desk serves, the package is repaired
    by what dpkg says, and the settlement is charged and told once."""
    on_the_newer()
    for where, script, before, repair in POINTS:
        package = killing(script, before)
        open_one = Open("killed-" + where.replace(" ", "-"))
        ARMED.touch()
        done = run("dpkg", "--install", package, check=False)
        assert done.returncode < 0 and not ARMED.exists(), (where, done)
        assert package_state() != "ii ", where
        # Callers are answered whatever state the package is in.
        wait_until("an answer", lambda: ctl("status", check=False).returncode == 0)
        run(*repair)
        open_one.ends_once()
        runs_what_is_installed()
        print("  " + where)


def killed_unpacking():
    """The same in the middle of the files: what dpkg --configure cannot repair, the package does."""
    on_the_newer()
    open_one, pid = Open("killed-unpacking"), main_pid()
    done = wrapped("kills")
    assert done.returncode < 0, done
    assert list(pathlib.Path("/usr/lib/yibaod").glob("*.dpkg-new")), "it was not in the middle"
    assert run("dpkg", "--configure", "--pending", check=False).returncode != 0 or package_state() != "ii "
    assert is_active() and main_pid() == pid
    run(*INSTALL)
    open_one.ends_once()
    another_than(pid)
    runs_what_is_installed()


def cut_archive():
    """An archive that ends too soon is taken back by dpkg itself, and the desk goes on as if nothing had been."""
    on_the_newer()
    open_one, pid = Open("cut"), main_pid()
    done = wrapped("ends")
    assert done.returncode > 0, done
    assert is_active() and main_pid() == pid
    runs_what_is_installed()
    open_one.ends_once()
    assert main_pid() == pid


def killed_installation():
    """Removed, and dpkg killed while it is installed again: the package had stopped it, so its package starts it, at
    whichever go."""
    on_the_newer()
    for where, script, before, repair in POINTS:
        apt("remove", *NAMES)
        assert not is_active()
        package = killing(script, before)
        ARMED.touch()
        done = run("dpkg", "--install", package, check=False)
        assert done.returncode < 0 and not ARMED.exists(), (where, done)
        run(*repair)
        runs_what_is_installed()
        # Once: what a person stops from here on stays so.
        run("systemctl", "stop", "yibaod.socket", SERVICE)
        run("dpkg-reconfigure", "yibaod")
        assert not is_active(), where
        run("systemctl", "start", SERVICE)
    apt("install", *NEXT)
    runs_what_is_installed()


def downgraded():
    """The older version over the newer one, which wrote a journal of the same form, with a settling call out."""
    on_the_newer()
    before, open_one, pid = listed(), Open("downgraded"), main_pid()
    apt("install", "--allow-downgrades", *THIS)
    another_than(pid)
    assert version() in THIS[0].name and not version().endswith("next"), version()
    open_one.ends_once()
    runs_what_is_installed()
    assert before <= listed()
    is_whole()
    pid = main_pid()
    apt("install", *NEXT)
    another_than(pid)
    runs_what_is_installed()


def downgraded_too_far():
    """The older version does not know the form of the journal: the newer one goes on, and where it does not, the older
    one says so, leaves every byte as it is, and is not started again and again."""
    on_the_newer()
    pid = main_pid()
    set_form(2)
    done = apt("install", "--allow-downgrades", *THIS)
    said = done.stdout + done.stderr
    for words in ("OLD VERSION GOES ON", "旧版本仍在运行", "its format is 2", "流水由更新的版本写成"):
        assert words in said, said
    assert is_active() and main_pid() == pid
    last = Pay("newer").begin()
    assert last.answer()["money"] == "MONEY_SETTLED"
    before = listed()
    run("systemctl", "stop", "yibaod.socket", SERVICE)
    bytes_before = journal_bytes()
    assert run("systemctl", "start", SERVICE, check=False).returncode != 0
    # Who knocks at the socket has it try once more; by itself it does not.
    run("systemctl", "stop", "yibaod.socket")
    wait_until("a failed service", lambda: ends_by_the_configuration(shown(SERVICE, *ENDS)))
    assert any("its format is 2" in entry["MESSAGE"] for entry in logged()), "the log does not say why"
    told = run("yibaod", "--check", check=False)
    assert told.returncode == 78 and "its format is 2" in told.stderr, told
    told = run("yibaoctl", "journal", "verify", "--key", KEY, STATE, check=False)
    assert told.returncode != 0 and "its format is 2" in told.stdout + told.stderr, told
    bytes_after = journal_bytes()
    touched = {name for name in bytes_before.keys() | bytes_after if bytes_before.get(name) != bytes_after.get(name)}
    assert not touched, (touched, [len(bytes_after.get(name, b"")) for name in touched])
    # The newer one again: here the same program, which takes its own form.
    set_form(1)
    apt("install", *NEXT)
    runs_what_is_installed()
    assert listed() == before
    assert last.truth()["setlId"]
    is_whole()


ENDS = ("ActiveState", "ExecMainStatus", "NRestarts")


def ends_by_the_configuration(it):
    assert it["NRestarts"] == "0", it
    return (it["ActiveState"], it["ExecMainStatus"]) == ("failed", "78")


def set_form(number):
    """What a later version, with other tables, would say of its journal."""
    database = sqlite3.connect(JOURNAL / "journal.sqlite", timeout=60)
    database.execute("PRAGMA user_version = %d" % number)
    database.close()


def journal_bytes():
    """Every file of the journal but SQLite's own memory of who reads, and a log without a word, which is a reader's."""
    files = [path for path in JOURNAL.iterdir() if path.is_file() and not path.name.endswith("-shm")]
    assert {path.owner() for path in files} == {"yibaod"}, files
    return {path.name: path.read_bytes() for path in files if path.stat().st_size > 0}


def listed():
    """What was settled, as yibaoctl lists it."""
    found, cursor = set(), ""
    while True:
        page = json.loads(ctl("--json", "list", "--limit", "500", "--before", cursor).stdout)
        found |= {(one["requestId"], one["money"], one.get("setlId")) for one in page.get("settlements", [])}
        cursor = page.get("next", "")
        if not cursor:
            return found


def is_whole():
    """The chain, link by link."""
    run("yibaoctl", "journal", "verify", "--key", KEY, STATE)


def purged_and_installed():
    """Purged with a settlement in doubt, and installed again: configured as before, the desk lists and proves what it
    settled, and finds out and tells what became of the one in doubt."""
    on_the_newer()
    first = Pay("before-the-purge").begin()
    told = first.answer()
    assert told["money"] == "MONEY_SETTLED", told
    before, had, sent = listed(), charged(), requests("2207")
    # It is done, its answer is lost, and for now the platform does not say what became of it.
    platform("fault", {"fault": "F1@2207"})
    platform("fault", {"fault": "F2@5203!"})
    doubt = Pay("in-doubt").begin()
    wait_until("2207 at the platform", lambda: requests("2207") == sent + 1)
    saved = WORK / "saved"
    saved.parent.mkdir(parents=True, exist_ok=True)
    run("cp", "--archive", ETC, saved)
    shutil.rmtree(saved / "credentials")
    apt("purge", *NAMES)
    assert not list(ETC.rglob("*.toml")) and KEY.exists() and JOURNAL.exists()
    said = apt("install", *NEXT)
    assert "configure this desk" in said.stdout and not is_active(), said
    assert "put it back" not in said.stderr, said.stderr
    for unit in ("yibaod.service", "yibaod.socket"):
        assert run("systemctl", "is-enabled", unit).stdout.strip() == "enabled"
    run("cp", "--archive", "%s/." % saved, ETC)
    disarm()
    run("yibaod", "--check")
    run("systemctl", "start", SERVICE)
    runs_what_is_installed()
    assert {one for one in listed() if one[0] != doubt.request_id} == before
    assert first.truth()["setlId"] == told["setlId"]
    assert doubt.truth()["money"] == "MONEY_SETTLED"
    doubt.call.communicate(timeout=4 * PATIENCE_S)
    assert (charged(), requests("2207")) == (had + 1, sent + 1)
    is_whole()
    assert Pay("after-the-purge").begin().answer()["money"] == "MONEY_SETTLED"


def disarm():
    """The platform has no fault any more."""
    request = urllib.request.Request("http://127.0.0.1:%d/sandbox/faults" % PLATFORM_PORT, method="DELETE")
    urllib.request.urlopen(request, timeout=60).read()


TESTS = (
    killed_upgrade, killed_unpacking, cut_archive, killed_installation, downgraded, downgraded_too_far,
    purged_and_installed,
)
