"""Editors save by their own functions, in batch: one PATCH each, twice in a session without
"changed on disk", and a refused save is an error that the next one mends."""
import pytest

from programs import EDITORS


@pytest.mark.parametrize("name", EDITORS)
def test_saves(desk, name):
    desk.saves_twice(EDITORS[name])


@pytest.mark.parametrize("name", EDITORS)
def test_saves_twice_in_a_session(desk, name):
    desk.saves_twice_in_a_session(EDITORS[name])


@pytest.mark.parametrize("name", EDITORS)
def test_is_refused(desk, name):
    desk.is_refused(EDITORS[name])


@pytest.mark.parametrize("name", EDITORS)
def test_is_refused_then_mends(desk, name):
    desk.is_refused_then_mends(EDITORS[name])
