"""The README's commands for a trial and for good, as it has them, by somebody with sudo and a shell."""

import os
import pathlib
import re
import signal
import subprocess

from desk import ETC, PATIENCE_S, SERVICE, STATE, is_active, run, wait_until

README = pathlib.Path("/mnt/host/README.md")
# What this Debian does not have, and what a person's shell there does.
SHIMS = {
    "sudo": '#!/bin/sh\nexec "$@"\n',
    "curl": '#!/usr/bin/python3\nimport sys, urllib.request as r\n'
            'sys.stdout.write(r.urlopen("http://" + sys.argv[-1], timeout=60).read().decode())\n',
}
WORK = pathlib.Path("/run/readme")


def blocks(heading):
    """The commands of a section, block by block, without the words beside them."""
    section = README.read_text().split("\n" + heading + "\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"(?ms)^```sh\n(.*?)^```", section)
    return [[re.split(r"\s+#", line)[0] for line in block.splitlines() if re.split(r"\s+#", line)[0]] for block in found]


def shell(command, check=True):
    path = "%s:%s" % (WORK, os.environ["PATH"])
    words = ["sh", "-c", command]
    done = subprocess.run(words, cwd=WORK, env={**os.environ, "PATH": path}, capture_output=True, text=True,
                          timeout=4 * PATIENCE_S)
    assert not check or done.returncode == 0, (command, done.stdout, done.stderr)
    return done


def tried():
    """Without hardware: sandbox, restart, a bill, paid; and when the sandbox ends nothing of the trial is left."""
    WORK.mkdir()
    for name, text in SHIMS.items():
        (WORK / name).write_text(text)
        (WORK / name).chmod(0o755)
    _, trial, earnest = blocks("## Installing it")[:3]
    sandbox, restart, bill, pay = trial
    before = {one for one in ETC.rglob("*")}
    assert sandbox.split() == ["sudo", "yibao-sandbox", "--service"], sandbox
    said = open(WORK / "said", "wb")
    # As the words beside the bill's line say.
    words = sandbox.split()[1:] + ["--platform-port", "17900"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=said, stderr=said)
    wait_until("the trial's configuration", (ETC / "yibaod.toml").exists)
    shell(restart)
    wait_until("the first settlement", lambda: "or type here" in (WORK / "said").read_text())
    shell(bill)
    told = shell(pay)
    assert "SETTLED" in told.stdout or "已结算" in told.stdout or "已扣费" in told.stdout, told
    process.send_signal(signal.SIGINT)
    process.wait(PATIENCE_S)
    left = {one for one in ETC.rglob("*")} - before
    assert not left, left
    run("systemctl", "stop", SERVICE)
    in_earnest(earnest)


def in_earnest(commands):
    """What can be followed without a platform: the samples, what --check says of them, whom the group lets in."""
    first, second, check, start, group, *rest = commands
    shell(first)
    shell(second)
    said = shell(check, check=False)
    assert said.returncode != 0 and "/etc/yibaod/site.toml" in said.stderr, said
    # It is started before it is right: that is refused with its reason, and harms nothing.
    assert shell(start, check=False).returncode != 0 and not is_active()
    shell(group)
    wanted = ["yibaoctl status", "journalctl -u yibaod -f", "journalctl -u yibaod CALLER=", "systemctl reload yibaod",
              "systemctl stop yibaod.socket yibaod.service", "systemctl reset-failed yibaod.service yibaod.socket",
              "apt install ./yibao*_NEW.deb", "apt purge yibaod"]
    assert len(rest) == len(wanted), rest
    for command, part in zip(rest, wanted):
        # Each of them is somebody's with rights: nobody's own shell sees the log or is in the group yet.
        assert command.startswith("sudo ") and part in command, command
    assert shell(rest[2]).returncode == 0
    run("systemctl", "reset-failed", SERVICE)
    for name in ("yibaod.toml", "site.toml"):
        (ETC / name).unlink()
    assert not (STATE / "journal").exists(), "a desk that was never right has a journal"
    for one in WORK.iterdir():
        one.unlink()
    WORK.rmdir()


TESTS = (tried,)
