"""Takes a process's rights away, with what Linux offers to every user: Landlock for files, seccomp for calls.

Landlock (https://docs.kernel.org/userspace-api/landlock.html) leaves a process the files under the folders that are
named, and no other. A seccomp filter (https://docs.kernel.org/userspace-api/seccomp_filter.html) refuses system
calls by number. Neither needs privileges, neither can be undone, and both pass on to whatever the process starts.
Elsewhere, and in containers that forbid these calls, a process keeps its rights: ``Confinement`` says which hold.

The filter refuses what a reader of documents has no business with. It is no list of what it may do, because that
list changes with every version of the C library.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.syscalls import ALWAYS_REFUSED, ARCHITECTURES, MISSING, PROCESSES, UNKNOWN_TO_TABLE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ingest.syscalls import Architecture

# include/uapi/linux/landlock.h
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_QUERY_VERSION = 1
_RULE_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
# Rights on files that each version of Landlock knows: 13 in the first, then moving, truncating, device control.
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NETWORK_SINCE, _NETWORK_RIGHTS = 4, 0b11
_SCOPE_SINCE, _SCOPES = 6, 0b11

# include/uapi/linux/prctl.h and seccomp.h, include/uapi/linux/bpf_common.h
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_MODE_FILTER = 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32_BIT = 0x40000000

_CLONE_THREAD = 0x00010000
_RLIMIT_CPU = 0
# O_WRONLY, O_RDWR, O_CREAT and O_TRUNC, as Linux numbers them: other systems lack some of the names.
_WRITES = 0o1 | 0o2 | 0o100 | 0o1000

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Confinement:
    """What holds for a process.

    Attributes:
        files: Version of Landlock that bounds the files it can open, 0 when none does.
        calls: Whether the filter of system calls holds: no network, no signals to others, no writing.
        programs: Whether it may still start programs.
        reason: Why something of this does not hold, for people; empty when all does.
    """

    files: int
    calls: bool
    programs: bool
    reason: str

    @property
    def complete(self) -> bool:
        """Whether the operating system keeps this process from files and network."""
        return self.files > 0 and self.calls


def confine(readable: Iterable[Path], programs: Iterable[Path] = ()) -> Confinement:
    """Take this thread's rights away, and those of all threads and processes that it starts from now on.

    Args:
        readable: Files and folders that may still be read. What does not exist is passed over.
        programs: Programs that may be started, with the loader that starts them; none to start no process at all.

    Returns:
        What holds from now on. Nothing is raised when the system offers less: the caller decides.
    """
    started = tuple(programs)
    if sys.platform != "linux":
        return Confinement(0, calls=False, programs=True, reason=f"{sys.platform} offers neither of them")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return Confinement(0, calls=False, programs=True, reason=f"no_new_privs: {_last_error()}")
    reasons = []
    files, problem = _confine_files(libc, tuple(readable), started)
    if problem:
        reasons.append(f"Landlock: {problem}")
    problem = _confine_calls(libc, programs=bool(started))
    if problem:
        reasons.append(f"seccomp: {problem}")
    return Confinement(
        files, calls=not problem, programs=bool(started) or bool(problem), reason="; ".join(reasons)
    )


def _confine_files(
    libc: ctypes.CDLL, readable: tuple[Path, ...], programs: tuple[Path, ...]
) -> tuple[int, str]:
    """Version of Landlock that holds now, 0 for none, and why none does."""
    version = libc.syscall(_CREATE_RULESET, None, 0, _QUERY_VERSION)
    if version < 1:
        return 0, _last_error()
    rights = _FILE_RIGHTS[max(known for known in _FILE_RIGHTS if known <= version)]
    network = _NETWORK_RIGHTS if version >= _NETWORK_SINCE else 0
    scopes = _SCOPES if version >= _SCOPE_SINCE else 0
    # The structure has grown; an older kernel refuses what it does not know unless it is zero.
    attributes = struct.pack("=QQQ", rights, network, scopes)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return 0, _last_error()
    try:
        for path in readable:
            _allow(libc, ruleset, path, _READ_FILE | _READ_DIR)
        for path in programs:
            _allow(libc, ruleset, path, _READ_FILE | _EXECUTE)
        if libc.syscall(_RESTRICT_SELF, ruleset, 0):
            return 0, _last_error()
    finally:
        os.close(ruleset)
    return version, ""


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        # What is not there cannot be read either.
        return
    try:
        if not path.is_dir():
            rights &= ~_READ_DIR
        rule = struct.pack("=Qi", rights, handle)
        # A rule that the kernel refuses leaves the path unreadable, which is the safe side.
        libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(handle)


def _confine_calls(libc: ctypes.CDLL, *, programs: bool) -> str:
    """Install the filter; an empty string, or why it could not be."""
    machine = ARCHITECTURES.get(platform.machine())
    if machine is None or sys.byteorder != "little" or struct.calcsize("P") != 8:  # noqa: PLR2004 -- 64 bits.
        return f"no table of system calls for {platform.machine()}"
    program = _filter(machine, os.getpid(), programs=programs)
    encoded = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    described = Program(len(program), ctypes.cast(encoded, ctypes.c_void_p))
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(described), 0, 0):
        return _last_error()
    return ""


def _filter(machine: Architecture, pid: int, *, programs: bool) -> list[Instruction]:
    """The filter's program: each block compares the call's number and either decides or goes on to the next."""
    number = machine.numbers
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        # A second way to the same calls on x86-64, under other numbers.
        (_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _KILL),
    ]
    refused = ALWAYS_REFUSED if programs else ALWAYS_REFUSED + PROCESSES
    for each in (number[name] for name in refused if name in number):
        program += _refused(each, errno.EPERM)
    # For these the C library then uses an older call, whose arguments can be looked at here.
    for each in (*(number[name] for name in MISSING), *UNKNOWN_TO_TABLE):
        program += _refused(each, errno.ENOSYS)
    if not programs:
        program += _when(number["clone"], 0, _ANY_BIT, _CLONE_THREAD, _ALLOW, _ERRNO | errno.EPERM)
    for name, position in (("open", 1), ("openat", 2)):
        if name in number:
            program += _when(number[name], position, _ANY_BIT, _WRITES, _ERRNO | errno.EACCES, _ALLOW)
    for name in ("kill", "tgkill"):
        program += _when(number[name], 0, _EQUAL, pid, _ALLOW, _ERRNO | errno.EPERM)
    # Of its own limits the process lowers one, that of processor time; whoever runs as root could raise others.
    program += _when(number["setrlimit"], 0, _EQUAL, _RLIMIT_CPU, _ALLOW, _ERRNO | errno.EPERM)
    program += [
        (_EQUAL, 0, 11, number["prlimit64"]),
        (_LOAD, 0, 0, _argument(0)),
        (_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_LOAD, 0, 0, _argument(1)),
        (_EQUAL, 4, 0, _RLIMIT_CPU),
        # Asking what a limit is changes nothing: the pointer to the new one is null.
        (_LOAD, 0, 0, _argument(2)),
        (_EQUAL, 0, 3, 0),
        (_LOAD, 0, 0, _argument(2) + 4),
        (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return program


def _refused(number: int, code: int) -> list[Instruction]:
    return [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | code)]


def _when(number: int, position: int, test: int, value: int, then: int, otherwise: int) -> list[Instruction]:
    """Decide a call by the lower half of one of its arguments."""
    return [
        (_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _argument(position)),
        (test, 0, 1, value),
        (_RETURN, 0, 0, then),
        (_RETURN, 0, 0, otherwise),
    ]


def _argument(position: int) -> int:
    return _ARGUMENTS_AT + 8 * position


def _last_error() -> str:
    code = ctypes.get_errno()
    return f"{errno.errorcode.get(code, code)}: {os.strerror(code)}"
