"""Python, node and perl save: one PATCH each, and what they say to a refusal."""
import pytest

from programs import SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_saves(desk, name):
    desk.saves_twice(SCRIPTS[name])


@pytest.mark.parametrize("name", SCRIPTS)
def test_is_refused(desk, name):
    desk.is_refused(SCRIPTS[name])
