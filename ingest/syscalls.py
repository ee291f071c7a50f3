"""Numbers of the system calls that the filter of ``confine`` looks at, as the kernel's headers have them.

x86-64: arch/x86/entry/syscalls/syscall_64.tbl. AArch64: include/uapi/asm-generic/unistd.h, where the older calls
that newer ones have replaced do not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Architecture:
    """One processor's table.

    Attributes:
        audit: How the kernel names it to a filter (include/uapi/linux/audit.h).
        numbers: Of the calls named below, those that it has.
    """

    audit: int
    numbers: Mapping[str, int]


# name: (x86-64, AArch64), 0 where there is none.
_TABLE: Mapping[str, tuple[int, int]] = {
    # Network and other ways to talk to processes.
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "msgget": (68, 186), "msgsnd": (69, 189),
    "msgrcv": (70, 188), "msgctl": (71, 187), "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191),
    "mq_open": (240, 180), "mq_unlink": (241, 181),
    # A queue through which all of them could be asked for unseen.
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # Other processes of the same user, the service among them.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "kill": (62, 129), "tgkill": (234, 131), "setpriority": (141, 140),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
    "ioprio_set": (251, 30), "setsid": (112, 157), "setpgid": (109, 154), "prlimit64": (302, 261),
    "setrlimit": (160, 164),
    # Making processes.
    "fork": (57, 0), "vfork": (58, 0), "clone": (56, 220), "clone3": (435, 435), "execve": (59, 221),
    "execveat": (322, 281),
    # Writing, and what Landlock leaves open: attributes of files that can be seen.
    "open": (2, 0), "openat": (257, 56), "openat2": (437, 437), "creat": (85, 0), "truncate": (76, 45),
    "unlink": (87, 0), "unlinkat": (263, 35), "rename": (82, 0), "renameat": (264, 38), "renameat2": (316, 276),
    "link": (86, 0), "linkat": (265, 37), "symlink": (88, 0), "symlinkat": (266, 36), "mkdir": (83, 0),
    "mkdirat": (258, 34), "rmdir": (84, 0), "mknod": (133, 0), "mknodat": (259, 33), "chmod": (90, 0),
    "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, 0), "fchown": (93, 55), "lchown": (94, 0),
    "fchownat": (260, 54), "utime": (132, 0), "utimes": (235, 0), "futimesat": (261, 0), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16), "inotify_init": (253, 0), "inotify_init1": (294, 26),
    "fanotify_init": (300, 262), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    # The system itself. Most need privileges, which a service that runs as root has.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "move_mount": (429, 429), "open_tree": (428, 428), "mount_setattr": (442, 442), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224),
    "swapoff": (168, 225), "sethostname": (170, 161), "setdomainname": (171, 162), "acct": (163, 89),
    "quotactl": (179, 60), "syslog": (103, 116), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "iopl": (172, 0), "ioperm": (173, 0),
    "personality": (135, 92), "modify_ldt": (154, 0), "setuid": (105, 146), "setgid": (106, 144),
    "setreuid": (113, 145), "setregid": (114, 143), "setresuid": (117, 147), "setresgid": (119, 149),
    "setgroups": (116, 159), "setfsuid": (122, 151), "setfsgid": (123, 152), "capset": (126, 91),
}  # fmt: skip

# Decided by their arguments, or only where no program may be started.
_DECIDED = {"clone", "open", "openat", "kill", "tgkill", "prlimit64", "setrlimit"}
PROCESSES = ("fork", "vfork", "execve", "execveat")
# Answered as if the kernel did not have them: their arguments lie in memory, where a filter cannot look.
MISSING = ("clone3", "openat2")
# fchmodat2, setxattrat, removexattrat, file_setattr: the same number on both, newer than many headers.
UNKNOWN_TO_TABLE = (452, 463, 466, 469)
ALWAYS_REFUSED = tuple(name for name in _TABLE if name not in {*_DECIDED, *PROCESSES, *MISSING})

ARCHITECTURES: Mapping[str, Architecture] = {
    "x86_64": Architecture(0xC000003E, {name: numbers[0] for name, numbers in _TABLE.items() if numbers[0]}),
    "aarch64": Architecture(0xC00000B7, {name: numbers[1] for name, numbers in _TABLE.items() if numbers[1]}),
}
