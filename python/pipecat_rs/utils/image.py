"""Images, encoded for a model to look at."""

from __future__ import annotations

import asyncio

from pipecat_rs.exceptions import MissingDependencyError

__all__ = ["encode_image"]


async def encode_image(
    image: bytes, size: tuple[int, int], format: str | None
) -> tuple[bytes, str]:
    """Return an image as a file, and its MIME type; pixels become a JPEG, in a thread.

    Args:
        image: Pixels, or the content of a file.
        size: Width and height, in pixels.
        format: The pixels' format such as ``RGB``, which None stands for, or the file's MIME type.

    Raises:
        MissingDependencyError: If there are pixels, and Pillow is not installed.
        ValueError: If the pixels are too few or too many for the size.
    """
    if format and format.startswith("image/"):
        return image, format
    return await asyncio.to_thread(_jpeg, image, size, format or "RGB"), "image/jpeg"


def _jpeg(pixels: bytes, size: tuple[int, int], format: str) -> bytes:
    import io

    try:
        from PIL import Image
    except ImportError as error:
        raise MissingDependencyError.of("PIL", needed_by="encode_image", extra="image") from error
    buffer = io.BytesIO()
    Image.frombytes(format, size, pixels).convert("RGB").save(buffer, format="JPEG")
    return buffer.getvalue()
