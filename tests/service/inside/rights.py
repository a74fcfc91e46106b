"""Every method by real users, over the socket and over the system bus, against the table that the unit tests make: its
local columns are the same for processes that the kernel and the bus vouch for."""

import base64
import concurrent.futures
import contextlib
import grp
import http.client
import json
import os
import pathlib
import pwd
import re
import socket
import struct

from desk import ETC, PATIENCE_S, SERVICE, SOCKET, ctl, run, scanner_is_ready, status, wait_until

TABLE = pathlib.Path("/mnt/host/rights.txt")
# Services of gRPC's own, which no other door has: their columns are the unit test's.
OF_GRPC = "grpc."
# Column of the table, the user, and the groups beside its own. A cashier is one by a group of the site's.
USERS = (
    ("owner", "yibaod", ()), ("root", "root", ()), ("admin", "chief", ("yibao",)),
    ("cashier", "teller", ("yibao", "tills")), ("kiosk", "hall", ("yibao",)), ("doctor", "doctor", ("yibao",)),
    ("pharm.", "pharmacy", ("yibao",)), ("other", "onlooker", ("yibao",)),
)
ROLES = """[access]
admin = ["user:chief"]
cashier = ["group:tills", "user:another"]
kiosk = ["user:hall"]
doctor = ["user:doctor"]
pharmacist = ["user:pharmacy"]
"""
MORE = ETC / "conf.d/20-rights.toml"
# In no group of ours, and one who may only look but is in the group that polkit's shipped rule trusts.
STRANGER, TRUSTED = "passer", "trusted"
# Whose the things are that others ask for.
ANOTHER = "another"
OF_ANOTHER = " of another"
# Requests of rows that ask another right than an empty one; those of another are made as they are asked.
REQUESTS = {
    "SettlementService/ScanAndPay a pharmacy's": {"kind": "ORDER_KIND_PHARMACY"},
    "SettlementService/GetSettlement another's": {"setlId": "S1"},
    "SettlementService/Reconcile the hospital": {"wholeHospital": True},
    "PrintService/Print bytes": {"raw": b"\0"},
    "PrintService/ListJobs of all": {"allCallers": True},
}
STREAMS = ("SettlementService/WatchSettlement", "IdentityService/WatchIdentification", "PrintService/WatchJob",
           "PrintService/WatchBatch", "SettlementService/Reconcile", "DeviceService/WatchDevices", "DeviceService/Claim",
           "DeviceService/RecordDevice")
# Longest wait of a call that waits for a person; who may not is told so at once.
WAIT_MS = 5000
# What the codes of the Connect protocol say to whom may not.
SHUT = ("permission_denied", "unauthenticated")
CODES = ("invalid_argument", "not_found", "failed_precondition", "deadline_exceeded", "unavailable", "already_exists",
         "resource_exhausted", "aborted", "internal", "unknown", "canceled", "unimplemented", "out_of_range", "data_loss")


def wanted():
    """The table: row, column, mark. The columns of this machine only."""
    head, *rows = TABLE.read_text().splitlines()
    width = head.index("owner")
    columns = head[width:].split("|")[0].split()
    found = {}
    for row in rows:
        marks = row[width:].split("|")[0].split()
        assert len(marks) == len(columns), row
        if not row.startswith(OF_GRPC):
            found[row[:width].strip()] = dict(zip(columns, marks))
    assert len(found) > 40 and {column for column, _, _ in USERS} <= set(columns), columns
    return found


def method_of(row):
    return row.split(" ")[0]


def account(name, groups):
    if run("id", name, check=False).returncode != 0:
        run("useradd", "--user-group", name)
    for group in groups:
        run("usermod", "--append", "--groups", group, name)


