"""Files that clients send, kept until the language model is given them."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

_logger = logging.getLogger(__name__)


class FileStorage(ABC):
    """Where files are kept, each under a URL which the storage makes up.

    Whoever takes uploads in and whoever reads them share one storage; the URL passes between them
    unchanged, and only the storage understands it.

    Attributes:
        delete_after_load: Whether a `FileResolver` deletes a file once it has read it. True only
            where each URL is an upload of the storage's own, never where it may be data of others.
    """

    delete_after_load: bool = False

    @abstractmethod
    async def save(self, filename: str, contents: bytes) -> str:
        """Keep a file.

        Args:
            filename: What the client calls it. The URL must not be made of it.
            contents: Its contents.

        Returns:
            Its URL.
        """

    @abstractmethod
    async def load(self, file_url: str) -> bytes:
        """Return the contents of a file.

        Args:
            file_url: Its URL.

        Raises:
            FileNotFoundError: If it is not, or no longer, kept here.
        """

    @abstractmethod
    async def delete(self, file_url: str) -> None:
        """Delete a file, if it is there.

        Args:
            file_url: Its URL.
        """


class LocalFileStorage(FileStorage):
    """Keeps files in a folder, under ``pipecat:`` and 32 random hexadecimal digits.

    Such a URL tells nothing of the client's file name, and cannot lead out of the folder.
    """

    delete_after_load = True

    _SCHEME: ClassVar[str] = "pipecat:"
    _NAME: ClassVar[re.Pattern[str]] = re.compile("[0-9a-f]{32}")

    def __init__(self, folder: str | Path, max_files: int = 10) -> None:
        """Set where to keep files.

        Args:
            folder: The folder, made when the first file comes.
            max_files: How many files are kept. Those written first go first. 0 for no limit.
        """
        self._folder = Path(folder)
        self._max_files = max_files

    async def save(self, filename: str, contents: bytes) -> str:
        """See `FileStorage.save`."""
        name = uuid.uuid4().hex
        await asyncio.to_thread(self._write, name, contents)
        return self._SCHEME + name

    async def load(self, file_url: str) -> bytes:
        """See `FileStorage.load`."""
        return await asyncio.to_thread(self._path(file_url).read_bytes)

    async def delete(self, file_url: str) -> None:
        """See `FileStorage.delete`. A file that cannot be deleted is logged."""
        try:
            await asyncio.to_thread(self._path(file_url).unlink)
        except FileNotFoundError:
            return
        except OSError as error:
            _logger.warning("the upload %s cannot be deleted: %s", file_url, error)

    def _path(self, file_url: str) -> Path:
        name = file_url.removeprefix(self._SCHEME)
        if not self._NAME.fullmatch(name):
            raise FileNotFoundError(file_url)
        return self._folder / name

    def _write(self, name: str, contents: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_bytes(contents)
        if self._max_files > 0:
            self._delete_oldest()

    def _delete_oldest(self) -> None:
        # The upload itself has worked: what goes wrong here must not fail it.
        try:
            files = [path for path in self._folder.iterdir() if path.is_file()]
            files.sort(key=lambda path: path.stat().st_mtime_ns)
        except OSError as error:
            _logger.warning("the uploads in %s cannot be listed: %s", self._folder, error)
            return
        for path in files[: -self._max_files]:
            try:
                path.unlink(missing_ok=True)
                _logger.debug("too many uploads in %s: %s is deleted", self._folder, path.name)
            except OSError as error:
                _logger.warning("the upload %s cannot be deleted: %s", path, error)
