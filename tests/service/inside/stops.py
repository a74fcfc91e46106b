"""What stops the desk and what does not, and a configuration that is wrong while somebody keeps calling."""

import socket
import threading
import time

from desk import ETC, SERVICE, SOCKET, ctl, is_active, run, scanner_is_ready, shown, status, wait_until

DOOR = "yibaod.socket"
WRONG = ETC / "conf.d/90-wrong.toml"
# Longer than a door whose queue nobody empties needs to use up the starts of both units: 20 of them in 4 s.
KNOCKED_S = 12
KNOCK_S = 0.05


def stopped_alone():
    """Without its service the door stands, and the next caller starts the desk again; without both nobody gets in."""
    run("systemctl", "stop", SERVICE)
    assert not is_active() and shown(DOOR, "ActiveState")["ActiveState"] == "active"
    assert status()["accepting"] is True
    assert is_active()
    run("systemctl", "stop", DOOR, SERVICE)
    refused = ctl("status", check=False)
    assert refused.returncode == 6 and not is_active(), refused
    run("systemctl", "start", SERVICE)
    assert status()["accepting"] is True
    wait_until("the scanner", scanner_is_ready)


class Caller(threading.Thread):
    """A program that calls again whenever it is let go, and keeps what it was told."""

    def __init__(self):
        super().__init__()
        self.told, self.refused, self.is_over = set(), 0, False

    def run(self):
        while not self.is_over:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(60)
                try:
                    line.connect(SOCKET)
                    line.sendall(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n")
                    self.told.add(line.recv(4096).split(b"\r\n")[0])
                except OSError:
                    self.refused += 1
            time.sleep(KNOCK_S)


def called_while_wrong():
    """A wrong configuration ends with 78, and however many call meanwhile, the mended desk starts."""
    WRONG.write_text("[times]\nscan_wait = 5\n")
    run("systemctl", "restart", SERVICE, check=False)
    caller = Caller()
    caller.start()
    ends = time.monotonic() + KNOCKED_S
    wait_until("%d s of calls" % KNOCKED_S, lambda: time.monotonic() > ends)
    door = shown(DOOR, "ActiveState", "Result")
    it = shown(SERVICE, "Result", "ExecMainStatus")
    caller.is_over = True
    caller.join()
    print("  told %s" % sorted(caller.told))
    assert door["ActiveState"] == "active" and it["Result"] != "start-limit-hit", (door, it)
    assert it["ExecMainStatus"] == "78" or it["Result"] == "success", it
    assert b"HTTP/1.1 503 Service Unavailable" in caller.told and caller.refused == 0, vars(caller)
    wait_until("the last start's end", lambda: shown(SERVICE, "ActiveState")["ActiveState"] == "failed")
    WRONG.unlink()
    # As the README has it.
    run("systemctl", "reset-failed", SERVICE, DOOR)
    run("systemctl", "start", SERVICE)
    assert status()["accepting"] is True
    wait_until("the scanner", scanner_is_ready)


TESTS = (stopped_alone, called_while_wrong)
