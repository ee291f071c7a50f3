"""A child that a file has taken over: what it can still do, tried out in a real one."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import pytest

from ingest import errors
from ingest.config import ParseConfig
from ingest.parse import Parser
from ingest.sandbox import receive, send
from ingest.syscalls import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Store = Callable[[bytes], Path]
    Attack = Callable[[str, str], str]

ROOT = Path(__file__).parents[2]
# A parser that does what a file says: the worst that a flaw in a library can come to. It tells how that went.
_TAKEN_OVER = """
import sys, types
from ingest import sandbox

def serve(config, data, code):
    found = {"argument": data.decode()}
    try:
        exec(code, found)
    except BaseException as error:
        return {"outcome": type(error).__name__}, b""
    return {"outcome": "done", "said": str(found.get("said", ""))}, b""

module = types.ModuleType("attack")
module.serve = serve
sys.modules["attack"] = module
sandbox._OPERATIONS["attack"] = ("attack", "serve")
sandbox.main()
"""


def _kernel_offers_both() -> bool:
    if sys.platform != "linux":
        return False
    with Parser() as parser:
        return parser.confinement().complete


confined = pytest.mark.skipif(
    not _kernel_offers_both(), reason="this system offers no Landlock and seccomp; /readyz says so too"
)


@contextmanager
def taken_over(config: ParseConfig) -> Iterator[Attack]:
    """A running child, and a function that runs a program in it and gives what came of it."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _TAKEN_OVER, json.dumps(asdict(config)), str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
    )
    to, back = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)

    def run(code: str, argument: str = "") -> str:
        send(to, {"operation": "attack", "arguments": {"code": code}}, argument.encode())
        reply = receive(back, 1024)
        if reply is None:
            return f"died of signal {-process.wait()}"
        result: dict[str, Any] = reply[0]["result"]
        return str(result.get("said") or result["outcome"])

    try:
        yield run
    finally:
        process.kill()
        process.wait()
        to.close()
        back.close()


@pytest.fixture(scope="module")
def attack() -> Iterator[Attack]:
    """A child as it reads every file: without programs."""
    with taken_over(ParseConfig(programs=False)) as run:
        yield run


def test_the_attack_works_where_nothing_holds(store: Store) -> None:
    """Without the sandbox the same programs do harm, so that their failing in it means something."""
    secret = store(b"the catalog")
    with taken_over(ParseConfig(sandbox="off")) as run:
        assert run("said = open(argument).read()", str(secret)) == "the catalog"
        assert run("import os; os.kill(os.getppid(), 0)") == "done"
        assert run("import socket; socket.socket()") == "done"
        assert run("import os; os.waitpid(os.fork() or os._exit(0), 0)") == "done"


@confined
def test_hostile_parser_cannot_open_a_file_of_the_data_folder(attack: Attack, store: Store) -> None:
    """It reads, lists, changes and removes nothing outside its own program."""
    secret = store(b"the catalog")
    for code in (
        "open(argument).read()",
        "open('/proc/self/root' + argument).read()",
        "open('/etc/passwd').read()",
        "open('/proc/' + str(__import__('os').getppid()) + '/environ').read()",
        "open('/proc/self/environ').read()",
        "open(argument, 'r+')",
        "open(argument, 'w')",
        "import os; os.open(argument, os.O_RDONLY | os.O_TRUNC)",
        "import os; os.remove(argument)",
        "import os; os.rename(argument, argument + '.gone')",
        "import os; os.truncate(argument, 0)",
        "import os; os.chmod(argument, 0o777)",
        "import os; os.link(argument, argument + '.link')",
        "import os; os.symlink(argument, argument + '.link')",
        "import os; os.mkdir(argument + '.d')",
        "import os; os.listdir(os.path.dirname(argument))",
        "import os; os.utime(argument)",
        "import os; os.setxattr(argument, 'user.x', b'y')",
    ):
        assert attack(code, str(secret)) == "PermissionError", code
    assert secret.read_bytes() == b"the catalog"


@confined
def test_hostile_parser_cannot_connect_a_socket(attack: Attack) -> None:
    """Neither to this machine nor to another, by no family of addresses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert attack("import socket; socket.create_connection(('127.0.0.1', int(argument)))", port) == (
            "PermissionError"
        )
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    for family in ("AF_INET6", "AF_UNIX", "AF_NETLINK"):
        assert attack(f"import socket; socket.socket(socket.{family})") == "PermissionError", family
    assert attack("import socket; socket.socketpair()") == "PermissionError"


@confined
def test_hostile_parser_cannot_start_or_touch_a_process(attack: Attack) -> None:
    """No program, no copy of itself, no signal to the service, no look into its memory; threads are its own."""
    for code in (
        "import os; os.fork()",
        "import os; os.execv('/bin/true', ['true'])",
        "import subprocess; subprocess.run(['/bin/true'])",
        "import os; os.posix_spawn('/bin/true', ['true'], {})",
        "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
        "import os; os.kill(-1, 0)",
        "import os; os.setsid()",
        "import os; os.setuid(12345)",
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))",
        "import resource; resource.prlimit(__import__('os').getppid(), resource.RLIMIT_CPU, (1, 1))",
        "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
    ):
        outcome = attack(code)
        # CPython turns a refusal of a limit into ValueError.
        assert outcome in ("PermissionError", "ValueError"), (code, outcome)
    assert attack("import threading; t = threading.Thread(target=int); t.start(); t.join()") == "done"


@confined
def test_hostile_parser_cannot_reach_calls_around_the_filter(attack: Attack) -> None:
    """The newer and stranger calls end in errors too: ptrace, io_uring, memory of others, descriptors of others."""
    calls = ARCHITECTURES[os.uname().machine].numbers
    for name in ("ptrace", "io_uring_setup", "process_vm_readv", "pidfd_open", "bpf", "unshare", "mount"):
        code = (
            "import ctypes; l = ctypes.CDLL(None, use_errno=True); "
            f"r = l.syscall({calls[name]}, 0, 0, 0, 0, 0); said = (r, ctypes.get_errno())"
        )
        assert attack(code) == "(-1, 1)", name


@confined
def test_hostile_parser_cannot_fill_the_log(attack: Attack, capfd: pytest.CaptureFixture[str]) -> None:
    """What it prints goes nowhere: it can neither fill the service's log nor forge a line of it."""
    assert attack("import os; os.write(2, b'forged')") == "OSError"
    assert "forged" not in capfd.readouterr().err


