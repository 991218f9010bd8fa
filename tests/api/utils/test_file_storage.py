"""Uploads are kept in a folder under names that say nothing."""

import os
from pathlib import Path

import pytest
from pipecat_rs.utils.file_storage import FileStorage, LocalFileStorage


async def test_what_was_saved_is_loaded_until_it_is_deleted(tmp_path: Path):
    storage = LocalFileStorage(str(tmp_path / "uploads"))
    url = await storage.save("../../holiday.png", b"contents")
    assert url.startswith("pipecat:") and len(url) == len("pipecat:") + 32
    assert await storage.load(url) == b"contents"
    assert [path.name for path in (tmp_path / "uploads").iterdir()] == [url[len("pipecat:") :]]
    await storage.delete(url)
    with pytest.raises(FileNotFoundError):
        await storage.load(url)
    await storage.delete(url)  # it is gone already


@pytest.mark.parametrize("url", ["pipecat:../secret", "pipecat:", "secret", "pipecat:" + "g" * 32])
async def test_no_url_leads_to_another_file(tmp_path: Path, url: str):
    (tmp_path / "secret").write_bytes(b"x")
    storage = LocalFileStorage(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        await storage.load(url)
    await storage.delete(url)
    assert (tmp_path / "secret").exists()


async def test_the_oldest_files_make_room(tmp_path: Path):
    storage = LocalFileStorage(str(tmp_path), max_files=2)
    urls = []
    for age in (30, 20, 10):
        urls.append(await storage.save("f", b"x"))
        path = tmp_path / urls[-1].removeprefix("pipecat:")
        if path.exists():
            os.utime(path, (1_000_000 - age, 1_000_000 - age))
    left = {f"pipecat:{path.name}" for path in tmp_path.iterdir()}
    assert left == set(urls[1:])


async def test_without_a_limit_all_are_kept(tmp_path: Path):
    storage = LocalFileStorage(str(tmp_path), max_files=0)
    for _ in range(12):
        await storage.save("f", b"x")
    assert len(list(tmp_path.iterdir())) == 12


def test_only_its_own_uploads_are_deleted_once_read():
    assert LocalFileStorage.delete_after_load and not FileStorage.delete_after_load
