"""deny.py HOW PYTHON SCRIPT: become PYTHON SCRIPT that no memory lets both write and execute, as systemd's
MemoryDenyWriteExecute= has it. HOW: `seccomp`, the filter of systemd 252 for arm64, or `kernel`, PR_SET_MDWE of Linux 6.3,
which newer ones use besides."""

from __future__ import annotations

import ctypes
import os
import struct
import sys

MMAP, MPROTECT, PKEY_MPROTECT = 222, 226, 288
WRITE_EXECUTE, EXECUTE = 6, 4
LOAD, EQUAL, ANY_OF, AND, RETURN = 0x20, 0x15, 0x45, 0x54, 0x06  # <linux/bpf_common.h>
ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM
NUMBER, THIRD = 0, 32  # of struct seccomp_data: the call's number, and what it protects the memory with
FILTER = [  # code, and how many lines to go on if it is so, and if not
    (LOAD, 0, 0, NUMBER),
    (EQUAL, 3, 0, MMAP), (EQUAL, 6, 0, MPROTECT), (EQUAL, 5, 0, PKEY_MPROTECT), (RETURN, 0, 0, ALLOW),
    (LOAD, 0, 0, THIRD), (AND, 0, 0, WRITE_EXECUTE), (EQUAL, 4, 0, WRITE_EXECUTE), (RETURN, 0, 0, ALLOW),
    (LOAD, 0, 0, THIRD), (ANY_OF, 1, 0, EXECUTE), (RETURN, 0, 0, ALLOW),
    (RETURN, 0, 0, REFUSE),
]  # fmt: skip
NO_NEW_PRIVS, SECCOMP, BY_FILTER, MDWE, REFUSE_EXEC_GAIN = 38, 22, 2, 65, 1  # <linux/prctl.h>


class Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_void_p))


how, python, script = sys.argv[1:]
lines = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in FILTER))
program = Program(len(FILTER), ctypes.addressof(lines))
C = ctypes.CDLL(None)
assert C.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) == 0
if how == "seccomp":
    assert C.prctl(SECCOMP, BY_FILTER, ctypes.byref(program), 0, 0) == 0
else:
    assert C.prctl(MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) == 0
os.execv(python, [python, script])