@confined
def test_processor_time_is_bounded() -> None:
    """A file that computes ends at its ceiling of processor time, whatever the clock says."""
    with taken_over(ParseConfig(programs=False, cpu_s=1)) as run:
        assert run("pass") == "done"
        assert run("while True: pass") == "died of signal 24"


@confined
def test_open_files_are_bounded() -> None:
    """The ceiling holds for what may be opened at all."""
    with taken_over(ParseConfig(programs=False, max_open_files=32)) as run:
        assert run("import os; a = [os.open('/dev/null', 0) for _ in range(100)]") == "OSError"


def test_a_reply_that_no_honest_child_gives_is_the_files_error(store: Store, tmp_path: Path) -> None:
    """A child that was taken over and lies in its replies ends as a failed document, never as anything else."""
    liar = tmp_path / "liar"
    program = (
        "import sys; sys.path.insert(0, {root!r}); from ingest.sandbox import receive, send\n"
        "request = receive(sys.stdin.buffer, 100)\n"
        "send(sys.stdout.buffer, {header}, b'text')\n"
        "sys.stdin.buffer.read()"
    )
    for header in (
        {},
        {"rss": 1},
        {"rss": "much", "result": {}},
        {"rss": 1, "result": []},
        {"rss": 1, "result": {"media_type": "text/plain", "title": "", "parser": "p", "blocks": [["page", 0, 99, 1]]}},
        {"rss": 1, "result": {"media_type": "text/plain", "title": "\ud800", "parser": "p", "blocks": []}},
        {"rss": 1, "result": {"media_type": "made/up", "title": "", "parser": "p", "blocks": []}},
        {"rss": 1, "result": {"media_type": "text/plain", "title": 5, "parser": "p", "blocks": []}},
        {"rss": 1, "error": "no_such_code", "message": 7},
    ):  # fmt: skip
        liar.write_text(f"#!{sys.executable}\n" + program.format(root=str(ROOT), header=header))
        liar.chmod(0o755)
        with Parser() as parser, pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "executable", str(liar))
            with pytest.raises(errors.ParseError):
                parser.parse(store(b"x"), "x.txt")


def test_required_refuses_where_the_system_offers_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With FOOTNOTE_PARSE_SANDBOX=required nothing is read without the sandbox, and the file is not at fault."""
    path = store(b"harmless")
    with Parser(ParseConfig(sandbox="required")) as parser:
        if parser.confinement().complete:
            assert parser.parse(path, "x.txt")[1].text == "harmless"
        else:
            with pytest.raises(errors.ParserUnavailable):
                parser.parse(path, "x.txt")


@confined
def test_a_system_without_the_calls_says_so(tmp_path: Path) -> None:
    """Inside a process that may not use Landlock or seccomp, the child runs without and tells why."""
    # The filter of a first confinement refuses a second child's prctl as a container's would: by an error.
    program = (
        "import ctypes, struct, errno, sys\n"
        "l = ctypes.CDLL(None, use_errno=True); l.prctl(38, 1, 0, 0, 0)\n"
        "code = [(0x20,0,0,0),(0x15,0,1,444),(6,0,0,0x50000|38),(6,0,0,0x7fff0000)]\n"
        "raw = ctypes.create_string_buffer(b''.join(struct.pack('=HBBI', *c) for c in code))\n"
        "class P(ctypes.Structure): _fields_ = (('n', ctypes.c_ushort), ('f', ctypes.c_void_p))\n"
        "assert l.prctl(22, 2, ctypes.byref(P(4, ctypes.cast(raw, ctypes.c_void_p))), 0, 0) == 0\n"
        "from ingest.parse import Parser\n"
        "with Parser() as parser: found = parser.confinement()\n"
        "assert found.files == 0 and found.calls and 'ENOSYS' in found.reason, found\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": str(ROOT)}, cwd=tmp_path)


def test_many_threads_may_ask_what_holds() -> None:
    """The question goes through the same queue as files do."""
    with Parser(workers=2) as parser:
        found = []
        threads = [threading.Thread(target=lambda: found.append(parser.confinement())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 1


@confined
@pytest.mark.skipif(shutil.which("tesseract") is None, reason="text recognition needs the program tesseract")
def test_a_child_that_reads_a_scan_starts_tesseract_and_nothing_else(store: Store) -> None:
    """Where programs are allowed, the kernel still allows only that one; files and network stay closed to it."""
    secret = store(b"the catalog")
    with taken_over(ParseConfig(programs=True)) as run:
        version = "import subprocess; said = subprocess.run(['tesseract', '--version'], capture_output=True).returncode"
        assert run(version) == "0"
        for code in (
            "import subprocess; subprocess.run(['/bin/true'])",
            "import sys, subprocess; subprocess.run([sys.executable, '-c', ''])",
            "import os; os.execv('/bin/sh', ['sh'])",
            "open(argument).read()",
            "import socket; socket.socket()",
            "import os; os.setsid()",
        ):
            assert run(code, str(secret)) == "PermissionError", code
