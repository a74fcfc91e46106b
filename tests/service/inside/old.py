"""What systemd 241 makes of the units: it passes over what it does not know. Here a newer one is not told it at all."""

import pathlib

from care import healthy
from desk import SERVICE, Pay, another_than, charged, main_pid, run, scanner_is_ready, shown, wait_until

SHIPPED = pathlib.Path("/lib/systemd/system") / SERVICE
# Stands before the shipped one.
OWN = pathlib.Path("/etc/systemd/system") / SERVICE
NEWER = [row.split()[0] for row in pathlib.Path("/mnt/host/newer-than-241").read_text().splitlines()]


def as_on_241():
    """Without a directive that is newer than 241 the service starts, settles, comes back and is well."""
    lines = SHIPPED.read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.split("=")[0] not in NEWER]
    assert len(lines) - len(kept) >= len(NEWER), "the list names what the unit does not have"
    OWN.write_text("".join(kept))
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", SERVICE)
    it = shown(SERVICE, "FragmentPath", "ProtectProc")
    assert (it["FragmentPath"], it["ProtectProc"]) == (str(OWN), "default"), it
    assert b"CREDENTIALS_DIRECTORY" not in pathlib.Path("/proc/%d/environ" % main_pid()).read_bytes()
    wait_until("the scanner", scanner_is_ready)
    had = charged()
    assert Pay("old").begin().answer()["money"] == "MONEY_SETTLED"
    assert charged() == had + 1
    healthy()
    pid = main_pid()
    run("systemctl", "kill", "--signal=KILL", SERVICE)
    another_than(pid)
    wait_until("the scanner", scanner_is_ready)
    OWN.unlink()
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", SERVICE)
    wait_until("the scanner", scanner_is_ready)
    print("  without " + ", ".join(NEWER))


TESTS = (as_on_241,)
