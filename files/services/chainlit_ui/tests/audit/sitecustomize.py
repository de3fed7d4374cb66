"""Notes what the server writes and whom it calls, from its first import on."""

import os
import sys

_LOG = os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_CHANGES = {
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.chmod",
    "os.truncate", "shutil.rmtree",
}
_CALLS = {"socket.connect", "socket.getaddrinfo", "subprocess.Popen", "webbrowser.open"}


def _hook(event, args):
    if event == "open":
        path, _, flags = args
        if isinstance(path, (str, bytes)) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            os.write(_LOG, f"write {os.path.abspath(os.fsdecode(path))}\n".encode())  # noqa: PTH100
    elif event in _CHANGES:
        path = args[1] if event in ("os.symlink", "os.link") else args[0]
        os.write(_LOG, f"write {os.path.abspath(os.fsdecode(path))}\n".encode())  # noqa: PTH100
    elif event in _CALLS:
        shown = args[1] if event == "socket.connect" else args[:2]
        os.write(_LOG, f"call {event} {shown!r}\n".encode())


sys.addaudithook(_hook)
