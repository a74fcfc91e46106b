"""A conversation with a device, recorded by `yibaoctl device record` while the desk works."""

import signal
import subprocess

from desk import PATIENCE_S, PROGRAMS

SENT, HEARD = " > ", " < "


class Recording:
    """What is recorded of one role, from now on."""

    def __init__(self, desk, role, name):
        self.path = desk.dir / name
        command = [PROGRAMS / "yibaoctl", "--socket", desk.socket, "device", "record", role, "--out", self.path]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.seen = []

    def until(self, wanted):
        """Waits until such a line is told."""
        while not (self.seen and wanted in self.seen[-1]):
            self.seen.append(self.process.stdout.readline().decode())
            assert self.seen[-1], self.seen

    def end(self, way):
        """All bytes that it has of this way: what was sent, or what was heard."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(PATIENCE_S) == 0
        told = self.path.read_text()
        print(told)
        lines = (line.split(way)[1].split("|")[0] for line in told.splitlines() if way in line)
        return bytes.fromhex("".join(lines))
