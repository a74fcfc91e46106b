"""The installed desk as its people meet it: systemctl, yibaoctl under several users, the journal of the system, and
the simulated platform's control address."""

import json
import os
import pathlib
import re
import subprocess
import time
import urllib.request

# Longest that anything here may take; says nothing about how long a good one takes.
PATIENCE_S = 60
LOOK_S = 0.02
PLATFORM_PORT = 17900
SERVICE = "yibaod.service"
SOCKET = "/run/yibaod/yibaod.sock"
ETC = pathlib.Path("/etc/yibaod")
STATE = pathlib.Path("/var/lib/yibaod")
KEY = ETC / "credentials/yibaod-site-key"


def run(*words, check=True, user=None, stdin=None, env=None):
    """Runs a program to its end; both outputs are texts."""
    words = [str(word) for word in words]
    if user:
        words = ["runuser", "-u", user, "--"] + words
    done = subprocess.run(
        words, input=stdin, capture_output=True, text=True, timeout=4 * PATIENCE_S,
        env={**os.environ, **(env or {})},
    )
    if check and done.returncode != 0:
        raise AssertionError("%s: %d\n%s%s" % (" ".join(words), done.returncode, done.stdout, done.stderr))
    return done


def apt(*words, check=True):
    """What is installed comes from the host's folder: nothing is fetched."""
    words = ("apt-get", "-y", "--no-install-recommends", *words)
    return run(*words, check=check, env={"DEBIAN_FRONTEND": "noninteractive"})


def wait_until(what, look):
    """The first true answer of look."""
    until = time.monotonic() + PATIENCE_S
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < until, "waited in vain: %s" % what
        time.sleep(LOOK_S)


def shown(unit, *names):
    """Properties of a unit, by name."""
    lines = run("systemctl", "show", "--property=" + ",".join(names), unit).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines)


def main_pid():
    return int(shown(SERVICE, "MainPID")["MainPID"])


def is_active():
    return shown(SERVICE, "ActiveState")["ActiveState"] == "active"


def another_than(pid):
    """Waits until another process than this one serves; its number."""
    return wait_until("another daemon", lambda: is_active() and main_pid() not in (0, pid) and main_pid())


def scanner_is_ready():
    """After a crash the line is looked for again; nothing can be scanned before it is there."""
    devices = json.loads(run("yibaoctl", "--json", "device", "list").stdout)["devices"]
    return any(one["role"] == "scanner" and one["state"].endswith("READY") for one in devices)


def ctl(*words, user="cashier", check=True):
    return run("yibaoctl", *words, user=user, check=check)


def status(user="cashier"):
    return json.loads(ctl("--json", "status", user=user).stdout)


def platform(what, body=None):
    """Asks or tells the simulated platform."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request("http://127.0.0.1:%d/sandbox/%s" % (PLATFORM_PORT, what), data)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def requests(infno):
    """How often the platform received this transaction."""
    return sum(1 for one in platform("ledger")["received"] if one["infno"] == infno)


def charged():
    return len(platform("ledger")["settlements"])


# What is typed to the sandbox, and what it says.
TYPED = pathlib.Path("/run/sandbox.typed")
SAID = pathlib.Path("/run/sandbox.said")


def start_sandbox(patient_ms):
    """The far ends of all wires of the installed service."""
    global keyboard
    os.mkfifo(TYPED)
    # Both ends: whoever opens it waits for nobody, and it never ends.
    keyboard = os.open(TYPED, os.O_RDWR)
    run("systemd-run", "--quiet", "--unit=sandbox", "--property=Type=exec", "--property=StandardInput=file:%s" % TYPED,
        "--property=StandardOutput=file:%s" % SAID, "yibao-sandbox", "--service",
        "--platform-port=%d" % PLATFORM_PORT, "--patient-delay-ms=%d" % patient_ms)
    wait_until("the sandbox's configuration", (ETC / "yibaod.toml").exists)


def play(line):
    """A command, as a person types it to the sandbox."""
    os.write(keyboard, (line + "\n").encode())


def papers():
    """How many the receipt printer has put out."""
    before = SAID.stat().st_size
    play("printer wait 0")
    found = wait_until("its answer", lambda: re.search(rb"(?m)^ *(\d+)$", SAID.read_bytes()[before:]))
    return int(found[1])


class Pay:
    """A call of the cashier's program that goes on while other things happen."""

    def __init__(self, name):
        self.bill = pathlib.Path("/tmp/%s.json" % name)
        bill = platform("bill?person=employee")
        self.request_id = bill["requestId"]
        self.bill.write_text(json.dumps({**bill, "print": "PRINT_WISH_RECEIPT"}))
        self.call = None

    def begin(self):
        words = ["runuser", "-u", "cashier", "--", "yibaoctl", "--json", "pay", "--yes", str(self.bill)]
        self.call = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return self

    def answer(self):
        """What this call was told, which may be that the connection is gone."""
        out, said = self.call.communicate(timeout=4 * PATIENCE_S)
        assert out, said
        return json.loads(out)

    def truth(self):
        """What is true in the end: the same request again, as often as it takes. That is always safe."""
        def ask():
            told = ctl("--json", "pay", "--yes", self.bill, check=False)
            it = json.loads(told.stdout) if told.stdout else {}
            return it if it.get("money") in FINAL else None
        return wait_until("a final answer to " + self.request_id, ask)


FINAL = ("MONEY_SETTLED", "MONEY_REFUSED", "MONEY_CANCELLED", "MONEY_REVERSED")


def logged(unit=SERVICE):
    """What a unit wrote into the journal of the system, each entry with its fields."""
    run("journalctl", "--sync")
    lines = run("journalctl", "--no-pager", "--output=json", "--all", "--unit=" + unit).stdout.splitlines()
    return [json.loads(line) for line in lines]


def files():
    """Every file of the system that a package or a daemon could have made."""
    skipped = ("/proc", "/sys", "/run", "/dev", "/tmp", "/mnt", "/var/tmp", "/var/log", "/var/cache", "/var/lib/dpkg",
               "/var/lib/apt", "/var/lib/systemd", "/root")
    found = set()
    for folder, folders, names in os.walk("/"):
        folders[:] = [one for one in folders if os.path.join(folder, one) not in skipped]
        found.update(os.path.join(folder, one) for one in names + folders)
    return found
