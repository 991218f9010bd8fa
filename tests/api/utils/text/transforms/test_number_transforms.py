"""Numbers, amounts, dates and percentages in words."""

import builtins
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.utils.text.transforms import (
    VoiceFormatter,
    expand_currency,
    expand_numbers,
    expand_percentages,
    normalize_dates,
)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Your balance is $42.50", "Your balance is forty-two dollars and fifty cents"),
        ("$1", "one dollar"),
        ("$1.01", "one dollar and one cent"),
        (
            "€ 1,234,567.891",
            "one million, two hundred and thirty-four thousand, five hundred and sixty-seven euros"
            " and eighty-nine cents",
        ),
        ("£0.02", "zero pounds and two pence"),
        ("¥500.75", "five hundred yen"),
        ("₹1.5 or ₹0", "one rupee and fifty paise or zero rupees"),
        ("US$5", "USfive dollars"),
        ("$1,23", "one dollar,23"),
        ("$\u0663", "three dollars"),
        ("5$, $12x, $.50", "5$, $12x, $.50"),
        ("", ""),
    ],
)
async def test_currency(text: str, spoken: str):
    assert await expand_currency(text, "*") == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Meeting on 2023-05-10", "Meeting on May 10th, two thousand and twenty-three"),
        ("05/10/2023", "May 10th, two thousand and twenty-three"),
        ("5-1-1999", "May 1st, one thousand, nine hundred and ninety-nine"),
        ("2024-02-29", "February 29th, two thousand and twenty-four"),
        ("11/12/2011", "November 12th, two thousand and eleven"),
        ("1/22/2022", "January 22nd, two thousand and twenty-two"),
        ("12/13/2013", "December 13th, two thousand and thirteen"),
        (
            "3/3/2003, 12/31/1900",
            "March 3rd, two thousand and three, December 31st, one thousand, nine hundred",
        ),
        ("2024-02-30 0000-01-01 31/12/2020", "2024-02-30 0000-01-01 31/12/2020"),
        ("12023-05-10", "12023-05-10"),
        ("", ""),
    ],
)
async def test_dates(text: str, spoken: str):
    assert await normalize_dates(text, "*") == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("50% off today", "fifty percent off today"),
        ("99.99 %", "ninety-nine point nine nine percent"),
        ("12.50%", "twelve point five percent"),
        ("100%%", "one hundred percent%"),
        ("1,000%", "1,zero percent"),
        ("1.2.3%", "1.two point three percent"),
        ("-3%", "-three percent"),
        ("5 percent", "5 percent"),
        ("", ""),
    ],
)
async def test_percentages(text: str, spoken: str):
    assert await expand_percentages(text, "*") == spoken


@pytest.mark.parametrize(
    ("cutoff", "text", "spoken"),
    [
        (
            2025,
            "Room 42 has 1234 seats and opens in 2026",
            "Room forty-two has one thousand, two hundred and thirty-four seats"
            " and opens in 2 0 2 6",
        ),
        (2025, "1.50", "one point five zero"),
        (2025, "2025 2026.25", "two thousand and twenty-five 2 0 2 6 point 2 5"),
        (2025, "1,234,567", "1 2 3 4 5 6 7"),
        (2025, "12,34", "twelve,thirty-four"),
        (2025, "007", "seven"),
        (2025, "3rd a1 1a", "3rd a1 1a"),
        (2025, "1.2.3", "one point two.three"),
        (None, "2026", "two thousand and twenty-six"),
        (None, "1,000,000.05", "one million point zero five"),
        (0, "0 1 10", "zero 1 1 0"),
        (0, "", ""),
    ],
)
async def test_numbers(cutoff: int | None, text: str, spoken: str):
    assert await expand_numbers(digit_cutoff=cutoff)(text, "*") == spoken


async def test_small_numbers_are_words_by_default():
    assert await expand_numbers()("2025 or 2026", "*") == (
        "two thousand and twenty-five or 2 0 2 6"
    )


@pytest.mark.parametrize("digits", ["9" * 400, "9" * 10_000])
async def test_numbers_without_a_name_are_read_digit_by_digit(digits: str):
    # The first has none in num2words, the second is more than Python reads.
    single = " ".join(digits)
    assert await expand_numbers(None)(digits, "*") == single
    assert await expand_currency(f"${digits}.05", "*") == f"{single} dollars and five cents"
    assert await expand_percentages(f"{digits}.5%", "*") == f"{single} point 5 percent"


@pytest.fixture
def without_num2words(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    load = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "num2words":
            raise ImportError(name)
        return load(name, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", refuse)
        yield


@pytest.mark.usefixtures("without_num2words")
@pytest.mark.parametrize("build", [expand_numbers, VoiceFormatter])
def test_a_missing_package_is_named_when_the_transform_is_made(build: Callable[[], Any]):
    with pytest.raises(MissingDependencyError, match=r"pipecat-rs\[text\]"):
        build()


@pytest.mark.usefixtures("without_num2words")
@pytest.mark.parametrize("transform", [expand_currency, expand_percentages, normalize_dates])
async def test_a_missing_package_is_named_by_the_first_text(transform: Any):
    with pytest.raises(MissingDependencyError, match="num2words"):
        await transform("no number here", "*")


@pytest.mark.usefixtures("without_num2words")
async def test_what_needs_no_numbers_works_without_it():
    plain = VoiceFormatter(expand_currency=False, expand_percentages=False, normalize_dates=False)
    assert await plain("**5km** by API", "*") == "5 kilometers by A P I"


@pytest.mark.parametrize("piece", ["1", "1.", "1,", "1 ", "$", "$ ", "1-", "1/", "%", "1.2.3 "])
async def test_long_text_takes_no_more_than_its_length(piece: str):
    # Beginning anew at each digit would take the square of it, which is minutes here.
    text = piece * (100_000 // len(piece)) + "x"
    for transform in (expand_currency, expand_percentages, normalize_dates, expand_numbers(0)):
        assert (await transform(text, "*")).endswith("x")
