"""A desk in the guest: the shipped daemon under its own user, and yibaoctl as its client."""

import json
import os
import pathlib
import queue
import shutil
import subprocess
import tempfile
import threading
import time

from usb import wait_until

PROGRAMS = pathlib.Path("/run/programs")
# The daemon's, as the shipped sysusers make it, and one of the group that may call it.
USER = "yibaod"
CALLER = "yibao"
# Longest wait for anything that is to happen; the machine is emulated.
PATIENCE_S = 180
# What is shown of the daemon's log beside a failure.
LOG_TAIL_LINES = 25


class Desk:
    """A daemon with these devices: name to lines of its table."""

    # Those that were not stopped: a test that failed leaves its own.
    running = []

    def __init__(self, devices):
        Desk.running.append(self)
        self.process = self.watch = self.log = None
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="yibao", dir="/run"))
        self.socket = self.dir / "yibaod.sock"
        state = self.dir / "state"
        state.mkdir(mode=0o700)
        for name in ("site.key", "gateway.secret"):
            path = self.dir / name
            path.write_text("5a" * 32)
            path.chmod(0o600)
        shutil.copy("/mnt/host/sandbox.toml", self.dir / "site.toml")
        self.write(devices)
        for path in [self.dir, *self.dir.iterdir()]:
            shutil.chown(path, USER, USER)
        self.dir.chmod(0o755)
        self.log = open(self.dir / "daemon.log", "ab")
        self.start()
        # What the daemon says about its devices: each question is a process, which takes an emulated machine a second.
        self.told = threading.Condition()
        self.states, self.changes = {}, []
        self.watch = subprocess.Popen(self.ctl("device", "watch"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        threading.Thread(target=self._follow, daemon=True).start()

    def write(self, devices):
        tables = "\n".join('[[device]]\nname = "%s"\n%s\n' % item for item in devices.items())
        (self.dir / "yibaod.toml").write_text(
            '[desk]\nname = "测试窗口"\nnumber = 7\n\n[paths]\n'
            'state_dir = "{0}/state"\nsocket = "{0}/yibaod.sock"\n'
            'site_profile = "{0}/site.toml"\nsite_key = "{0}/site.key"\n\n{1}'.format(self.dir, tables)
        )

    def start(self):
        rights = ["setpriv", "--reuid", USER, "--regid", CALLER, "--init-groups"]
        command = [*rights, PROGRAMS / "yibaod", "--config", self.dir / "yibaod.toml"]
        environment = {"PATH": os.environ["PATH"], "YIBAO_LOG": "yibaod=debug,warn"}
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment)
        wait_until(lambda: self.lives() and self.socket.exists(), "the daemon's socket", PATIENCE_S)

    def _follow(self):
        after = {"READY": "READY", "UNPLUGGED": "MISSING", "PAPER_OUT": "PAPER_OUT", "BUSY": "BUSY"}
        for line in self.watch.stdout:
            said = json.loads(line)
            with self.told:
                for device in said.get("devices", []):
                    self.states[device["name"]] = device["state"].removeprefix("DEVICE_STATE_")
                if "change" in said:
                    name, change = said["device"], said["change"].removeprefix("DEVICE_CHANGE_")
                    self.states[name] = after.get(change, self.states.get(name))
                    self.changes.append((name, change))
                self.told.notify_all()

    def state(self, name, wanted):
        """Waits until the last word about the device is this."""
        self.until_told(lambda: self.states.get(name) == wanted, "%s of %s" % (wanted, name))

    def change(self, name, wanted, do):
        """Does something and waits for what is told of it."""
        with self.told:
            before = len(self.changes)
        do()
        self.until_told(lambda: (name, wanted) in self.changes[before:], "%s of %s" % (wanted, name))

    def until_told(self, true, what):
        end = time.monotonic() + PATIENCE_S
        with self.told:
            while not true() and self.lives():
                if time.monotonic() > end:
                    raise AssertionError("waited in vain for %s: %s, %s" % (what, self.states, self.changes[-9:]))
                self.told.wait(timeout=1)

    def lives(self):
        if self.process.poll() is not None:
            raise AssertionError("the daemon ended:\n" + self.said())
        return True

    def stop(self):
        for process in (self.watch, self.process):
            process.terminate()
            process.wait(PATIENCE_S)
        self._gone()

    def kill(self):
        """Whatever it does."""
        for process in (self.watch, self.process):
            if process is not None:
                process.kill()
                process.wait()
        self._gone()

    def _gone(self):
        Desk.running.remove(self)
        if self.log is not None:
            self.log.close()
        # It lies in memory.
        shutil.rmtree(self.dir)

    def said(self):
        return (self.dir / "daemon.log").read_text()

    def evidence(self):
        """What a failure is shown with: what was counted, and the end of what the daemon said."""
        try:
            _, answer = self.ask("device", "list")
            seen = {device["name"]: device.get("counters") for device in answer["devices"]}
        except Exception as error:
            seen = "not told: %s" % error
        log = self.dir / "daemon.log"
        said = log.read_text().splitlines()[-LOG_TAIL_LINES:] if log.is_file() else ["nothing"]
        told = subprocess.run(
            ["journalctl", "--unit", "pcscd", "--lines", str(LOG_TAIL_LINES), "--output", "short-precise", "--no-pager"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        pcscd = told.stdout.decode(errors="replace").splitlines()
        return "\n".join(["counted: %s" % seen, "the daemon said:", *said, "pcscd said:", *pcscd])

    def ctl(self, *words):
        return [PROGRAMS / "yibaoctl", "--socket", self.socket, "--json", *words]

    def ask(self, *words):
        """One call: its exit code, and what it answered."""
        done = subprocess.run(self.ctl(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE_S)
        text = done.stdout.decode()
        if not text.strip():
            raise AssertionError("%s: no answer: %s" % (words, done.stderr.decode()))
        return done.returncode, json.loads(text)

    def device(self, name):
        _, answer = self.ask("device", "list")
        return next(device for device in answer["devices"] if device["name"] == name)

    def wait(self, name, what, true):
        """Looks at the device until it is so: for what no event tells."""
        end = time.monotonic() + PATIENCE_S
        while self.lives():
            seen = self.device(name)
            if true(seen):
                return
            if time.monotonic() > end:
                raise AssertionError("waited in vain for %s of %s: %s" % (what, name, seen))
            with self.told:
                self.told.wait(timeout=0.5)

    def ready(self, name):
        self.state(name, "READY")

    def missing(self, name):
        self.state(name, "MISSING")

    def footprint(self):
        """Descriptors and threads."""
        process = pathlib.Path("/proc/%d" % self.process.pid)
        return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))

    def rests_at(self, footprint):
        """Waits until it holds no more than that; threads of the pool come and go. What it holds then."""
        def grown():
            now = self.footprint()
            return now[0] > footprint[0] or now[1] > footprint[1] + 2
        wait_until(lambda: not grown(), "descriptors and threads as they were: %s" % (footprint,))
        return self.footprint()


class Listener:
    """`yibaoctl device scan --each`: the codes and the notes as they come."""

    def __init__(self, desk, role="scanner"):
        command = desk.ctl("device", "scan", role, "--each", "--show", "--wait-s", "30")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.desk = desk
        self.codes, self.notes = queue.Queue(), queue.Queue()
        for pipe, sink in ((self.process.stdout, self.codes), (self.process.stderr, self.notes)):
            threading.Thread(target=self._pump, args=(pipe, sink), daemon=True).start()
        self.note("is ours")

    @staticmethod
    def _pump(pipe, sink):
        for line in pipe:
            sink.put(line.decode())

    def note(self, wanted):
        """Waits for a note with these words."""
        seen = []
        while True:
            try:
                seen.append(self.notes.get(timeout=PATIENCE_S))
            except queue.Empty:
                raise AssertionError("no note %r, only %s" % (wanted, seen)) from None
            if wanted in seen[-1]:
                return

    def code(self):
        try:
            return json.loads(self.codes.get(timeout=PATIENCE_S))
        except queue.Empty:
            raise AssertionError("no code came; " + self.desk.evidence()) from None

    def nothing_more(self):
        assert self.codes.empty(), self.codes.get_nowait()

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
