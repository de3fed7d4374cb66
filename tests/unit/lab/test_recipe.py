"""Names of cached things change exactly when what they are made of changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from xnai.lab import image
from xnai.lab.kernel import build as kernel
from xnai.lab.recipe import recipe_hash, tree_parts


def test_order_of_parts_does_not_matter() -> None:
    assert recipe_hash({"a": "1", "b": "2"}) == recipe_hash({"b": b"2", "a": b"1"})


@pytest.mark.parametrize(
    "other",
    [{"a": "1"}, {"a": "12"}, {"a": "1", "b": ""}, {"a": "", "b": "12"}, {"a1": "", "b": "2"}],
)
def test_parts_are_kept_apart(other: dict[str, str]) -> None:
    assert recipe_hash({"a": "1", "b": "2"}) != recipe_hash(other)


def test_tree_parts_read_files_below_a_folder(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "fstab").write_text("x")
    assert tree_parts(tmp_path) == {"etc/fstab": b"x"}


def test_image_recipe_depends_on_release_kernel_and_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {image.recipe(r, with_kernel=k) for r in image.RELEASES for k in (False, True)}
    assert len(names) == 4
    monkeypatch.setenv("XNAI_LAB_DEBIAN_MIRROR", "http://mirror.example/debian")
    assert image.recipe("trixie", with_kernel=False) not in names


def test_kernel_takes_the_proven_series_while_it_is_offered() -> None:
    offered = {"linux-source-7.2": "7.2.12-1", "linux-source-7.10": "7.10.1-1"}
    assert kernel.choose_series(offered) == ("linux-source-7.2", "7.2.12-1")
    del offered["linux-source-7.2"]
    offered["linux-source-7.9"] = "7.9.9-1"
    assert kernel.choose_series(offered) == ("linux-source-7.10", "7.10.1-1")


def test_every_line_of_the_fragment_can_be_checked() -> None:
    for line in (kernel.HERE / "uml.config").read_text().splitlines():
        ours = line.startswith("CONFIG_") and "=" in line
        off = line.startswith("# CONFIG_") and line.endswith(" is not set")
        assert ours or off or not line or line.startswith("# "), line


def test_recipes_do_not_depend_on_where_the_checkout_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = image.recipe("trixie", with_kernel=True)
    shutil.copytree(image.ROOTFS, tmp_path / "rootfs")
    monkeypatch.setattr(image, "ROOTFS", tmp_path / "rootfs")
    assert image.recipe("trixie", with_kernel=True) == before
