"""Conversions of time, clocks, languages, deprecations."""

import inspect
import re
import warnings
from datetime import datetime

import pytest
from pipecat_rs.clocks.system_clock import SystemClock
from pipecat_rs.transcriptions.language import Language, resolve_language
from pipecat_rs.utils.deprecation import (
    DEPRECATION_MESSAGE_RE,
    deprecated,
    warn_deprecated,
    warn_deprecated_read,
)
from pipecat_rs.utils.time import (
    nanoseconds_to_seconds,
    nanoseconds_to_str,
    seconds_to_nanoseconds,
    time_now_iso8601,
)
from pipecat_rs.utils.utils import obj_count, obj_id


def test_conversions():
    assert seconds_to_nanoseconds(1.5) == 1_500_000_000
    assert nanoseconds_to_seconds(1_500_000_000) == 1.5
    assert nanoseconds_to_str(0) == "0:00:00.000000"
    assert nanoseconds_to_str(3_661_500_000_000) == "1:01:01.500000"


def test_now():
    now = time_now_iso8601()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", now)
    assert datetime.fromisoformat(now).tzinfo is not None


def test_the_clock_stands_until_it_is_started():
    clock = SystemClock()
    assert clock.get_time() == 0
    clock.start()
    first = clock.get_time()
    assert 0 <= first <= clock.get_time()


def test_identifiers_and_numbers():
    class OfItsOwn:
        pass

    assert obj_id() < obj_id()
    assert [obj_count(OfItsOwn()), obj_count(OfItsOwn())] == [0, 1]


def test_languages(caplog: pytest.LogCaptureFixture):
    codes = {Language.EN: "eng", Language.DE_DE: "deu"}
    assert resolve_language(Language.DE_DE, codes) == "deu"
    assert not caplog.records
    assert resolve_language(Language.EN_US, codes) == "eng"
    assert resolve_language(Language.FR_FR, codes) == "fr"
    assert resolve_language(Language.FR_FR, codes, use_base_code=False) == "fr-FR"
    assert len(caplog.records) == 3
    assert Language("pt-BR") is Language.PT_BR


MESSAGE = "`old` is deprecated since 1.0.0 and will be removed in 2.0.0. Use `new` instead."


def test_deprecations():
    assert DEPRECATION_MESSAGE_RE.match(MESSAGE)

    @deprecated(MESSAGE)
    def old() -> int:
        return 1

    @deprecated(MESSAGE)
    class Old:
        pass

    class Younger(Old):
        pass

    with pytest.warns(DeprecationWarning, match="old") as caught:
        assert old() == 1
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="old"):
        Old()
    Younger()
    with pytest.warns(DeprecationWarning) as caught:
        warn_deprecated(MESSAGE)
    assert caught[0].filename == __file__


def test_a_mark_of_deprecation_says_what_it_does():
    mark = deprecated(MESSAGE, category=FutureWarning, stacklevel=2)
    assert (mark.message, mark.category, mark.stacklevel) == (MESSAGE, FutureWarning, 2)
    with pytest.warns(FutureWarning, match="old"):
        assert mark(lambda: 1)() == 1

    @deprecated(MESSAGE, category=None)
    def silent() -> int:
        return 1

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert silent() == 1
    assert silent.__deprecated__ == MESSAGE


async def test_a_deprecated_coroutine_function_stays_one():
    @deprecated(MESSAGE)
    async def old() -> int:
        return 1

    assert inspect.iscoroutinefunction(old) or old._is_coroutine
    with pytest.warns(DeprecationWarning, match="old"):
        assert await old() == 1


def test_reading_a_deprecated_field_warns_where_it_is_read():
    class Holder:
        old = 1

        def __getattribute__(self, name: str) -> object:
            if name == "old":
                warn_deprecated_read(MESSAGE)
            return super().__getattribute__(name)

    with pytest.warns(DeprecationWarning) as caught:
        assert Holder().old == 1
    read = [warning for warning in caught if str(warning.message) == MESSAGE]
    assert [warning.filename for warning in read] == [__file__]
    assert len(caught) == 2  # what tells of it is deprecated itself
