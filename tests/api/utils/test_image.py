"""Images, encoded for a model to look at."""

import io

import pytest
from PIL import Image
from pipecat_rs.utils.image import encode_image


@pytest.mark.parametrize(
    ("format", "bytes_per_pixel"), [("RGB", 3), ("RGBA", 4), ("L", 1), (None, 3), ("", 3)]
)
async def test_pixels_become_a_jpeg(format: str | None, bytes_per_pixel: int):
    data, mime = await encode_image(b"\x80" * (4 * 2 * bytes_per_pixel), (4, 2), format)
    assert mime == "image/jpeg"
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.size, picture.mode) == ("JPEG", (4, 2), "RGB")


async def test_what_is_encoded_stays_as_it_is():
    assert await encode_image(b"file", (0, 0), "image/png") == (b"file", "image/png")


async def test_pixels_that_do_not_fit_the_size():
    with pytest.raises(ValueError, match="not enough"):
        await encode_image(b"\x00", (4, 2), "RGB")