@contextlib.contextmanager
def users():
    """The accounts, and what each of them is by the configuration."""
    for group in ("tills", "yibao-admin"):
        run("groupadd", "--system", "--force", group)
    everybody = [*((name, groups) for _, name, groups in USERS), (STRANGER, ()), (TRUSTED, ("yibao", "yibao-admin")),
                 (ANOTHER, ("yibao",))]
    for name, groups in everybody:
        account(name, groups)
    MORE.write_text(ROLES)
    # The bus and polkit know who is in which group from when they looked last.
    run("systemctl", "reload", "dbus.service")
    run("systemctl", "restart", SERVICE)
    wait_until("the scanner", scanner_is_ready)
    try:
        yield
    finally:
        MORE.unlink()
        run("systemctl", "restart", SERVICE)
        wait_until("the scanner", scanner_is_ready)


def become(name):
    it = pwd.getpwnam(name)
    os.initgroups(name, it.pw_gid)
    os.setgid(it.pw_gid)
    os.setuid(it.pw_uid)


def child(name, work):
    """Does it in a process of this user's, and gives back what it found."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reads)
        try:
            become(name)
            found = work()
        except BaseException as error:
            found = {"failed": repr(error)}
        with os.fdopen(writes, "w") as pipe:
            json.dump(found, pipe)
        os._exit(0)
    os.close(writes)
    return pid, reads


def ended(begun):
    pid, reads = begun
    with os.fdopen(reads) as pipe:
        found = json.load(pipe)
    os.waitpid(pid, 0)
    assert "failed" not in found, found
    return found


class Line(http.client.HTTPConnection):
    """HTTP on the socket."""

    def __init__(self):
        super().__init__("localhost", timeout=PATIENCE_S)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


def plain(request):
    """As JSON has it."""
    def value_of(value):
        return base64.b64encode(value).decode() if isinstance(value, bytes) else value
    return {key: value_of(value) for key, value in request.items()}


def asked(method, request, line=None):
    """What the socket's door says first, as JSON; nothing where a stream says nothing in time."""
    line = line or Line()
    body = json.dumps(plain(request)).encode()
    headers = {"content-type": "application/json", "connect-timeout-ms": str(WAIT_MS)}
    if method in STREAMS:
        headers["content-type"] = "application/connect+json"
        body = struct.pack(">BI", 0, len(body)) + body
    line.request("POST", "/yibao.v1." + method, body, headers)
    answer = line.getresponse()
    if method not in STREAMS:
        told = json.loads(answer.read())
        return told if answer.status != 200 else {"answer": told}
    if answer.status != 200:
        return json.loads(answer.read())
    flags, length = struct.unpack(">BI", answer.read(5))
    told = json.loads(answer.read(length))
    return told.get("error", {"answer": told}) if flags & 2 else {"answer": told}


def by_socket(row, request):
    """`x` may, `.` may not; anything but an answer of the daemon's is a failure."""
    told = asked(method_of(row), request)
    text = json.dumps(told)
    if told.get("code") in SHUT or row.endswith(OF_ANOTHER) and "CLAIM_UNKNOWN" in text:
        return "."
    assert "answer" in told or told.get("code") in CODES, (row, told)
    return "x"


def socket_of(name):
    """The same by a process of this user's."""
    return lambda row, request: ended(child(name, lambda: {"mark": by_socket(row, request)}))["mark"]


def words(request):
    """A dictionary as busctl takes one."""
    said = [str(len(request))]
    for key, value in request.items():
        said.append(re.sub("[A-Z]", lambda found: "_" + found[0].lower(), key))
        if isinstance(value, bool):
            said += ["b", str(value).lower()]
        elif isinstance(value, int):
            said += ["u", str(value)]
        elif isinstance(value, bytes):
            said += ["ay", str(len(value)), *map(str, value)]
        elif isinstance(value, dict):
            said += ["a{sv}", *words(value)]
        else:
            said += ["s", value]
    return said


def by_bus(user, row, request):
    """The same on the system bus; what the bus itself refuses is refused."""
    service, method = method_of(row).split("/")
    request = {**request, "deadlineMs": WAIT_MS}
    done = run("busctl", "--system", "--json=short", "--timeout=60", "call", "org.yibaod.Bridge1", "/org/yibaod/Bridge1",
               "org.yibaod.Bridge1." + service.removesuffix("Service"), method, "a{sv}", *words(request),
               user=None if user == "root" else user, check=False)
    told = done.stdout + done.stderr
    if "NOT_ALLOWED" in told or "ccess denied" in told or row.endswith(OF_ANOTHER) and "CLAIM_UNKNOWN" in told:
        return "."
    # The last line of ours is for programs.
    assert done.returncode == 0 or re.search("repeat=|money=", told), (user, row, told)
    return "x"


