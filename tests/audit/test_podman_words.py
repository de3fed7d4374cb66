"""The way through Podman, as far as it can be seen without one that works: what it is told."""

from __future__ import annotations

from xnai.audit import sandbox


def test_podman_gets_no_network_and_a_root_of_ours_only(tmp_path, monkeypatch):
    fake = tmp_path / "podman"
    fake.write_text(f'#!/bin/sh\necho "GNU Make"\nprintf "%s\\n" "$@" > {tmp_path}/words\n')
    fake.chmod(0o755)
    which = sandbox.shutil.which
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: {
        "bwrap": None, "podman": str(fake)}.get(name, which(name)))
    monkeypatch.setattr(sandbox.os, "geteuid", lambda: 1000)
    with sandbox.sandbox({"Makefile": "all:\n\t:\n"}) as box:
        assert isinstance(box, sandbox.Sandbox)
        words = (tmp_path / "words").read_text().split()
        assert {"--network=none", "--read-only", "--cap-drop=all", "--rm"} <= set(words)
        assert words[words.index("--rootfs") + 1] == str(box.root)
        assert {"--timeout=10", "--ulimit=data=268435456:268435456"} <= set(words)
        assert not [word for word in words if word.startswith(("--volume", "-v", "--mount"))]


def test_a_container_that_does_not_end_is_removed(tmp_path, monkeypatch):
    fake = tmp_path / "podman"
    fake.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n'
        'case "$*" in *--version) echo "GNU Make";; *run*) exec sleep 60;; esac\n'
    )
    fake.chmod(0o755)
    which = sandbox.shutil.which
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: {
        "bwrap": None, "podman": str(fake)}.get(name, which(name)))
    monkeypatch.setattr(sandbox.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sandbox, "SECONDS", 1)
    with sandbox.sandbox({"Makefile": "all:\n\t:\n"}) as box:
        assert box.make("", ["-pn"]).why == sandbox._ENDLESS.why
        assert f"rm --force --ignore --time=0 {box.root.name}" in (tmp_path / "calls").read_text()
