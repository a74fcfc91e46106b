"""Secrets that lie in no place of ours: systemd hands them over, and the desk settles with them."""

import os
import pathlib
import re
import shutil
import urllib.request

from care import healthy
from desk import ETC, KEY, SERVICE, Pay, charged, main_pid, run, scanner_is_ready, shown, status, wait_until

# Where nobody but root gets in, the service's user neither.
VAULT = pathlib.Path("/root/vault")
DROP_IN = pathlib.Path("/run/systemd/system/yibaod.service.d/handed.conf")
SITE, MORE = ETC / "site.toml", ETC / "conf.d/20-handed.toml"
TOKEN = "handed-0123456789abcdef0123456789abcdef"
PAGE = "http://127.0.0.1:8610/metrics"


def handed():
    """Key, gateway's secret and a token by LoadCredential=: what is in no other place is used, and the doctor is content."""
    secret = re.search(r'(?m)^secret = "(.+)"$', SITE.read_text())
    VAULT.mkdir(mode=0o700)
    shutil.move(KEY, VAULT / KEY.name)
    os.chown(VAULT / KEY.name, 0, 0)
    profile = SITE.read_text()
    SITE.write_text(profile.replace(secret[0], 'secret_file = "yibaod-gateway"'))
    MORE.write_text('[tcp]\nlisten = "127.0.0.1:8610"\n[[tcp.token]]\nname = "page"\nrole = "monitor"\n'
                    'file = "yibaod-token-page"\n')
    # Missing, the service does not come up, rather than with another key or none.
    names = (KEY.name, "yibaod-gateway", "yibaod-token-page")
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text("[Service]\n" + "".join("LoadCredential=%s:%s\n" % (one, VAULT / one) for one in names))
    run("systemctl", "daemon-reload")
    assert run("systemctl", "restart", SERVICE, check=False).returncode != 0
    assert shown(SERVICE, "Result")["Result"] != "success"
    run("systemctl", "stop", SERVICE)
    for name, text in (("yibaod-gateway", secret[1]), ("yibaod-token-page", TOKEN)):
        (VAULT / name).write_text(text)
        (VAULT / name).chmod(0o600)
    run("systemctl", "reset-failed", SERVICE)
    run("systemctl", "restart", SERVICE)
    environment = pathlib.Path("/proc/%d/environ" % main_pid()).read_bytes().split(b"\0")
    given = dict(one.split(b"=", 1) for one in environment if b"=" in one)[b"CREDENTIALS_DIRECTORY"]
    assert set(os.listdir(given)) == {name.encode() for name in names}, os.listdir(given)
    assert not KEY.exists() and secret[1] not in SITE.read_text()
    wait_until("the scanner", scanner_is_ready)
    had = charged()
    # The gateway takes what is signed with that secret; the journal of before is read with that key.
    assert Pay("handed").begin().answer()["money"] == "MONEY_SETTLED"
    assert charged() == had + 1 and status()["accepting"] is True
    request = urllib.request.Request(PAGE, headers={"Authorization": "Bearer " + TOKEN})
    with urllib.request.urlopen(request, timeout=60) as page:
        assert page.read().decode().endswith("# EOF\n")
    healthy()
    put_back(profile)


def put_back(profile):
    """As it was."""
    shutil.move(VAULT / KEY.name, KEY)
    shutil.chown(KEY, "yibaod", "yibao")
    SITE.write_text(profile)
    for one in (MORE, DROP_IN):
        one.unlink()
    shutil.rmtree(VAULT)
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", SERVICE)
    wait_until("the scanner", scanner_is_ready)
    healthy()


TESTS = (handed,)