class Claimed:
    """The scanner as another's, on a connection that is open for as long."""

    def __init__(self):
        before = os.getgroups()
        it = pwd.getpwnam(ANOTHER)
        self.line = Line()
        os.setgroups([grp.getgrnam("yibao").gr_gid])
        os.setegid(it.pw_gid)
        os.seteuid(it.pw_uid)
        try:
            self.line.connect()
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(before)

    def __enter__(self):
        told = asked("DeviceService/Claim", {"role": "scanner"}, self.line)
        return told["answer"]["granted"]["claimId"]

    def __exit__(self, *_):
        self.line.close()


def of_another(row, job, call):
    """What a caller is told of what is another's."""
    method = method_of(row).split("/")[1]
    if method == "ReleaseClaim":
        with Claimed() as claim_id:
            return call(row, {"claimId": claim_id})
    if method == "CancelJob":
        return call(row, {"jobId": job})
    operator = {"id": "1", "name": "甲", "kind": "OPERATOR_KIND_STAFF"}
    return call(row, {"requestId": "again", "jobId": job, "reason": "卡纸", "operator": operator})


def printed_by_another():
    told = json.loads(ctl("--json", "print", "--test", "--request-id", "anothers", user=ANOTHER).stdout)
    return told["jobId"]


def compare(found, expected, door):
    wrong = ["%s of %s: %s, the table says %s" % (row, who, mark, expected[row][who])
             for who, rows in found.items() for row, mark in rows.items() if mark != expected[row][who]]
    assert not wrong, door + ":\n" + "\n".join(wrong)
    rows = {len(rows) for rows in found.values()}
    assert rows == {len(expected)}, rows
    print("  %s: %d methods and cases by %d users" % (door, len(expected), len(found)))


def rights_on_the_socket():
    """By a process of each user's, who the kernel says it is; who is not in the group does not get in at all."""
    table = wanted()
    empty = [row for row in table if not row.endswith(OF_ANOTHER)]
    others = [row for row in table if row.endswith(OF_ANOTHER)]
    with users():
        job = printed_by_another()

        def ask():
            return {row: by_socket(row, request_of(row)) for row in empty}

        begun = {column: child(name, ask) for column, name, _ in USERS}
        found = {column: ended(one) for column, one in begun.items()}
        for column, name, _ in USERS:
            for row in others:
                found[column][row] = of_another(row, job, socket_of(name))
        compare(found, table, "socket")
        shut = ended(child(STRANGER, lambda: {"said": knock()}))
        assert shut["said"] == "PermissionError", shut


def knock():
    try:
        Line().connect()
    except OSError as error:
        return type(error).__name__
    return "in"


def request_of(row):
    if " " not in row:
        return {}
    assert row in REQUESTS, "no request is known for " + row
    return REQUESTS[row]


def rights_on_the_bus():
    """The same by users of the bus under the shipped policy; a stranger is shut out, and polkit's yes adds what its
    column says to one who may only look."""
    table = {row: {**marks, "with polkit": max(marks["other"], marks["polkit"])} for row, marks in wanted().items()}
    people = [*((column, name) for column, name, _ in USERS), ("bus", STRANGER), ("with polkit", TRUSTED)]
    with users():
        job = printed_by_another()

        def ask(name):
            return {row: by_bus(name, row, request_of(row)) for row in table if not row.endswith(OF_ANOTHER)}

        with concurrent.futures.ThreadPoolExecutor(len(people)) as pool:
            found = dict(zip([column for column, _ in people], pool.map(ask, [name for _, name in people])))
        for column, name in people:
            for row in table:
                if row.endswith(OF_ANOTHER):
                    found[column][row] = of_another(row, job, lambda row, request: by_bus(name, row, request))
        compare(found, table, "bus")
    assert status()["accepting"] is True


TESTS = (rights_on_the_socket, rights_on_the_bus)
