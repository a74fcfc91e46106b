"""The programs that are installed: the C library they want of a system, and how large the daemon is."""

import pathlib
import re

BARS = pathlib.Path("/mnt/host/bars").read_text().split()
# What typesets, a package of its own, is this machine's in these tests.
PROGRAMS = [pathlib.Path("/usr/lib/yibaod", name) for name in ("yibaod", "yibao-card", "yibao-sandbox")]
PROGRAMS.append(pathlib.Path("/usr/bin/yibaoctl"))
WANTED = re.compile(rb"\0GLIBC_([0-9.]+)(?=\0)")


def newest(program):
    """Of the versions that stand among the names that it links to, without any tool to ask."""
    found = {tuple(int(part) for part in version.split(b".")) for version in WANTED.findall(program.read_bytes())}
    assert found, "%s names no version of the C library" % program
    return max(found)


def programs():
    """On the oldest systems they start; the daemon is as small as was promised. Debug programs are only looked at."""
    seen = [(it, newest(it), it.stat().st_size) for it in PROGRAMS]
    for it, version, size in seen:
        print("  %-13s wants glibc %s, %9d bytes" % (it.name, ".".join(map(str, version)), size))
    if not BARS:
        print("  debug programs: not held to any bar")
        return
    library, bytes_max = tuple(int(part) for part in BARS[0].split(".")), int(BARS[1])
    late = [it.name for it, version, _ in seen if version > library]
    assert not late, "%s do not start where glibc is %s" % (late, BARS[0])
    daemon = next(size for it, _, size in seen if it.name == "yibaod")
    assert daemon <= bytes_max, "the daemon has %d bytes, more than %d" % (daemon, bytes_max)
    print("  as they ship: glibc %s at most, the daemon %d of %d bytes" % (BARS[0], daemon, bytes_max))


TESTS = (programs,)
