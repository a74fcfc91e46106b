"""What a person turns to when something is wrong: yibaoctl doctor, its --fix, and the bundle of yibaoctl support."""

import json
import pathlib
import re
import tarfile
import urllib.error
import urllib.request

from desk import (
    ETC, SERVICE, another_than, ctl, logged, main_pid, platform, run, scanner_is_ready, shown, status, wait_until,
)

# What is to look at in a container without a time server.
REMARKS = {"clock.ntp": "warn"}
# Of packages that are not installed here.
OTHERS = {"/etc/ipp-usb/quirks"}
# Nobody: a name and a number that the log must not have, put there as a daemon would that says too much.
PERSON, ID_NUMBER = "李小明", "430102199003070018"


def doctor(*more):
    """What it found that is not as it should be, by subject; and whether anything is bad."""
    done = run("yibaoctl", "--json", "doctor", *more, check=False)
    told = json.loads(done.stdout)
    return {one["subject"]: one["level"] for one in told["findings"] if one["level"] != "ok"}, told["bad"], done


def healthy():
    """On a desk that is well nothing is bad, and nothing is remarked on but what this container lacks."""
    found, bad, done = doctor()
    assert bad == 0 and done.returncode == 0, done.stdout
    remarked = {subject: level for subject, level in found.items() if level != "unseen"}
    assert remarked == REMARKS, done.stdout
    print("  not looked at: " + ", ".join(sorted(set(found) - set(remarked))))


def mended():
    """The door's unit stopped, nobody gets in; --fix has systemd open it again, and the desk is as it was."""
    pid = main_pid()
    run("systemctl", "stop", "yibaod.socket")
    assert ctl("status", check=False).returncode != 0
    found, bad, done = doctor()
    assert bad > 0 and found.get("service.door") == "bad", done.stdout
    found, _, done = doctor("--fix")
    assert "systemctl restart yibaod.service" in done.stderr, done.stderr
    assert not {"service.door", "service.socket"} & set(found), done.stdout
    another_than(pid)
    assert status()["accepting"] is True
    assert shown("yibaod.socket", "ActiveState")["ActiveState"] == "active"
    wait_until("the scanner", scanner_is_ready)
    healthy()


def advised():
    """Every file that the doctor sends people to is there, on a machine with nothing but the packages."""
    paths = pathlib.Path("/mnt/host/advised").read_text().split()
    assert "/usr/share/yibaod/yibaod.toml" in paths, paths
    missing = [path for path in paths if path not in OTHERS and not pathlib.Path(path).exists()]
    assert not missing, missing
    print("  %d paths" % len(paths))


def supported():
    """The bundle has the log that the daemon really wrote, and no person, also where the log says too much."""
    entry = "MESSAGE=%s %s was seen\nOBJECT_SYSTEMD_UNIT=%s\nPRIORITY=4\n" % (PERSON, ID_NUMBER, SERVICE)
    run("logger", "--journald", stdin=entry)
    written = [one["MESSAGE"] for one in logged() if one.get("_COMM") == "yibaod"]
    assert any(one.startswith("ready") for one in written), written
    # As systemd's journal has it; what is masked is not what is looked for.
    assert any(PERSON in one["MESSAGE"] for one in logged()), "nothing was planted"
    made = pathlib.Path("/tmp/support.tar.gz")
    run("yibaoctl", "support", "--yes", "--out", made)
    with tarfile.open(made) as bundle:
        members = [one for one in bundle if one.isfile()]
        files = {one.name.split("/", 1)[1]: bundle.extractfile(one).read().decode() for one in members}
    lines = [line for line in files["log.txt"].splitlines() if re.search(r"yibaod\[\d+\]: ", line)]
    assert any(re.search(r"yibaod\[\d+\]: ready", line) for line in lines), files["log.txt"]
    assert "was seen" in files["log.txt"], "what was planted is not in the bundle at all"
    assert {"status.json", "metrics.txt", "doctor.json", "versions.txt", "configuration/yibaod.toml"} <= set(files)
    everything = "\n".join(files.values())
    secrets = [PERSON, ID_NUMBER]
    for person in platform("persons")["persons"]:
        secrets += [person["name"], person["idno"]]
    found = [one for one in secrets if one in everything]
    assert not found, found
    print("  %d files, %d lines of the daemon's log" % (len(files), len(lines)))


def monitored():
    """Prometheus fetches its page as the README says, with a token that may look; without it there is no page."""
    token = run("yibaoctl", "token", "create", "prometheus", "--role", "monitor").stdout.strip()
    more = ETC / "conf.d/20-metrics.toml"
    more.write_text('[tcp]\nlisten = "127.0.0.1:8610"\n[[tcp.token]]\nname = "prometheus"\nrole = "monitor"\n'
                    'file = "/etc/yibaod/tokens/prometheus"\n')
    run("yibaod", "--check")
    run("systemctl", "restart", SERVICE)
    request = urllib.request.Request("http://127.0.0.1:8610/metrics", headers={"Authorization": "Bearer " + token})
    with urllib.request.urlopen(request, timeout=60) as page:
        told = page.read().decode()
    assert "yibaod_accepting 1" in told and told.endswith("# EOF\n"), told
    try:
        urllib.request.urlopen("http://127.0.0.1:8610/metrics", timeout=60)
        raise AssertionError("without a token it was given")
    except urllib.error.HTTPError as refused:
        assert refused.code in (401, 403), refused
    more.unlink()
    run("yibaoctl", "token", "remove", "prometheus", check=False)
    (ETC / "tokens/prometheus").unlink(missing_ok=True)
    run("systemctl", "restart", SERVICE)
    wait_until("the scanner", scanner_is_ready)


TESTS = (healthy, mended, advised, supported, monitored)
